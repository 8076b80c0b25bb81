"""The rules of one run: those it began with, and those that a person adds while it goes on. No verdicts here.

An added rule counts at once; the file that it is kept in is written beside the loop, and `RuleAdded` tells
which that was.
"""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Final

import msgspec

from pilothouse import events as ev
from pilothouse.engine.policy import Effect, Policy
from pilothouse.engine.policy_file import FILE_MAX_BYTES, RULES_MAX, append_rule, parse_toml, read_policy
from pilothouse.errors import CommandRefusedError, RecorderFailed, SettingError
from pilothouse.paths import rules_path
from pilothouse.safety import clean_line

if TYPE_CHECKING:
    from pilothouse.engine.recorder import Recorder
    from pilothouse.safety import Redactor

RULE_MAX_CHARS: Final = 8_000
_CLOSE_S: Final = 2.0


class RuleBook:
    """Holds the rules of a run and takes new ones.

    Args:
        recorder: Journals what is added.
        policy: The rules it begins with.
        keep_in: The file that new ones are added to.
        redactor: Knows the run's secrets.

    Attributes:
        policy: The rules that count now.
    """

    def __init__(self, recorder: Recorder, policy: Policy, keep_in: Path | None, redactor: Redactor) -> None:
        self._recorder = recorder
        self._keep_in = keep_in
        self._redactor = redactor
        self._writing: asyncio.Task[None] | None = None
        self.policy = policy

    def checked(self, text: str) -> Policy:
        """Read the one rule that a person wants to add.

        Raises:
            CommandRefusedError: It can't be meant, allows nothing, or holds a secret.
        """
        if len(text) > RULE_MAX_CHARS:
            raise CommandRefusedError(f"the rule is longer than {RULE_MAX_CHARS} characters")
        try:
            added = parse_toml(text, "the rule")
        except SettingError as error:
            raise CommandRefusedError(str(error)) from None
        if len(added.rules) != 1 or added.mode is not None:
            raise CommandRefusedError("the rule: write one [[rule]], its regions, and nothing else")
        if added.rules[0].effect is not Effect.ALLOW:
            raise CommandRefusedError('the rule: what is let happen always has the effect "allow"')
        if self._has_secret(text, added):
            raise CommandRefusedError("the rule: a rule can't hold a secret")
        self._check_place(added)
        return added

    def _has_secret(self, text: str, added: Policy) -> bool:
        """Look at the text, at what it means, and at that without the escapes of a regular expression."""
        (rule,) = added.rules
        words = (rule.name, rule.why, rule.text, *rule.hosts, *rule.urls, *added.regions)
        looked_at = [text, *words, *(word.replace("\\", "") for word in words)]
        return any(self._redactor.redact(one) != one for one in looked_at)

    def _check_place(self, added: Policy) -> None:
        """Refuse names that are taken, and more rules than there may be."""
        name = added.rules[0].name
        if any(rule.name == name for rule in self.policy.rules):
            raise CommandRefusedError(f"the rule: there is one called {name!r}, give it another name")
        for region, box in added.regions.items():
            if self.policy.regions.get(region, box) != box:
                raise CommandRefusedError(f"the rule: there is another region called {region!r}")
        if len(self.policy.rules) >= RULES_MAX:
            raise CommandRefusedError(f"the rule: there are {RULES_MAX} rules already")

    def add(self, added: Policy, text: str, actor: str) -> None:
        """Let a rule that was checked count from now on, and keep it for later runs.

        A policy that is read in order has it first: an `auto` or `human` for all would hide it.
        """
        policy = self.policy
        ordered = (*added.rules, *policy.rules) if policy.in_order else (*policy.rules, *added.rules)
        regions = {**policy.regions, **added.regions}
        self.policy = msgspec.structs.replace(policy, rules=ordered, regions=regions)
        self._writing = asyncio.create_task(self._keep(added.rules[0].name, text, actor, self._writing))

    async def _keep(self, name: str, text: str, actor: str, before: asyncio.Task[None] | None) -> None:
        if before is not None:
            await asyncio.wait({before})  # one after the other, as they were said
        kept_in, why = "", "rules of this form can't be added to"
        if self._keep_in is not None and not self.policy.in_order:
            try:
                await asyncio.to_thread(keep, self._keep_in, text)
                kept_in = str(self._keep_in)
            except (SettingError, OSError) as error:
                why = str(error)
        with contextlib.suppress(RecorderFailed):  # the recorder has told the run, which ends for it
            if not kept_in:
                what = f"the rule {clean_line(name, 100)!r} lasts for this run only: {clean_line(why, 300)}"
                self._recorder.publish(ev.Warned(what=what, where="rules"))
            told = ev.RuleAdded(name=name, rule=text, actor=actor, kept_in=kept_in)
            self._recorder.publish(told, durable=True)

    async def close(self) -> None:
        """Wait until what was added is kept."""
        if self._writing is not None:
            await asyncio.wait({self._writing}, timeout=_CLOSE_S)


def keep(path: Path, rule: str) -> None:
    """Add a rule to a file of rules, whole or not at all; what stands there, comments too, stays as it is.

    Raises:
        SettingError: The file with it could not be meant.
        OSError: It can't be written.
    """
    path = path.resolve()  # a link goes on being one
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    directory = os.open(path.parent, os.O_RDONLY)
    try:
        fcntl.flock(directory, fcntl.LOCK_EX)  # another run may add one just now
        before = path.read_text("utf-8") if path.exists() else ""
        whole = append_rule(before, rule, str(path))
        if len(whole.encode()) > FILE_MAX_BYTES:
            raise SettingError(f"would be larger than {FILE_MAX_BYTES // 1024} KiB", str(path))
        _replace(path, whole)
        os.fsync(directory)
    finally:
        os.close(directory)


def _replace(path: Path, text: str) -> None:
    mode = path.stat().st_mode & 0o777 if path.exists() else 0o600
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        os.chmod(name, mode)  # noqa: PTH101 - the name is mkstemp's
        os.replace(name, path)  # noqa: PTH105
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(name)  # noqa: PTH108
        raise


def rules_of(named: str) -> tuple[Policy, Path]:
    """Read the rules of a run, and say where new ones are kept.

    Args:
        named: The file that it has; empty for none: then new ones begin the one that later runs have.

    Raises:
        SettingError: They can't be used.
    """
    return (read_policy(named), Path(named)) if named else (Policy(), rules_path())
