"""What each role may ask of a run. Roles keep honest people from accidents, not attackers out (design §7).

Everybody who reaches the socket has our uid, and could as well say `drive`.
"""

from __future__ import annotations

from typing import Final

from pilothouse import commands as cmd

WATCH: Final = "watch"
APPROVE: Final = "approve"
DRIVE: Final = "drive"
ROLES: Final = (WATCH, APPROVE, DRIVE)

_DECIDES: Final = (
    cmd.Approve,
    cmd.Reject,
    cmd.Edit,
    cmd.Pause,
    cmd.Resume,
    cmd.Step,
    cmd.Say,
    cmd.Revise,
    cmd.Unsay,
)
"""What `approve` may: decide, hold, say. Ending a run, its limits, mode and model, and the wheel are not."""


def role_of(name: str) -> str:
    """Read a role; one that is not known may only watch."""
    return name if name in ROLES else WATCH


def may_decide(role: str) -> bool:
    """Say whether somebody in this role can be asked for a decision."""
    return role in (APPROVE, DRIVE)


def why_not(role: str, command: cmd.Command) -> str:
    """Say why a role may not ask for this; empty when it may."""
    if role == DRIVE:
        return ""
    if role != APPROVE:
        return "you only watch this run"
    if isinstance(command, cmd.Approve) and command.rule:
        return "your role may approve what waits, but add no rule"
    if isinstance(command, _DECIDES):
        return ""
    return f"your role may approve, hold and say, but not {_VERBS[type(command)]}"


_VERBS: Final[dict[type[cmd.Command], str]] = {
    cmd.TakeOver: "take the wheel",
    cmd.Act: "take the wheel",
    cmd.Conceal: "take the wheel",
    cmd.Reveal: "take the wheel",
    cmd.Release: "take the wheel",
    cmd.LiveView: "have the link to the browser",
    cmd.SetLimit: "change limits",
    cmd.SetMode: "change the mode",
    cmd.SetModel: "change the model",
    cmd.Abort: "end the run",
}
