"""What the run has done and where it stands, as far as approval asks: folded from what happens. Pure.

`Ground` moves by four things: a frame, an action let happen, an action done, a page. It holds no rule and
decides nothing; `context` gives `policy.decide` what it needs.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec

from pilothouse.engine.policy import Context, Mode, Policy
from pilothouse.engine.policy_rules import AT_CURSOR, LOOKING, Place, Proposal, Tally, host_of, places

if TYPE_CHECKING:
    from pilothouse.safety import Redactor

SEEN_MAX: Final = 1_000
VISITED_MAX: Final = 1_000
TOUCHED_MAX: Final = 100


class Ground(msgspec.Struct, frozen=True, kw_only=True):
    """Where the run stands; bounded, so that the oldest is forgotten."""

    url: str = ""
    cursor: Place | None = None
    button_held: bool = False
    frame_sha256: str = ""
    seen: tuple[str, ...] = ()
    visited: tuple[str, ...] = ()
    touched: tuple[Place, ...] = ()
    tally: Tally = Tally()
    dialog: str = ""

    def framed(self, sha256: str, url: str = "") -> Ground:
        """Take a screenshot, and the address that came with it, if one did."""
        framed = msgspec.structs.replace(self, frame_sha256=sha256)
        return framed.at(url) if url else framed

    def at(self, url: str) -> Ground:
        """Be on a page; what was touched counts for its host alone, and the first host is known."""
        host = host_of(url)
        moved = host != host_of(self.url)
        first = () if self.visited or not host else (host,)
        return msgspec.structs.replace(
            self, url=url, touched=() if moved else self.touched, visited=self.visited or first
        )

    def told(self, dialog: str) -> Ground:
        """Learn which dialog the browser has open: `download`, `upload`, or none."""
        return msgspec.structs.replace(self, dialog=dialog)

    def pointed(self, x: float, y: float) -> Ground:
        """Learn where the cursor is: it was asked, or a person moved it."""
        return msgspec.structs.replace(self, cursor=(x, y))

    def handed_back(self, cursor: tuple[int, int] | None) -> Ground:
        """Learn how a person left it: the pointer where they led it, if they did, and the button let go."""
        return msgspec.structs.replace(self, cursor=cursor or self.cursor, button_held=False)

    def let(self, proposal: Proposal, t_ns: int) -> Ground:
        """Take note of an action that is about to happen."""
        at = places(proposal, self.cursor) or ()
        known = proposal.member in LOOKING
        is_passing = known or proposal.member == "mouse_move"  # passing over a place does not make it known
        host = host_of(self.url)
        return msgspec.structs.replace(
            self,
            tally=self.tally.add(proposal.member, t_ns),
            seen=self.seen if known else _kept(self.seen, self.frame_sha256, SEEN_MAX),
            visited=self.visited if known else _kept(self.visited, host, VISITED_MAX),
            touched=self.touched if is_passing else (*self.touched, *at)[-TOUCHED_MAX:],
            cursor=at[-1] if at else self.cursor,
            button_held=proposal.member == "left_mouse_down"
            if proposal.member in AT_CURSOR
            else self.button_held,
        )

    def context(
        self,
        *,
        policy: Policy,
        mode: Mode,
        now_ns: int,
        allow_hosts: tuple[str, ...] = (),
        redactor: Redactor | None = None,
        placeholders: tuple[str, ...] = (),
    ) -> Context:
        """Give what a decision needs."""
        return Context(
            policy=policy,
            mode=mode,
            url=self.url,
            cursor=self.cursor,
            button_held=self.button_held,
            frame_sha256=self.frame_sha256,
            seen=frozenset(self.seen),
            visited=frozenset(self.visited),
            allow_hosts=allow_hosts,
            touched=self.touched,
            tally=self.tally,
            now_ns=now_ns,
            dialog=self.dialog,
            redactor=redactor,
            placeholders=placeholders,
        )


def _kept(known: tuple[str, ...], new: str, most: int) -> tuple[str, ...]:
    return known if not new or new in known else (*known, new)[-most:]
