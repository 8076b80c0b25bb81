"""The one tree of errors; each is a sentence a person can act on. Nothing here prints or exits.

```
PilothouseError                  exit 1
├── UsageError                   exit 2   the command line, a setting, a file the person named
│   ├── SettingError             exit 2   a value in a settings file, the environment or an option
│   ├── NoSuchRun                exit 2   the run named is not here
│   ├── NotARecording            exit 2   the path is no recording (or not one we can read)
│   ├── StateDirError            exit 2   the state directory can't be used
│   ├── KeyMissing               exit 2   an API key is needed and absent
│   ├── TerminalUnfit            exit 2   no terminal, or one too small
│   └── PortTaken                exit 2   a loopback port is in use
├── StartFailed                  exit 2   an engine or a child of it did not come up
│   └── ChromiumUnavailable      exit 2   no Chromium, or it crashed while starting
├── JournalError                 exit 1
│   ├── JournalLocked            exit 2   another engine writes this run
│   └── RecorderFailed           exit 1   the disk refused an event
├── LimitHit                     exit 4   a limit is reached, and nobody is there to raise it
├── NeedsPerson                  exit 5   a decision is wanted, and nobody is there to take it
├── ModelError                   exit 1   the model's answer, or its absence, ended the turn
├── BrowserError                 exit 1   the browser's answer, or its absence
├── RunGone                      exit 1   no engine answers for this run
├── CommandRefusedError          exit 1   the engine said no, and why
└── ProtocolMismatch             exit 2   engine and viewer share no protocol version
```
"""

from __future__ import annotations

from typing import ClassVar


class PilothouseError(Exception):
    """What went wrong, where, and the way out: one sentence in three parts.

    Args:
        what: The thing and what is wrong with it, without a full stop.
        where: The file, line, option, run or address concerned; may be empty.
        way_out: What the person can do next, as a short clause; may be empty.
    """

    exit_code: ClassVar[int] = 1

    def __init__(self, what: str, where: str = "", way_out: str = "") -> None:
        super().__init__(what, where, way_out)
        self.what = what
        self.where = where
        self.way_out = way_out

    def __str__(self) -> str:
        head = f"{self.where}: {self.what}" if self.where else self.what
        return f"{head} ({self.way_out})" if self.way_out else head


class UsageError(PilothouseError):
    """The command line, or something it names, can't be used."""

    exit_code = 2


class SettingError(UsageError):
    """A setting has a value that can't be used; `where` names its source."""


class NoSuchRun(UsageError):
    """No run of that name is known here."""


class NotARecording(UsageError):
    """The path is not a recording that this program can read."""


class StateDirError(UsageError):
    """The state directory can't be made, read or written."""


class KeyMissing(UsageError):
    """An API key is needed and absent."""


class TerminalUnfit(UsageError):
    """There is no terminal, or it is too small for the bridge."""


class PortTaken(UsageError):
    """A loopback port is in use."""


class StartFailed(PilothouseError):
    """An engine, or a child it needs, did not come up."""

    exit_code = 2


class ChromiumUnavailable(StartFailed):
    """There is no Chromium to be had, or it ended while starting."""


class JournalError(PilothouseError):
    """The journal could not be read or written."""


class JournalLocked(JournalError):
    """Another engine holds this journal's lock."""

    exit_code = 2


class RecorderFailed(JournalError):
    """The disk refused an event; what is on disk ends at the last good record."""


class LimitHit(PilothouseError):
    """A limit is reached, and nobody is there to raise it."""

    exit_code = 4


class NeedsPerson(PilothouseError):
    """A decision is wanted, and nobody is there to take it."""

    exit_code = 5


class ModelError(PilothouseError):
    """The model's answer, or its absence, ended the turn."""


class BrowserError(PilothouseError):
    """The browser's answer, or its absence."""


class RunGone(PilothouseError):
    """No engine answers for this run: it ended, or it was killed."""


class CommandRefusedError(PilothouseError):
    """The engine refused a command; `what` is its reason."""


class ProtocolMismatch(PilothouseError):
    """Engine and viewer share no version of the control protocol."""

    exit_code = 2
