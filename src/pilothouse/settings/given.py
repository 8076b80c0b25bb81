"""A value that somebody chose, with where they chose it. No reading, no deciding."""

from __future__ import annotations

from enum import IntEnum
from typing import TYPE_CHECKING, Any

import msgspec

from pilothouse.errors import SettingError
from pilothouse.safety import clean_line, redact, secrets_from_environment
from pilothouse.settings.kinds import Unfit

if TYPE_CHECKING:
    from collections.abc import Callable


class Source(IntEnum):
    """Who may have chosen, in rising precedence."""

    DEFAULT = 0
    FILE = 1
    PRESET = 2
    ENVIRONMENT = 3
    OPTION = 4


class Given(msgspec.Struct, frozen=True):
    """One value."""

    value: Any
    source: Source
    where: str = ""
    """The file with its line, the variable or the option."""


def taking(read: Callable[[Any], Any], raw: object, source: Source, where: str) -> Given:
    """Read a raw value of a source.

    Raises:
        SettingError: It can't be used; the source is named, and what is allowed.
    """
    try:
        return Given(read(raw), source, where)
    except Unfit as unfit:
        what = clean_line(redact(unfit.what, secrets_from_environment()), 300)
        raise SettingError(what, where, unfit.give) from None
