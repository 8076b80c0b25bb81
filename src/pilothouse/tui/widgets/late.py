"""Panes that are mounted at their first need: the first frame waits for nothing that it does not show.

How a host takes a pane in, and what the pane is, is for the host to say.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Generic, Protocol, Self, TypeVar, overload

from textual.widget import Widget

if TYPE_CHECKING:
    from collections.abc import Callable

P = TypeVar("P", bound=Widget)


class Host(Protocol):
    """Where such panes are."""

    def take_in(self, pane: Widget) -> None:
        """Mount a pane; at once, for a key that comes next is meant for it."""


class Late(Generic[P]):
    """A pane as an attribute of its host, made and mounted when it is first read.

    Args:
        make: Makes it, for the host that is given; imports what only the pane needs. What it composes is
            made with it, and is the same each time.
    """

    def __init__(self, make: Callable[[Any], P]) -> None:
        self._make = make

    def __set_name__(self, owner: type[Host], name: str) -> None:
        self._slot = f"_late_{name}"

    @overload
    def __get__(self, host: None, owner: type[Host]) -> Self: ...
    @overload
    def __get__(self, host: Host, owner: type[Host]) -> P: ...
    def __get__(self, host: Host | None, owner: type[Host]) -> Self | P:
        """Give the pane, mounted."""
        if host is None:
            return self
        pane = self.found(host)
        if pane is None:
            pane = host.__dict__[self._slot] = self._make(host)
            host.take_in(pane)
            if parts := [*pane.compose()]:  # at once, too: by itself it would do it a message later
                pane.mount(*parts)
        return pane

    def found(self, host: Host) -> P | None:
        """Give the pane if it was needed before."""
        pane: P | None = host.__dict__.get(self._slot)
        return pane
