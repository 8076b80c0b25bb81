"""Which proposed actions happen by themselves, which wait for a person, and which never happen. Pure.

Rules speak first, deny before ask before allow; the mode answers for what no rule spoke of. What is *risky*
is listed here. Rules are in `policy_rules`, files of them in `policy_file`; asking is the gate's affair.
"""

from __future__ import annotations

import hashlib
import math
import re
from typing import TYPE_CHECKING, Final

import msgspec

from pilothouse.engine.patterns import exactly
from pilothouse.engine.policy_rules import (
    LOOKING,
    TEXT_SEARCHED_CHARS,
    Effect,
    Mode,
    Place,
    Policy,
    Proposal,
    Rule,
    Tally,
    applies,
    host_of,
    is_host,
    places,
)
from pilothouse.errors import UsageError
from pilothouse.safety import Redactor, clean_line

if TYPE_CHECKING:
    from pilothouse.events import Json

__all__ = ["Context", "Effect", "Mode", "Policy", "Proposal", "Rule", "Tally", "Verdict"]

KNOWN_GROUND_PX: Final = 40
"""Ground is known within so many model pixels of a place where something was done before."""
SPOT_PX: Final = 24
"""An `always` for a click covers so many model pixels on each side of it."""
_SUBMIT_KEYS: Final = frozenset({"return", "enter", "kp_enter", "iso_enter", "linefeed", "space"})
"""Keys that press what has the focus."""
_LINE_ENDS: Final = re.compile("[\n\r\v\f\x85\u2028\u2029]")
_FILE: Final = re.compile(r"\A\s*(?:file:|~?/[^/\s]|[A-Za-z]:[\\/]|\\\\)")
_ODD: Final = re.compile(r"\A\s*(javascript|data|blob|view-source|chrome|filesystem):", re.IGNORECASE)
_ODD_PAGES: Final = frozenset({"file", "javascript", "data", "view-source", "chrome"})
_NEW_TAB: Final = ("chrome://newtab", "chrome://new-tab-page")
# A scheme anywhere, a bare name only where the text begins: prose is full of dots. The bounds keep it linear.
_ADDRESS: Final = re.compile(
    r"\b[a-z][a-z0-9+.-]{0,15}://[^\s/?#]+|\A\s*(?:[^\s/?#@:.]{1,63}\.)+[^\W\d_]{2,24}(?::\d{1,5})?(?=[\s/?#]|\Z)",
    re.IGNORECASE,
)
_ADDRESSES_READ: Final = 8


class Context(msgspec.Struct, frozen=True, kw_only=True):
    """What the run knows when an action is proposed.

    It holds known secrets inside `redactor`: never put it into an event.
    """

    policy: Policy = Policy()
    mode: Mode = Mode.ASK_RISKY
    url: str = ""
    """Of the page on the screen; empty when the browser does not tell."""
    cursor: Place | None = None
    """In model pixels."""
    button_held: bool = False
    """A `left_mouse_down` was not followed by its `left_mouse_up` yet."""
    frame_sha256: str = ""
    seen: frozenset[str] = frozenset()
    """Hashes of the screens on which an action was let happen."""
    visited: frozenset[str] = frozenset()
    """Hosts on which an action was let happen, and the one the run began on."""
    allow_hosts: tuple[str, ...] = ()
    """The hosts the run was restricted to; none for no restriction."""
    touched: tuple[Place, ...] = ()
    """Places on this host where something was done."""
    tally: Tally = Tally()
    now_ns: int = 0
    """Run time."""
    dialog: str = ""
    """`download`, `upload`, or empty: what the browser says is open."""
    redactor: Redactor | None = None
    """Knows the run's secrets; without it only what is shaped like a key is found."""
    placeholders: tuple[str, ...] = ()
    """What stands for a secret in what the model writes."""

    @property
    def is_new_screen(self) -> bool | None:
        """Say whether nothing was done on this screen before; None without a picture."""
        return self.frame_sha256 not in self.seen if self.frame_sha256 else None

    @property
    def host(self) -> str:
        """The host of the page, in its one written form."""
        return host_of(self.url)

    @property
    def odd_scheme(self) -> str:
        """The scheme of a page that is no web page: a file, the browser's own settings; empty for others."""
        scheme = self.url.strip().partition(":")[0].lower()
        is_odd = scheme in _ODD_PAGES and not self.url.strip().lower().startswith(_NEW_TAB)
        return scheme if is_odd else ""

    @property
    def is_off_list(self) -> bool:
        """Say whether the page is beyond the hosts that the run was restricted to."""
        if not self.allow_hosts:
            return False
        return bool(self.odd_scheme) or (bool(self.host) and not is_host(self.host, self.allow_hosts))

    @property
    def off_list(self) -> str:
        """Say so in words."""
        page = clean_line(self.host, 200) or f"a {self.odd_scheme} address"
        return f"{page} is off the list of hosts"


class Verdict(msgspec.Struct, frozen=True, kw_only=True):
    """What becomes of an action, by which rule, and why."""

    effect: Effect
    rule: str = ""
    """The rule's name; empty when the mode decided."""
    why: str = ""
    """A sentence for people."""
    risks: tuple[str, ...] = ()
    """What makes the action risky, whoever decided; a person confirms these twice."""

    @property
    def risky(self) -> bool:
        """Say whether the action is on the risky list."""
        return bool(self.risks)


def decide(proposal: Proposal, context: Context) -> Verdict:
    """Decide what becomes of a proposed action.

    An edited action is a new proposal: a person's edit passes no rule that denies.
    """
    found = risks(proposal, context)
    verdict = _by_rules(proposal, context) or _by_mode(proposal, context, found)
    return msgspec.structs.replace(verdict, risks=found)


def _by_rules(proposal: Proposal, context: Context) -> Verdict | None:
    """Take what the strictest rule says, or the first where the policy is read in order."""
    best: Verdict | None = None
    for rule in context.policy.rules:
        said = _said(rule, proposal, context)
        if said is None:
            continue
        if context.policy.in_order:
            return said
        if best is None or _STRICT[said.effect] > _STRICT[best.effect]:
            best = said
    return best


_STRICT: Final = {Effect.ALLOW: 0, Effect.ASK: 1, Effect.DENY: 2}


def _said(rule: Rule, proposal: Proposal, context: Context) -> Verdict | None:
    answer = applies(rule, proposal, context)
    if answer is False or (answer is None and rule.effect is Effect.ALLOW):
        return None
    if answer is None:
        why = f"it can't be told whether this rule applies: {rule.why}"
        return Verdict(effect=Effect.ASK, rule=rule.name, why=why)
    if rule.effect is Effect.ALLOW and _is_too_wide(rule, proposal, context):
        return Verdict(effect=Effect.ASK, why=context.off_list) if context.policy.in_order else None
    return Verdict(effect=rule.effect, rule=rule.name, why=rule.why)


def _is_too_wide(rule: Rule, proposal: Proposal, context: Context) -> bool:
    """Say whether the page is off the list and the rule was not written for it: it names no host."""
    return context.is_off_list and proposal.member not in LOOKING and not (rule.hosts or rule.urls)


def _by_mode(proposal: Proposal, context: Context, found: tuple[str, ...]) -> Verdict:
    if context.policy.otherwise is not None:
        return Verdict(effect=context.policy.otherwise, why="no rule of the policy speaks of it")
    if proposal.member in LOOKING:
        return Verdict(effect=Effect.ALLOW, why="it only looks")
    match context.mode:
        case Mode.DENY_ALL:
            return Verdict(effect=Effect.DENY, why="the mode is deny-all, and no rule allows it")
        case Mode.ASK_ALL:
            return Verdict(effect=Effect.ASK, why="the mode is ask-all")
        case _ if context.is_off_list:
            return Verdict(effect=Effect.ASK, why=context.off_list)
        case Mode.ASK_RISKY if found:
            return Verdict(effect=Effect.ASK, why=f"risky: {'; '.join(found)}")
        case _:
            return Verdict(effect=Effect.ALLOW, why=f"the mode is {context.mode.value}")


# ---------------------------------------------------------------------------------------------- risky


def risks(proposal: Proposal, context: Context) -> tuple[str, ...]:
    """Name what is risky about an action (design §7), in words; nothing for one that only looks."""
    if proposal.member in LOOKING:
        return ()
    found = (
        _submits(proposal),
        _host_risk(proposal, context),
        "it may give away a secret" if _gives_secret(proposal, context) else "",
        _transfer(proposal, context),
        "it drags onto unknown ground" if _drags_away(proposal, context) else "",
    )
    return tuple(one for one in found if one)


def _submits(proposal: Proposal) -> str:
    if proposal.member == "type" and _LINE_ENDS.search(proposal.text):
        return "the text presses Enter"
    if proposal.member in ("key", "hold_key") and any(
        chord[-1] in _SUBMIT_KEYS for chord in _chords(proposal)
    ):
        return "the key submits"
    return ""


def _chords(proposal: Proposal) -> list[list[str]]:
    """Split `ctrl+a Return` into chords, and those into keys, all in lower case; `" "` is the space bar."""
    words = proposal.text.split() or (["space"] if proposal.text else [])
    return [word.lower().split("+") for word in words]


def _host_risk(proposal: Proposal, context: Context) -> str:
    if context.is_off_list:
        return context.off_list
    if context.odd_scheme:
        return f"the page is a {context.odd_scheme} address"
    if context.host and not _is_known_host(context.host, context):
        return f"nothing was done on {clean_line(context.host, 200)} before"
    return _named_host(proposal, context) if proposal.member == "type" else ""


def _is_known_host(host: str, context: Context) -> bool:
    """Say whether a person named the host at the start or, where none was named, the run was there."""
    return is_host(host, context.allow_hosts) if context.allow_hosts else host in context.visited


def _named_host(proposal: Proposal, context: Context) -> str:
    """Read the addresses in a text to be typed: the next key may go there."""
    if len(proposal.text) > TEXT_SEARCHED_CHARS:
        return "the text is too long to be looked through"
    if odd := _ODD.match(proposal.text):
        return f"the text is a {odd[1].lower()} address"
    for found, _ in zip(_ADDRESS.finditer(proposal.text), range(_ADDRESSES_READ), strict=False):
        address = found[0].strip()
        host = host_of(address if "://" in address else f"//{address}")
        if host and not _is_known_host(host, context):
            return f"the text names {clean_line(host, 200)}, where nothing was done before"
    return ""


def _gives_secret(proposal: Proposal, context: Context) -> bool:
    text = proposal.text
    if not text:
        return False
    redactor = context.redactor or Redactor()
    return redactor.redact(text) != text or any(mark and mark in text for mark in context.placeholders)


_DIALOGS: Final = {
    "download": "a download has begun in the browser",
    "upload": "the browser has an upload open",
}


def _transfer(proposal: Proposal, context: Context) -> str:
    if context.dialog:
        return _DIALOGS.get(context.dialog, "the browser has a dialog open")
    if proposal.member == "type" and _FILE.search(proposal.text):
        return "the text names a file"
    for chord in _chords(proposal) if proposal.member in ("key", "hold_key") else []:
        held = set(chord[:-1]) & {"ctrl", "control", "cmd", "command", "meta", "super"}
        if held and chord[-1] == "s":
            return "the keys save the page: a download"
        if held and chord[-1] == "o":
            return "the keys open a file"
    return ""


def _drags_away(proposal: Proposal, context: Context) -> bool:
    """Say whether a drag, or a button let go after moving, ends where nothing was done before."""
    if proposal.member == "left_mouse_up" and not context.button_held:
        return False
    if proposal.member not in ("left_click_drag", "left_mouse_up"):
        return False
    at = places(proposal, context.cursor)
    if not at:
        return True
    end = at[-1]
    return not any(math.dist(end, known) <= KNOWN_GROUND_PX for known in context.touched)


# --------------------------------------------------------------------------------------------- always


def always(proposal: Proposal, context: Context) -> str:
    """Write the rule that lets an action like this one happen from now on, as text of a rules file.

    It is as narrow as the action: the same member, near the same places, the same text, on the same host.

    Raises:
        UsageError: The action gives a secret away, or happens at a place that is not known.
    """
    if _gives_secret(proposal, context):
        raise UsageError("a rule can't hold a secret", way_out="approve this one each time")
    if any("\ud800" <= character <= "\udfff" for character in proposal.text):
        raise UsageError("the text holds what is no character", way_out="approve this one each time")
    at = places(proposal, context.cursor)
    if at is None:
        raise UsageError("where it happens is not known", way_out="approve this one by itself")
    name = _always_name(proposal, context, at)
    lines: list[str] = []
    regions: list[str] = []
    for number, (x, y) in enumerate(at):
        region = name if len(at) == 1 else f"{name} ({'from' if number == 0 else 'to'})"
        box = [_number(v) for v in (x - SPOT_PX, y - SPOT_PX, x + SPOT_PX, y + SPOT_PX)]
        lines += [f"[regions.{_quoted(region)}]", f"box = [{', '.join(box)}]", ""]
        regions.append(_quoted(region))
    lines += ["[[rule]]", f"name = {_quoted(name)}", 'effect = "allow"', 'why = "A person said always."']
    lines.append(f"members = [{_quoted(_literal(proposal.member))}]")
    if regions:
        lines.append(f"regions = [{', '.join(regions)}]")
    lines.append(f"text = {_quoted(exactly(proposal.text))}")
    if context.host:
        lines.append(f"hosts = [{_quoted(context.host)}]")
    return "\n".join(lines) + "\n"


def _always_name(proposal: Proposal, context: Context, at: tuple[Place, ...]) -> str:
    parts = [f"always {clean_line(proposal.member, 40)}"]
    parts += [f"at {' to '.join(f'{_number(x)},{_number(y)}' for x, y in at)}"] if at else []
    if proposal.text:
        digest = hashlib.sha256(proposal.text.encode("utf-8", "replace")).hexdigest()[:6]
        parts.append(f"of {clean_line(proposal.text, 24)} ({digest})")
    parts += [f"on {clean_line(context.host, 200)}"] if context.host else []
    return " ".join(parts)


def _number(value: float) -> str:
    return str(int(value)) if value == int(value) else repr(float(value))


def _literal(member: str) -> str:
    """Write a member as a glob that means it alone."""
    return re.sub(r"([*?[])", r"[\1]", member)


def _quoted(text: str) -> str:
    """Write a TOML basic string; what a person could not see is escaped."""
    return f'"{"".join(map(_escaped, text))}"'


def _escaped(character: str) -> str:
    if character in '"\\':
        return "\\" + character
    if character.isprintable():
        return character
    code = ord(character)
    return f"\\u{code:04x}" if code <= 0xFFFF else f"\\U{code:08x}"


def args_sha256(member: str, given: Json) -> str:
    """Hash an action's arguments, so that an answer can be bound to them, whatever the order of keys."""
    canonical = msgspec.json.encode([member, given], order="sorted")
    return hashlib.sha256(canonical).hexdigest()
