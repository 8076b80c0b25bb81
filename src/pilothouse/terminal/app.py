"""A Textual app with every guard of this package on; the bridge subclasses it.

No pane and no key of ours lives here.
"""

from __future__ import annotations

import sys
import traceback
from typing import TYPE_CHECKING, Any

from rich.segment import Segments
from rich.text import Text
from textual.app import ReturnType

from pilothouse import paths
from pilothouse.safety import Redactor, clean, clean_line, secrets_from_environment
from pilothouse.terminal.egress import EgressGuard, safe_title
from pilothouse.terminal.ingress import GuardedDriver
from pilothouse.terminal.notify import desktop
from pilothouse.terminal.sending import Paced

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from rich.console import RenderableType
    from textual.filter import LineFilter
    from textual.notifications import SeverityLevel

CRASH_LOG_NAME = "crash.log"
CLIPBOARD_LIMIT = 1_000_000
REASON_LIMIT = 200


class GuardedApp(Paced[ReturnType]):
    """Guards the terminal from text, the keys from replies, and the screen from a crash's secrets.

    Args:
        strict_egress: Raise when uncleaned text reaches the screen; for tests.
        crash_log: Where the redacted trace of a crash goes; default `crash.log` in the state directory.
        secrets: Values to redact there, besides those of the environment.
    """

    def __init__(
        self,
        *,
        strict_egress: bool = False,
        crash_log: Path | None = None,
        secrets: Sequence[str] = (),
        **app_options: Any,
    ) -> None:
        app_options.setdefault("driver_class", GuardedDriver)
        super().__init__(**app_options)
        self._egress_guard = EgressGuard(strict=strict_egress)
        self._crash_log = crash_log
        self._crash_secrets = tuple(secrets)
        self._has_failed = False

    def get_line_filters(self) -> Sequence[LineFilter]:
        """Return Textual's filters and, last, the egress guard."""
        return [*super().get_line_filters(), self._egress_guard]

    def notify(
        self,
        message: str,
        *,
        title: str = "",
        severity: SeverityLevel = "information",
        timeout: float | None = None,
        markup: bool = False,
    ) -> None:
        """Show a toast of cleaned text; markup is off unless asked for, so that outside text can't act."""
        super().notify(
            clean(message, limit=2_000),
            title=clean_line(title, 200),
            severity=severity,
            timeout=timeout,
            markup=markup,
        )

    def copy_to_clipboard(self, text: str) -> None:
        """Copy cleaned text: what is pasted into a shell later must not be obeyed there either."""
        super().copy_to_clipboard(clean(text, limit=CLIPBOARD_LIMIT))

    def open_url(self, url: str, *, new_tab: bool = True) -> None:
        """Open an http or https address; refuse anything else, which the desktop might run."""
        if url.isascii() and url.isprintable() and url.startswith(("https://", "http://")):
            super().open_url(url, new_tab=new_tab)
        else:
            self.notify(f"not opened, since it is no web address: {clean_line(url, 200)}", severity="warning")

    def set_terminal_title(self, text: str) -> None:
        """Set the terminal window's title to cleaned text; without a driver nothing happens."""
        if self._driver is not None and not self.is_headless:
            self._driver.write(f"\x1b]2;{safe_title(text)}\x1b\\")

    def notify_desktop(self, text: str, way: str, *, tmux: bool = False) -> None:
        """Ask the terminal for a desktop notification of cleaned text, in the way it knows."""
        if self._driver is not None and not self.is_headless and (sequence := desktop(text, way, tmux=tmux)):
            self._driver.write(sequence)

    # ------------------------------------------------------------------------------- the crash seam

    def _fatal_error(self) -> None:
        """Replace Textual's crash screen, which shows the locals of every frame, keys and all."""
        error = sys.exc_info()[1]
        self._leave_with(error if error is not None else RuntimeError("unknown"))

    def panic(self, *renderables: RenderableType) -> None:
        """End with one sentence instead of the renderables; what they say is in the crash log."""
        error = next((item for item in renderables if isinstance(item, Exception)), sys.exc_info()[1])
        self._leave_with(error if error is not None else RuntimeError("the terminal could not be read"))

    def _leave_with(self, error: BaseException) -> None:
        self._close_messages_no_wait()
        if self._has_failed:  # what fails while ending adds nothing, and would overwrite the cause
            return
        self._has_failed = True
        redactor = Redactor((*secrets_from_environment(), *self._crash_secrets))
        trace = redactor.redact("".join(traceback.format_exception(error)))
        reason = clean_line(redactor.redact(f"{type(error).__name__}: {error}"), REASON_LIMIT)
        where = self._write_crash_log(trace)
        sentence = f"The bridge failed: {reason} (runs go on without it; {where})"
        self._exit_renderables.append(Segments(self.console.render(Text(sentence + "\n"))))

    def _write_crash_log(self, trace: str) -> str:
        """Write the trace for its owner only; return the clause that says where it is."""
        try:
            path = self._crash_log or paths.make_private(paths.state_dir()) / CRASH_LOG_NAME
            path.touch(mode=0o600)
            path.chmod(0o600)
            path.write_text(clean(trace, limit=None), encoding="utf-8")
        except Exception as error:  # a crash report must not crash
            return f"no trace could be written: {clean_line(str(error), REASON_LIMIT)}"
        return f"trace in {clean_line(str(path), 500)}"
