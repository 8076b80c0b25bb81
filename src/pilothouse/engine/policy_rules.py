"""The rules of approval: what one may say, and whether it applies to a proposed action. No verdicts here.

A condition has three answers. Where the run can't know (no address, no place), the answer is *unknown*: an
allow rule then does not apply, and one that denies or asks becomes an ask. Nothing is allowed by ignorance.
"""

from __future__ import annotations

import fnmatch
import re
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import unquote, urlsplit

import msgspec

from pilothouse.engine.patterns import found, is_searchable
from pilothouse.errors import UsageError
from pilothouse.events import Json

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pilothouse.engine.policy import Context

MEMBERS: Final = (
    "screenshot",
    "zoom",
    "cursor_position",
    "left_click",
    "right_click",
    "middle_click",
    "double_click",
    "triple_click",
    "left_click_drag",
    "mouse_move",
    "left_mouse_down",
    "left_mouse_up",
    "scroll",
    "type",
    "key",
    "hold_key",
    "wait",
)
"""The computer toolset (model-api §1.2)."""
LOOKING: Final = frozenset({"screenshot", "zoom", "cursor_position", "wait"})
"""Members that send nothing to the page."""
AT_CURSOR: Final = frozenset({"left_mouse_down", "left_mouse_up"})
POINTING: Final = AT_CURSOR | {member for member in MEMBERS if "click" in member} | {"mouse_move", "scroll"}
"""Members that happen at a place; without a coordinate, where the cursor is."""
TEXT_SEARCHED_CHARS: Final = 20_000
"""A pattern is not tried on a longer text: the answer is unknown, so that padding hides nothing."""
MINUTE_NS: Final = 60_000_000_000
RECENT_MAX: Final = 2_000

FAR_PX: Final = 1_000_000
"""What lies further out is no place."""

Place = tuple[float, float]
Known = bool | None
"""Yes, no, or unknown."""


class Effect(StrEnum):
    """What a rule does, and what a verdict says."""

    ALLOW = "allow"
    ASK = "ask"
    DENY = "deny"


class Mode(StrEnum):
    """What happens to an action that no rule speaks of."""

    AUTO = "auto"
    ASK_RISKY = "ask-risky"
    ASK_ALL = "ask-all"
    DENY_ALL = "deny-all"


class Region(msgspec.Struct, frozen=True):
    """A rectangle in model pixels; the right and lower edges are outside."""

    x0: float
    y0: float
    x1: float
    y1: float

    def holds(self, at: Place) -> bool:
        """Say whether a place is inside."""
        return self.x0 <= at[0] < self.x1 and self.y0 <= at[1] < self.y1


class Proposal(msgspec.Struct, frozen=True, kw_only=True):
    """An action as the model asked for it, or as a person edited it; outside data."""

    member: str
    input: Json = msgspec.field(default_factory=dict)

    @property
    def text(self) -> str:
        """The text to type, the keys, or the modifiers held; empty where there is none."""
        text = self.input.get("text")
        return text if isinstance(text, str) else ""


class Tally(msgspec.Struct, frozen=True, kw_only=True):
    """How often each member was let happen, in the run and in the last minute."""

    counts: dict[str, int] = msgspec.field(default_factory=dict)
    recent: tuple[tuple[int, str], ...] = ()
    """Run time in ns and member, oldest first."""

    def add(self, member: str, t_ns: int) -> Tally:
        """Count one more; forgets what is older than a minute."""
        counts = {**self.counts, member: self.counts.get(member, 0) + 1}
        kept = [one for one in self.recent if one[0] > t_ns - MINUTE_NS]
        return Tally(counts=counts, recent=(*kept, (t_ns, member))[-RECENT_MAX:])

    def total(self, members: tuple[str, ...]) -> int:
        """Count what happened in the run."""
        return sum(n for member, n in self.counts.items() if is_member(member, members))

    def last_minute(self, members: tuple[str, ...], now_ns: int) -> int:
        """Count what happened in the minute before now."""
        return sum(t > now_ns - MINUTE_NS and is_member(member, members) for t, member in self.recent)


class Rule(msgspec.Struct, frozen=True, kw_only=True):
    """One rule: everything it says must hold for it to apply. An empty condition says nothing."""

    name: str
    effect: Effect
    why: str
    members: tuple[str, ...] = ()
    """Globs."""
    regions: tuple[str, ...] = ()
    """Names: an allow rule wants all places of the action inside, another rule any of them."""
    text: str = ""
    """A regular expression (`patterns`), searched for in the text typed, the keys or the modifiers."""
    hosts: tuple[str, ...] = ()
    """`shop.example.com`, `*.example.com` (what is below it), with `:port` where that matters, or `*`."""
    urls: tuple[str, ...] = ()
    """`scheme://host/path`, the path a glob."""
    count: int = 0
    """Of the run: an allow rule holds for so many actions of its members, another rule beyond them."""
    per_minute: int = 0
    """The same, of the last minute."""
    new_screen: bool = False
    """Only on a screen on which nothing was done before."""
    calls: tuple[str, ...] = ()
    """Globs over the call as written by `written`, for policies in inspect's form."""


class Policy(msgspec.Struct, frozen=True, kw_only=True):
    """All the rules of a run."""

    rules: tuple[Rule, ...] = ()
    regions: dict[str, Region] = msgspec.field(default_factory=dict)
    mode: Mode | None = None
    """What the file asks for, if it does; the command line wins."""
    in_order: bool = False
    """The first rule that applies decides, instead of the strictest: inspect's way."""
    otherwise: Effect | None = None
    """What happens where no rule applies, instead of what the mode says: inspect denies."""
    source: str = ""
    """The file it came from."""

    @property
    def patterns(self) -> tuple[str, ...]:
        """The regular expressions of all rules."""
        return tuple(rule.text for rule in self.rules if rule.text)


def is_member(member: str, globs: tuple[str, ...]) -> bool:
    """Say whether a member is one of those meant; no globs mean all."""
    return not globs or any(fnmatch.fnmatchcase(member, glob) for glob in globs)


def point(given: Any) -> Place | None:
    """Read a coordinate, which is outside data."""
    match given:
        case [int() | float() as x, int() | float() as y] if (
            -FAR_PX <= x <= FAR_PX and -FAR_PX <= y <= FAR_PX
        ):
            return (x, y)
        case _:
            return None


def places(proposal: Proposal, cursor: Place | None) -> tuple[Place, ...] | None:
    """Give where an action happens, a drag's start first; None when that is not known, empty for nowhere."""
    if proposal.member not in POINTING:
        return ()
    ends = [proposal.input.get("coordinate")]
    if proposal.member == "left_click_drag":
        ends.insert(0, proposal.input.get("start_coordinate"))
    elif proposal.member in AT_CURSOR or ends == [None]:
        return None if cursor is None else (cursor,)
    found = [point(end) for end in ends]
    known = tuple(at for at in found if at is not None)
    return known if len(known) == len(found) else None


# ------------------------------------------------------------------------------------------ addresses


_PORT: Final = re.compile(r":(\d+)\Z")
_USUAL_PORTS: Final = {"": None, "http": 80, "https": 443, "ws": 80, "wss": 443, "ftp": 21}


def host_of(url: str) -> str:
    """Give the host of an address in its one written form, with a port that is not the usual one."""
    try:
        parts = urlsplit(url.strip())
        host, port = _ascii_host(parts.hostname or ""), parts.port
    except ValueError:
        return ""
    if parts.scheme.lower() not in _USUAL_PORTS:  # the browser's own pages and files have no host
        return ""
    host = f"[{host}]" if ":" in host else host
    return f"{host}:{port}" if host and port not in (None, _USUAL_PORTS.get(parts.scheme.lower())) else host


def _ascii_host(host: str) -> str:
    host = host.rstrip(".").lower()
    try:
        return host if host.isascii() else host.encode("idna").decode("ascii")
    except UnicodeError:
        return host


def is_host(host: str, patterns: Iterable[str]) -> bool:
    """Say whether a host is one of those meant; `*.example.com` means what is below it, as Kernel has it."""
    return any(_is_host(host, pattern) for pattern in patterns)


def _is_host(host: str, pattern: str) -> bool:
    """Compare with the port only where the pattern has one."""
    port = _PORT.search(pattern)
    wanted = _ascii_host(_PORT.sub("", pattern)) + (port[0] if port else "")
    seen = host if port else _PORT.sub("", host)
    if wanted == "*":
        return bool(host)
    if wanted.startswith("*."):
        return seen.endswith(wanted[1:]) and len(seen) > len(wanted) - 1
    return seen == wanted


def check_host(pattern: str) -> None:
    """Refuse a pattern that would mean something else than it seems to.

    Raises:
        UsageError: There is a star anywhere but alone or as the whole first label, or a scheme or path.
    """
    rest = pattern.removeprefix("*.")
    if pattern != "*" and (not rest or "*" in rest or "/" in rest or any(c.isspace() for c in rest)):
        raise UsageError(
            f"{pattern!r} is no host",
            way_out="write shop.example.com, *.example.com for what is below it, or *",
        )


def is_url(url: str, patterns: Iterable[str]) -> bool:
    """Say whether an address is one of those meant; scheme, host and path are compared each for itself."""
    return any(_is_url(url, pattern) for pattern in patterns)


def split_url(pattern: str) -> tuple[str, str, str]:
    """Split a pattern into scheme, host and path.

    Raises:
        UsageError: It has no scheme, or its host is none.
    """
    scheme, found, rest = pattern.partition("://")
    host, slash, path = rest.partition("/")
    if not found or not scheme:
        raise UsageError(f"{pattern!r} is no address", way_out="write https://shop.example.com/cart*")
    check_host(host)
    return scheme.lower(), host, (slash + path) or "/*"


def _is_url(url: str, pattern: str) -> bool:
    scheme, host, path = split_url(pattern)
    try:
        parts = urlsplit(url.strip())
    except ValueError:
        return False
    seen = unquote(parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return (
        scheme in ("*", parts.scheme.lower())
        and is_host(host_of(url), [host])
        and fnmatch.fnmatchcase(seen, unquote(path))
    )


# ------------------------------------------------------------------------------------------ matching


def written(name: str, given: Json) -> str:
    """Write a call as inspect does: `computer(action='left_click', coordinate=[1, 2])`."""
    args = ", ".join(f"{key}={value!r}" for key, value in given.items())
    return f"{name}({args})"


def applies(rule: Rule, proposal: Proposal, context: Context) -> Known:
    """Say whether all that a rule says holds; one certain no is enough for a no."""
    answers = (
        is_member(proposal.member, rule.members),
        _called(rule, proposal),
        _text(rule, proposal, context),
        _hosts(rule, context),
        _urls(rule, context),
        _regions(rule, proposal, context),
        not rule.new_screen or context.is_new_screen,
        _quota(rule, context),
    )
    if False in answers:
        return False
    return None if None in answers else True


def _called(rule: Rule, proposal: Proposal) -> Known:
    if not rule.calls:
        return True
    if sum(len(value) for value in proposal.input.values() if isinstance(value, str)) > TEXT_SEARCHED_CHARS:
        return None
    forms = (
        written("computer", {"action": proposal.member, **proposal.input}),
        written(proposal.member, proposal.input),
    )
    return any(fnmatch.fnmatchcase(form, glob + "*") for form in forms for glob in rule.calls)


def _text(rule: Rule, proposal: Proposal, context: Context) -> Known:
    if not rule.text:
        return True
    if len(proposal.text) > TEXT_SEARCHED_CHARS or not is_searchable(context.policy.patterns, proposal.text):
        return None
    return found(rule.text, proposal.text)


def _hosts(rule: Rule, context: Context) -> Known:
    if not rule.hosts or rule.hosts == ("*",):
        return True
    return is_host(host_of(context.url), rule.hosts) if context.url else None


def _urls(rule: Rule, context: Context) -> Known:
    if not rule.urls:
        return True
    return is_url(context.url, rule.urls) if context.url else None


def _regions(rule: Rule, proposal: Proposal, context: Context) -> Known:
    if not rule.regions:
        return True
    at = places(proposal, context.cursor)
    if not at:
        return None if at is None else False
    boxes = [context.policy.regions[name] for name in rule.regions if name in context.policy.regions]
    inside = [any(box.holds(place) for box in boxes) for place in at]
    return all(inside) if rule.effect is Effect.ALLOW else any(inside)


def _quota(rule: Rule, context: Context) -> bool:
    """Within the quota for an allow rule, beyond it for another; none means always."""
    answers = []
    if rule.count:
        answers.append(context.tally.total(rule.members) < rule.count)
    if rule.per_minute:
        answers.append(context.tally.last_minute(rule.members, context.now_ns) < rule.per_minute)
    if not answers:
        return True
    return all(answers) if rule.effect is Effect.ALLOW else not all(answers)
