"""Kinds of values: what each takes as text, what it takes from a file, and how it says what is allowed.

An environment variable and an option are text; a settings file has types, and a kind takes its own type only.
"""

from __future__ import annotations

import re
from typing import Any, ClassVar
from urllib.parse import urlsplit

import msgspec

UNITS_S = {"": 1, "s": 1, "m": 60, "h": 3600}
UNITS_BYTES = {"": 1, "kb": 10**3, "mb": 10**6, "kib": 2**10, "mib": 2**20}
VIEWPORT_MIN_PX = 200
VIEWPORT_MAX_PX = 4096
TEXT_MAX_CHARS = 20_000
NAMES_MAX = 100
_TRUE = frozenset({"1", "true", "yes", "on"})
_FALSE = frozenset({"0", "false", "no", "off"})


class Unfit(Exception):
    """A value of no use: what is wrong with it, and what to give."""

    def __init__(self, what: str, give: str) -> None:
        super().__init__(what, give)
        self.what = what
        self.give = give


class Kind(msgspec.Struct, frozen=True):
    """One kind of value. Every method that reads raises `Unfit`."""

    metavar: ClassVar[str] = "VALUE"
    repeats: ClassVar[bool] = False
    """Given more than once on a command line, the values add up."""

    @property
    def give(self) -> str:
        """Say what is allowed, as an instruction."""
        raise NotImplementedError

    def read(self, text: str) -> Any:
        """Read text, of an environment variable or an option."""
        raise NotImplementedError

    def convert(self, value: object) -> Any:
        """Take a value of a settings file: text, unless the kind says otherwise."""
        if not isinstance(value, str):
            raise Unfit(f"{_shown(value)} is no text", f"{self.give}, in quotes")
        return self.read(value)

    def show(self, value: Any) -> str:
        """Write a value as a person would give it."""
        return str(value)

    def choices(self) -> tuple[str, ...]:
        """List the values, where they can be listed."""
        return ()


def _shown(value: object) -> str:
    return {True: "true", False: "false"}.get(value, repr(value)) if isinstance(value, bool) else repr(value)


class Choice(Kind, frozen=True):
    """One of a few words; `later` are words that will be allowed once what they mean is there."""

    words: tuple[str, ...]
    later: tuple[str, ...] = ()
    metavar: ClassVar[str] = "WORD"

    @property
    def give(self) -> str:
        """List the words."""
        *most, last = self.words
        return f"give {', '.join(most)} or {last}" if most else f"give {last}"

    def read(self, text: str) -> str:
        """Take one of the words; empty where that is one of them."""
        if text in self.words:
            return text
        if text in self.later:
            raise Unfit(f"{text!r} comes with a later version", self.give)
        raise Unfit(f"{text!r} is not known", self.give)

    def choices(self) -> tuple[str, ...]:
        """List the words."""
        return self.words


class Text(Kind, frozen=True):
    """Text of one pattern; `wanted` says which."""

    pattern: str = r"(?s).*"
    wanted: str = "give text"
    max_chars: int = TEXT_MAX_CHARS
    metavar: ClassVar[str] = "TEXT"

    @property
    def give(self) -> str:
        """Say which text."""
        return self.wanted

    def read(self, text: str) -> str:
        """Take the text."""
        if len(text) > self.max_chars:
            raise Unfit(f"the text has more than {self.max_chars} characters", self.give)
        if "\0" in text or not re.fullmatch(self.pattern, text):
            raise Unfit(f"{text!r} can't be used", self.give)
        return text


class TextFile(Text, frozen=True):
    """The path of a text file; a relative one in a settings file starts at that file's directory."""

    pattern: str = r"(?s).+"
    wanted: str = "name a text file"
    max_chars: int = 4096
    metavar: ClassVar[str] = "FILE"


class RulesFile(TextFile, frozen=True):
    """The path of a file with rules of approval; the engine reads it."""

    wanted: str = "name a file with rules"


class Command(Text, frozen=True):
    """A command with its arguments: quoted as in a shell, but no shell reads it."""

    pattern: str = r"(?s).*\S.*"
    wanted: str = "give a program and its arguments, quoted as in a shell"
    max_chars: int = 4096
    metavar: ClassVar[str] = "COMMAND"

    def read(self, text: str) -> str:
        """Take the command; one without a program, or with a quote left open, is of no use."""
        import shlex  # seldom needed, and imported at every start

        text = super().read(text)
        try:
            words = shlex.split(text)
        except ValueError as error:
            raise Unfit(f"{text!r} can't be used ({str(error).lower()})", self.give) from None
        if not words or not words[0]:
            raise Unfit(f"{text!r} names no program", self.give)
        return text


class Url(Kind, frozen=True):
    """The address of a page."""

    metavar: ClassVar[str] = "URL"

    @property
    def give(self) -> str:
        """Say which addresses."""
        return "give an address that begins with http:// or https://"

    def read(self, text: str) -> str:
        """Take the address."""
        try:
            parts = urlsplit(text)
            fine = parts.scheme in ("http", "https") and bool(parts.hostname)
        except ValueError:
            fine = False
        if not fine or len(text) > 8000 or not text.isprintable():
            raise Unfit(f"{text!r}: only http:// and https:// pages can be opened", self.give)
        if parts.password:
            raise Unfit("an address with a password in it would be recorded", "let the page ask for it")
        return text


class Whole(Kind, frozen=True):
    """A whole number between two; 0 may stand for none."""

    low: int
    high: int
    or_zero: bool = False
    metavar: ClassVar[str] = "N"

    @property
    def give(self) -> str:
        """Say between which."""
        zero = ", or 0 for none" if self.or_zero else ""
        return f"give a whole number from {self.low} to {self.high}{zero}"

    def read(self, text: str) -> int:
        """Read a number."""
        if not re.fullmatch(r"\d{1,12}", text, re.ASCII):
            raise Unfit(f"{text!r} is no whole number", self.give)
        return self.convert(int(text))

    def convert(self, value: object) -> int:
        """Take a number."""
        if not isinstance(value, int) or isinstance(value, bool):
            raise Unfit(f"{_shown(value)} is no whole number", self.give)
        if not self.low <= value <= self.high and not (self.or_zero and value == 0):
            raise Unfit(f"{value} is out of range", self.give)
        return value


class Size(Whole, frozen=True):
    """A number of bytes: `8000000`, `8MB` or `8MiB`."""

    metavar: ClassVar[str] = "SIZE"

    @property
    def give(self) -> str:
        """Say between which."""
        return f"give {self.show(self.low)} to {self.show(self.high)}, as bytes or as 8MB, 500kB, 8MiB"

    def read(self, text: str) -> int:
        """Read a size."""
        parts = re.fullmatch(r"(\d{1,12})([a-z]*)", text.lower(), re.ASCII)
        if parts is None or parts[2] not in UNITS_BYTES:
            raise Unfit(f"{text!r} is no size", self.give)
        return super().convert(int(parts[1]) * UNITS_BYTES[parts[2]])

    def convert(self, value: object) -> int:
        """Take bytes, or text with a unit."""
        return self.read(value) if isinstance(value, str) else super().convert(value)

    def show(self, value: int) -> str:
        """Write it with a unit where that is exact."""
        for unit, factor in (("MB", 10**6), ("kB", 10**3)):
            if value and value % factor == 0:
                return f"{value // factor}{unit}"
        return str(value)


class Duration(Kind, frozen=True):
    """Seconds: `90`, `90s`, `10m` or `1h`."""

    low_s: float
    high_s: float
    metavar: ClassVar[str] = "TIME"

    @property
    def give(self) -> str:
        """Say between which."""
        return f"give {self.show(self.low_s)} to {self.show(self.high_s)}, as seconds or as 90s, 10m, 1h"

    def read(self, text: str) -> float:
        """Read a duration."""
        parts = re.fullmatch(r"(\d{1,6}(?:\.\d{1,3})?)([smh]?)", text, re.ASCII)
        if parts is None:
            raise Unfit(f"{text!r} is no duration", self.give)
        return self._checked(float(parts[1]) * UNITS_S[parts[2]], text)

    def convert(self, value: object) -> float:
        """Take seconds, or text with a unit."""
        if isinstance(value, str):
            return self.read(value)
        if not isinstance(value, int | float) or isinstance(value, bool):
            raise Unfit(f"{_shown(value)} is no duration", self.give)
        return self._checked(float(value), _shown(value))

    def _checked(self, seconds: float, given: str) -> float:
        if not self.low_s <= seconds <= self.high_s:
            raise Unfit(f"{given} is out of range", self.give)
        return round(seconds, 3)  # what can be written can be read back

    def show(self, value: float) -> str:
        """Write it with the largest unit that is exact."""
        for unit in ("h", "m"):
            if value and value % UNITS_S[unit] == 0:
                return f"{value / UNITS_S[unit]:g}{unit}"
        return f"{value:.12g}s"


class Flag(Kind, frozen=True):
    """Yes or no."""

    @property
    def give(self) -> str:
        """Say how."""
        return "give true or false"

    def read(self, text: str) -> bool:
        """Read yes or no."""
        word = text.strip().lower()
        if word not in _TRUE | _FALSE:
            raise Unfit(f"{text!r} is neither", self.give)
        return word in _TRUE

    def convert(self, value: object) -> bool:
        """Take yes or no."""
        if not isinstance(value, bool):
            raise Unfit(f"{_shown(value)} is neither", f"{self.give}, without quotes")
        return value

    def show(self, value: bool) -> str:
        """Write it as the file has it."""
        return "true" if value else "false"

    def choices(self) -> tuple[str, ...]:
        """List both."""
        return ("true", "false")


class Viewport(Kind, frozen=True):
    """A size of the screen in pixels: `1280x800`."""

    metavar: ClassVar[str] = "WxH"

    @property
    def give(self) -> str:
        """Say how."""
        return f"give WIDTHxHEIGHT, for example 1280x800; each side is {VIEWPORT_MIN_PX} to {VIEWPORT_MAX_PX}"

    def read(self, text: str) -> tuple[int, int]:
        """Read width and height."""
        sides = re.fullmatch(r"(\d{1,5})[xX×](\d{1,5})", text, re.ASCII)
        if sides is None:
            raise Unfit(f"{text!r} is no size", self.give)
        width, height = int(sides[1]), int(sides[2])
        if not all(VIEWPORT_MIN_PX <= side <= VIEWPORT_MAX_PX for side in (width, height)):
            raise Unfit(f"{text} is out of range", self.give)
        return width, height

    def show(self, value: tuple[int, int]) -> str:
        """Write it as it is given."""
        return f"{value[0]}x{value[1]}"


class Hosts(Kind, frozen=True):
    """Names of hosts; `*.example.com` for all below one."""

    metavar: ClassVar[str] = "HOST"
    repeats: ClassVar[bool] = True

    @property
    def give(self) -> str:
        """Say how."""
        return "give host names, for example example.com or *.example.com"

    def read(self, text: str) -> tuple[str, ...]:
        """Read names separated by commas."""
        return self.convert([part.strip() for part in text.split(",") if part.strip()])

    def convert(self, value: object) -> tuple[str, ...]:
        """Take a list of names."""
        if not isinstance(value, list) or not all(isinstance(name, str) for name in value):
            raise Unfit(f"{_shown(value)} is no list of names", f'{self.give}, as ["example.com"]')
        for name in value:
            if not re.fullmatch(r"(\*\.)?[A-Za-z0-9]([A-Za-z0-9.-]{0,250}[A-Za-z0-9])?", name):
                raise Unfit(f"{name!r} is no host name", self.give)
        if len(value) > NAMES_MAX:
            raise Unfit(f"there are more than {NAMES_MAX} of them", self.give)
        return tuple(dict.fromkeys(value))

    def show(self, value: tuple[str, ...]) -> str:
        """Write them as the environment has them."""
        return ",".join(value)


class Tags(Kind, frozen=True):
    """Names with values, for finding browsers again; ours are reserved."""

    reserved: tuple[str, ...] = ("app", "run", "host")
    most: int = 47
    """Kernel takes 50 (kernel-api §1.3); three are ours."""
    metavar: ClassVar[str] = "NAME=VALUE"
    repeats: ClassVar[bool] = True

    @property
    def give(self) -> str:
        """Say how."""
        return "give NAME=VALUE, for example team=web"

    def read(self, text: str) -> dict[str, str]:
        """Read pairs separated by commas."""
        pairs = [part.strip().partition("=") for part in text.split(",") if part.strip()]
        for name, equals, _ in pairs:
            if not equals:
                raise Unfit(f"{name!r} has no value", self.give)
        return self.convert({name.strip(): value.strip() for name, _, value in pairs})

    def convert(self, value: object) -> dict[str, str]:
        """Take a table."""
        if not isinstance(value, dict) or not all(isinstance(item, str) for item in value.values()):
            raise Unfit(f"{_shown(value)} is no table of texts", 'give a table, as { team = "web" }')
        for name, item in value.items():
            if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,62}", name) or len(item) > 255:
                raise Unfit(f"the tag {name!r} can't be used", f"{self.give}: letters, digits, _ . -")
            if name in self.reserved:
                raise Unfit(f"the tag {name!r} is pilothouse's own", "choose another name")
        if len(value) > self.most:
            raise Unfit(f"there are more than {self.most} tags", "leave some out")
        return dict(value)

    def show(self, value: dict[str, str]) -> str:
        """Write them as the environment has them."""
        return ",".join(f"{name}={item}" for name, item in value.items())


class Limits(Kind, frozen=True):
    """Limits of a run with their values; each name has its own kind of number."""

    metavar: ClassVar[str] = "NAME=VALUE"
    repeats: ClassVar[bool] = True

    @property
    def give(self) -> str:
        """Say how."""
        return "give NAME=VALUE: steps, turns, time, dollars, tokens, repeats or still"

    def read(self, text: str) -> dict[str, float]:
        """Read pairs separated by commas."""
        found: dict[str, object] = {}
        for part in filter(None, (part.strip() for part in text.split(","))):
            name, _, value = part.partition("=")
            try:
                found[name.strip()] = float(value)
            except ValueError:
                raise Unfit(f"{part!r} has no number", self.give) from None
        return self.convert(found)

    def convert(self, value: object) -> dict[str, float]:
        """Take a table."""
        from pilothouse.engine.limits import limits_of
        from pilothouse.errors import UsageError

        if not isinstance(value, dict) or not all(
            isinstance(item, int | float) and not isinstance(item, bool) for item in value.values()
        ):
            raise Unfit(f"{_shown(value)} is no table of numbers", "give a table, as { steps = 50 }")
        try:
            limits_of(value)
        except UsageError as error:
            raise Unfit(error.what, error.way_out or self.give) from None
        return {name: float(item) for name, item in value.items()}

    def show(self, value: dict[str, float]) -> str:
        """Write them as the environment has them."""
        return ",".join(f"{name}={item:.12g}" for name, item in value.items())
