"""How far a person has the wheel, and what is said of it. The pane that says it is `widgets.wheel`."""

from __future__ import annotations

from enum import StrEnum
from typing import Final

import msgspec

from pilothouse.safety import clean_line
from pilothouse.tui.actions import AIM_KEYS, DRIVING_KEYS, WHEEL_KEYS, LocalKey

ECHO_CHARS: Final = 40


class Grip(StrEnum):
    """How far a person has the wheel."""

    OFF = "off"
    ASK = "ask"
    """The question is shown; nothing has been asked of the engine."""
    ASKING = "asking"
    DRIVING = "driving"
    GIVING = "giving"
    """What was done goes out, then the wheel back."""
    LOST = "lost"
    """It was taken away; the keys mean nothing until that has been seen."""


class Standing(msgspec.Struct, frozen=True):
    """What the pane says."""

    grip: Grip = Grip.OFF
    other: str = ""
    """Who else drives."""
    asked_by: str = ""
    left_s: int = 0
    secret: bool = False
    concealed: bool = False
    """The engine has confirmed that nothing is recorded."""
    aiming: str = ""
    """Where the crosshair is."""
    waiting: int = 0
    echo: str = ""
    why: str = ""

    @property
    def keys(self) -> tuple[LocalKey, ...]:
        """The keys that mean something now."""
        if self.grip is Grip.DRIVING:
            return AIM_KEYS if self.aiming else DRIVING_KEYS
        return WHEEL_KEYS if self.grip is Grip.ASK else WHEEL_KEYS[-1:]


def echoed(before: str, text: str, *, secret: bool) -> str:
    """Put what was typed behind what was typed before it, shortened from the front; masked if secret."""
    shown = "•" * len(text) if secret else clean_line(text, ECHO_CHARS)
    return (before + shown)[-ECHO_CHARS:]
