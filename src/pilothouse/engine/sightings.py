"""What the browser tells by itself of where a run stands: its page, and that a download began.

Kernel's telemetry has no report of a dialog: not of a file chooser, nor of a page's own alert. Nobody can
judge by those.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pilothouse.browser.reports import Page, report

if TYPE_CHECKING:
    from pilothouse.engine.approvals import Approvals


class Sightings:
    """Passes on what each report says to whoever judges actions; a listener of the telemetry."""

    def __init__(self, approvals: Approvals) -> None:
        self._approvals = approvals

    def heard(self, envelope: Any) -> None:
        """Take one report, journalled or not."""
        page = Page().after(envelope.event)
        if page.url:
            self._approvals.arrived(page.url)
        elif is_download(envelope.seq, envelope.event):
            self._approvals.told("download")


def is_download(seq: int, event: Any) -> bool:
    """Say whether a report tells of a file that comes as a download."""
    kind = str(event.type)
    if kind != "network_response":
        return "download" in kind
    said = report(seq, event)
    return said is not None and not said.trouble
