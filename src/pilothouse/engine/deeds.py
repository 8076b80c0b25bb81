"""What a person did at the wheel: journalled in few events, and told to the model in one short list.

Nothing is sent from here. What is typed is cleared of secrets as a stream, for it comes key by key.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import msgspec

from pilothouse import events as ev
from pilothouse.events import Json
from pilothouse.safety import clean_line

if TYPE_CHECKING:
    from collections.abc import Callable

    from pilothouse.safety import Redactor

MOVE: Final = "mouse_move"
MASKED: Final = "(not shown)"
"""Stands for what was typed while nobody else was to see it."""
TYPING: Final = frozenset({"type", "key", "hold_key"})
RUN_MAX_CHARS: Final = 2000
"""What is typed in one go is journalled in pieces of this size at most."""
SCROLL_MAX: Final = 100
TYPED_MAX_CHARS: Final = 20_000
"""What is typed in more pieces is told as one up to this size."""
TOLD_CHARS: Final = 200
"""So much of a text is told to the model."""
TOLD_FIRST: Final = 6
TOLD_LAST: Final = 14
KEPT_MAX: Final = 2000
"""So many phrases are kept; more are only counted."""
NOTE: Final = "The operator took over the browser for a while and has given it back. What they did: {did}."
NOTHING: Final = (
    "The operator took over the browser for a while and has given it back. They did nothing in it."
)
LET_GO: Final = " The mouse button that you held down was let go."
SEEN: Final = "The picture shows the page as it is now."
UNSEEN: Final = "Take a screenshot before you go on: the page may have changed."
NOT_DONE: Final = "Not executed: the operator took over the browser before this could run."

_CLICKS = {
    "left_click": "clicked",
    "right_click": "right-clicked",
    "middle_click": "middle-clicked",
    "double_click": "double-clicked",
    "triple_click": "triple-clicked",
    "left_mouse_down": "pressed the mouse button",
}


class Deed(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that a person did, or several that are one to whoever reads of it."""

    member: str
    input: Json
    ok: bool = True
    error: str = ""
    masked: bool = False


def deed_of(member: str, given: Json, *, error: str = "", masked: bool = False) -> Deed:
    """Make a deed of an act that was sent; a key that types its character is typing.

    Args:
        member: What was done.
        given: With what.
        error: Why its outcome is not known, or why it did not happen.
        masked: What was typed is told nobody.
    """
    text = given.get("text")
    if member == "key" and isinstance(text, str) and len(text) == 1 and text.isprintable() and text != " ":
        member, given = "type", {"text": text}
    if masked and member in TYPING:
        given = {**given, "text": MASKED}
    return Deed(member=member, input=given, ok=not error, error=error, masked=masked)


def merged(before: Deed, after: Deed) -> Deed | None:
    """Give one deed for two, if the second only goes on with the first."""
    if before.member != after.member or before.masked != after.masked or not (before.ok and after.ok):
        return None
    match after.member:
        case "mouse_move":
            return after
        case "type" if after.masked:
            return after
        case "type" if len(before.input["text"]) + len(after.input["text"]) <= RUN_MAX_CHARS:
            return msgspec.structs.replace(after, input={"text": before.input["text"] + after.input["text"]})
        case "scroll":
            return _scrolled(before, after)
        case _:
            return None


def _scrolled(before: Deed, after: Deed) -> Deed | None:
    amount = before.input["scroll_amount"] + after.input["scroll_amount"]
    same = {**before.input, "scroll_amount": 0} == {**after.input, "scroll_amount": 0}
    if not same or amount > SCROLL_MAX:
        return None
    return msgspec.structs.replace(after, input={**after.input, "scroll_amount": amount})


class Deeds:
    """What was done under one lease, in order.

    Args:
        lease: Its id.
        publish: Appends an event.
        redactor: Clears what is typed of secrets; one of its own for each lease.
    """

    def __init__(self, lease: str, publish: Callable[[ev.Event], object], redactor: Redactor) -> None:
        self._lease = lease
        self._publish = publish
        self._redactor = redactor
        self._open: Deed | None = None
        self._list = _List()
        self._url = ""

    @property
    def at(self) -> tuple[int, int] | None:
        """Where the pointer was left, as far as it was led anywhere."""
        return self._list.at

    @property
    def is_open(self) -> bool:
        """Say whether something is done that is not journalled yet."""
        return self._open is not None

    def add(self, deed: Deed) -> None:
        """Take note of a deed; journalled once the next one is something else."""
        if self._open is not None:
            one = merged(self._open, deed)
            if one is None:
                self.close(typing=deed.member == "type" and not deed.masked)
            deed = one or deed
        self._open = deed
        if deed.member not in (MOVE, "type", "scroll"):
            self.close()

    def close(self, *, typing: bool = False) -> None:
        """Journal what is not yet; while `typing` goes on, the beginning of a secret is held back."""
        deed, self._open = self._open, None
        if deed is not None and deed.member == "type" and not deed.masked:
            text = self._redactor.feed(str(deed.input["text"]))
            self._told(deed, text if typing else text + self._redactor.flush())
            return
        if not typing:
            self._told(Deed(member="type", input={"text": ""}), self._redactor.flush())
        if deed is not None:
            self._tell(deed)

    def pause(self) -> None:
        """Journal what was typed or scrolled so far: the person has stopped for a moment."""
        if self._open is not None and self._open.member != MOVE:
            self.close(typing=True)

    def _told(self, deed: Deed, text: str) -> None:
        if text:
            self._tell(msgspec.structs.replace(deed, input={"text": text}))

    def _tell(self, deed: Deed) -> None:
        self._publish(
            ev.HumanActed(
                lease=self._lease,
                member=deed.member,
                input=deed.input,
                ok=deed.ok,
                error=deed.error,
                masked=deed.masked,
            )
        )
        self._list.add(deed)

    def saw(self, url: str) -> None:
        """Take note of the page that a picture shows; where it began is no news."""
        if url and url != self._url:
            if self._url:
                self.close()
                self._list.say(f"the page became {clean_line(url, TOLD_CHARS)}")
            self._url = url

    def note(self, *, let_go: bool = False) -> str:
        """Word what the model is told: one list, however much was done."""
        self.close()
        did = self._list.words()
        return (NOTE.format(did=did) if did else NOTHING) + (LET_GO if let_go else "")


class _List:
    """Phrases in order, repeated ones counted, a press and a letting go of the button told as one."""

    def __init__(self) -> None:
        self._phrases: list[tuple[str, int]] = []
        self.at: tuple[int, int] | None = None
        self._down: tuple[int, int] | None = None
        self._typed = ""
        self._dropped = 0

    def add(self, deed: Deed) -> None:
        if deed.member == MOVE:
            self.at = _point(deed.input)
            return
        if deed.member == "left_mouse_down" and deed.ok:
            self._down = self.at
            return
        if deed.member == "type" and deed.ok and not deed.masked:
            self._type(str(deed.input["text"]))
            return
        phrase = self._phrase(deed)
        if not deed.ok:
            phrase += f" (it is not known whether it happened: {deed.error})"
        self.say(phrase)
        self.at = _point(deed.input) or self.at

    def _type(self, text: str) -> None:
        """Tell typing that was journalled in pieces as one."""
        if self._typed:
            self._phrases.pop()
        self._typed, typed = "", self._typed + text
        self.say(f"typed {_quoted(typed)}")
        self._typed = typed if len(typed) <= TYPED_MAX_CHARS else ""

    def say(self, phrase: str) -> None:
        self._typed = ""
        if self._phrases and self._phrases[-1][0] == phrase:
            self._phrases[-1] = (phrase, self._phrases[-1][1] + 1)
        else:
            self._phrases.append((phrase, 1))
        if len(self._phrases) > KEPT_MAX:
            del self._phrases[TOLD_FIRST]
            self._dropped += 1

    def words(self) -> str:
        if self._down is not None:  # it was never let go by hand
            self.say(f"pressed the mouse button{_where(self._down)}")
            self._down = None
        phrases = [phrase if n == 1 else f"{phrase} {n} times" for phrase, n in self._phrases]
        left = len(phrases) - TOLD_FIRST - TOLD_LAST
        if left > 1:
            phrases[TOLD_FIRST:-TOLD_LAST] = [f"… ({left + self._dropped} more)"]
        return "; ".join(phrases)

    def _phrase(self, deed: Deed) -> str:
        given, at = deed.input, _point(deed.input) or self.at
        match deed.member:
            case "left_click_drag":
                return f"dragged{_where(_point(given, 'start_coordinate'), 'from')}{_where(at, 'to')}"
            case "left_mouse_up":
                start, self._down = self._down or at, None
                return (
                    f"clicked{_where(at)}"
                    if start == at
                    else f"dragged{_where(start, 'from')}{_where(at, 'to')}"
                )
            case "scroll":
                return f"scrolled {given['scroll_direction']} by {given['scroll_amount']}{_where(at)}"
            case "type" | "key" | "hold_key" if deed.masked:
                return "typed something that is not shown"
            case "type":
                return f"typed {_quoted(str(given['text']))}"
            case "key":
                return f"pressed {clean_line(str(given['text']), TOLD_CHARS)}"
            case "hold_key":
                return f"held {clean_line(str(given['text']), TOLD_CHARS)} for {given['duration']:g} s"
            case member:
                return f"{_CLICKS.get(member, member)}{_where(at)}"


def _point(given: dict[str, Any], name: str = "coordinate") -> tuple[int, int] | None:
    place = given.get(name)
    return (place[0], place[1]) if place else None


def _where(at: tuple[int, int] | None, how: str = "at") -> str:
    return f" {how} ({at[0]}, {at[1]})" if at else ""


def _quoted(text: str) -> str:
    line = clean_line(text, TOLD_CHARS)
    more = f" ({len(text)} characters)" if len(text) > TOLD_CHARS else ""
    return f"“{line}”{more}"
