"""What a person did and the page does not know yet: in order, and no more of it than matters. Sends nothing.

One thing is under way at a time; behind it only the newest place of the pointer counts, letters become text,
and notches add up. What has left is never sent again.
"""

from __future__ import annotations

from collections import deque
from typing import Final

import msgspec

from pilothouse.tui.pointer import SLOP_PX, TYPE_MAX, Deed

WAITING_MAX: Final = 150
"""So much may wait; an engine takes 200."""
REPEAT_MAX: Final = 100
AGAIN_S: Final = 0.5
"""A click behind a waiting one makes it a double click within this time."""
NEAR_PX: Final = 48.0
"""Notches so near to one another are one scroll: a hand on a wheel trembles."""
_MORE: Final = {"left_click": "double_click", "double_click": "triple_click"}


class Parcel(msgspec.Struct, frozen=True):
    """One thing to send."""

    deed: Deed | None
    order: str = ""
    """Instead of a deed: `conceal`, `reveal` or `release`."""
    secret: bool = False
    at_s: float = 0.0


class Outbox:
    """Parcels that wait."""

    def __init__(self) -> None:
        self._waiting: deque[Parcel] = deque()

    def __len__(self) -> int:
        return len(self._waiting)

    def clear(self) -> None:
        """Drop everything."""
        self._waiting.clear()

    def order(self, order: str) -> None:
        """Put something behind all that waits that is no deed."""
        self._waiting.append(Parcel(None, order))

    def put(self, deed: Deed, now: float, *, secret: bool = False) -> bool:
        """Put a deed behind what waits, or make one with the last of it; says whether there was room."""
        last = self._waiting[-1] if self._waiting else None
        if last is not None and last.deed is not None and last.secret == secret:
            merged = _merged(last.deed, deed, now - last.at_s)
            if merged is not None:
                self._waiting[-1] = Parcel(merged, secret=secret, at_s=now)
                return True
        if len(self._waiting) >= WAITING_MAX:
            return False
        self._waiting.append(Parcel(deed, secret=secret, at_s=now))
        return True

    def take(self) -> Parcel | None:
        """Take what is to be sent next."""
        return self._waiting.popleft() if self._waiting else None


def _merged(last: Deed, deed: Deed, apart_s: float) -> Deed | None:
    """Make one deed of two where that does the same."""
    match last.member, deed.member:
        case "mouse_move", "mouse_move":
            return deed
        case "type", "type":
            text = last.input["text"] + deed.input["text"]
            return Deed("type", {"text": text}) if len(text) <= TYPE_MAX else None
        case "scroll", "scroll":
            return _farther(last, deed)
        case "key", "key" if last.input["text"] == deed.input["text"]:
            times = last.input.get("repeat", 1) + 1
            return Deed("key", {**deed.input, "repeat": times}) if times <= REPEAT_MAX else None
        case ("left_click" | "double_click") as click, "left_click" if apart_s <= AGAIN_S:
            return Deed(_MORE[click], last.input) if _alike(last, deed, SLOP_PX) else None
        case _:
            return None


def _farther(last: Deed, deed: Deed) -> Deed | None:
    notches = last.input["scroll_amount"] + deed.input["scroll_amount"]
    same_way = last.input["scroll_direction"] == deed.input["scroll_direction"]
    if not same_way or notches > REPEAT_MAX or not _alike(last, deed, NEAR_PX):
        return None
    return Deed("scroll", {**deed.input, "scroll_amount": notches})


def _alike(last: Deed, deed: Deed, within_px: float) -> bool:
    """Say whether two deeds are at about one place, with the same keys held."""
    (x0, y0), (x1, y1) = last.input["coordinate"], deed.input["coordinate"]
    near = abs(x0 - x1) <= within_px and abs(y0 - y1) <= within_px
    return near and last.input.get("text") == deed.input.get("text")
