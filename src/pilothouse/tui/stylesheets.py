"""Style sheets that are read when what they style is first shown. Those of the first frame are the app's."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from textual.app import App

_HERE = Path(__file__).parent


def read_late(app: App[Any], *names: str) -> None:
    """Read style sheets of ours, each once; what is mounted from now on is styled by them."""
    for path in map(_HERE.joinpath, names):
        if not app.stylesheet.has_source(str(path)):
            app.stylesheet.add_source(path.read_text(encoding="utf-8"), read_from=(str(path), ""))
