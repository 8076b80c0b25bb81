"""Regular expressions that are compiled when they are first used.

Compiling all that a bridge has takes as long as its whole first frame may take longer than an empty app's
allows; most are for what never happens, a few for what happens at once.
"""

from __future__ import annotations

import re
from typing import Any, AnyStr, cast


def lazily(pattern: AnyStr, flags: int = 0) -> re.Pattern[AnyStr]:
    """Give what acts as the compiled pattern: its methods, compiled at the first that is called.

    A pattern that is wrong raises `re.error` only then: whoever writes one has it tested.
    """
    return cast("re.Pattern[AnyStr]", _Lazy(pattern, flags))


class _Lazy:
    def __init__(self, pattern: Any, flags: int) -> None:
        self._pattern, self._flags = pattern, flags

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        found = getattr(re.compile(self._pattern, self._flags), name)
        setattr(self, name, found)  # from now on it is found without coming here
        return found
