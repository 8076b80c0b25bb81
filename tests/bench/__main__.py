"""`python -m tests.bench NAME...`; nothing is measured here."""

from __future__ import annotations

import difflib
import sys

from tests.bench import REGISTRY, line, load_all


def main(names: list[str]) -> int:
    load_all()
    for name in names:
        if name not in REGISTRY:
            near = difflib.get_close_matches(name, REGISTRY, n=1)
            known = f"the nearest is {near[0]}" if near else f"there are {', '.join(sorted(REGISTRY))}"
            print(f"no benchmark {name} ({known})", file=sys.stderr)
            return 2
    kept = True
    for name in names or sorted(REGISTRY):
        text, ok = line(REGISTRY[name])
        print(text, flush=True)
        kept = kept and ok
    return 0 if kept else 1


sys.exit(main(sys.argv[1:]))
