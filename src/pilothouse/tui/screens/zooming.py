"""Looking closer at the picture: what `+`, `-` and, while it is enlarged, the arrows do. Paints nothing."""

from __future__ import annotations

from typing import Final

from pilothouse.tui.panes.picture import PicturePane
from pilothouse.tui.screens.base import RunBody

CLOSER: Final = 2.0
STEP: Final = 0.25
"""An arrow moves by a quarter of what is shown."""
_WAYS: Final = {
    "step.previous": (-STEP, 0.0),
    "step.next": (STEP, 0.0),
    "row.up": (0.0, -STEP),
    "row.down": (0.0, STEP),
}


class Zooming(RunBody, is_layer=True):
    """Adds the enlarged picture to the run screen."""

    def do_picture_closer(self) -> None:
        """Enlarge the picture."""
        self.query_one(PicturePane).zoom(CLOSER)

    def do_picture_further(self) -> None:
        """Show more of it again."""
        self.query_one(PicturePane).zoom(1 / CLOSER)

    def looks_around(self, action: str) -> bool:
        """Take the arrows for the enlarged picture while it has the keys; says whether it did."""
        if action not in _WAYS or self.here != "picture":
            return False
        return self.query_one(PicturePane).pan(*_WAYS[action])
