"""Kinds of option values that several verbs take; each says what it wants. No option is declared here."""

from __future__ import annotations

import argparse
import math
import re
from collections.abc import Callable

Kind = Callable[[str], object]
"""What argparse calls with an option's text; raises `ArgumentTypeError` with a sentence."""

VIEWPORT_MIN_PX = 200
VIEWPORT_MAX_PX = 4096
UNITS_S = {"": 1, "s": 1, "m": 60, "h": 3600}


def viewport(text: str) -> tuple[int, int]:
    """Read `1280x800` as pixels."""
    sizes = re.fullmatch(r"(\d{1,5})[xX×](\d{1,5})", text)
    if sizes is None:
        raise argparse.ArgumentTypeError(f"{text!r} is no size: give WIDTHxHEIGHT, for example 1280x800")
    width, height = int(sizes[1]), int(sizes[2])
    if not all(VIEWPORT_MIN_PX <= side <= VIEWPORT_MAX_PX for side in (width, height)):
        raise argparse.ArgumentTypeError(
            f"{text}: each side is {VIEWPORT_MIN_PX} to {VIEWPORT_MAX_PX} pixels"
        )
    return width, height


def duration(text: str) -> float:
    """Read `90`, `90s`, `10m` or `1h` as seconds."""
    parts = re.fullmatch(r"(\d{1,6}(?:\.\d{1,3})?)([smh]?)", text)
    if parts is None:
        raise argparse.ArgumentTypeError(f"{text!r} is no duration: give seconds, or 90s, 10m, 1h")
    return float(parts[1]) * UNITS_S[parts[2]]


def factor(text: str) -> float:
    """Read a speed: a positive number."""
    try:
        value = float(text.removesuffix("x"))
    except ValueError:
        value = math.nan
    if not 0 < value <= 1000:
        raise argparse.ArgumentTypeError(f"{text!r} is no speed: give a number above 0, for example 4")
    return value


def port(text: str) -> int:
    """Read a TCP port; 0 lets the system choose."""
    if not text.isdecimal() or int(text) > 65535:
        raise argparse.ArgumentTypeError(f"{text!r} is no port: give 0 to 65535, 0 lets the system choose")
    return int(text)


def approve(text: str) -> str:
    """Take `auto`; the other modes of the design are not here yet."""
    if text == "auto":
        return text
    if text in {"ask", "ask-risky"}:
        raise argparse.ArgumentTypeError(f"{text!r} comes with a later version: give auto")
    raise argparse.ArgumentTypeError(f"there is no mode {text!r}: give auto")
