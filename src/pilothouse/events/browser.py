"""What becomes of the browser, and what it reports by itself."""

from __future__ import annotations

from pilothouse.events.base import Event


class BrowserIntended(Event, frozen=True):
    """A browser is about to be asked for under this name; synced first, so a lost reply can be reaped."""

    name: str
    kind: str


class BrowserOpened(Event, frozen=True):
    """The browser is there."""

    name: str
    session: str
    width_px: int
    height_px: int
    opened_ms: float = 0.0
    usd_per_h: float = 0.0
    """The most it costs by the hour; it costs less while it sleeps, and nothing where it is local."""


class BrowserKeptAlive(Event, frozen=True):
    """A heartbeat reached the browser while the run held."""

    name: str


class BrowserClosed(Event, frozen=True):
    """The browser was deleted, or left open on request."""

    name: str
    why: str
    kept: bool = False


class DeletePending(Event, frozen=True):
    """The browser could not be confirmed as deleted; its own timeout, or the reaper, will end it."""

    name: str
    why: str


class BrowserVanished(Event, frozen=True):
    """The browser is not there any more, and nobody here closed it."""

    name: str
    why: str


class StrayReaped(Event, frozen=True):
    """A browser left over by a dead run was deleted."""

    name: str
    run: str = ""
    age_s: float = 0.0
    cost_usd: float = 0.0


class VideoStarted(Event, frozen=True):
    """The browser's service records a video. Links to it carry credentials and are never journalled."""

    video: str
    name: str


class VideoStopped(Event, frozen=True):
    """The recording of the video ended, or could not be had: then `why` says so."""

    video: str
    why: str = ""


class VideoSaved(Event, frozen=True):
    """The video is beside the journal."""

    video: str
    file: str
    """A bare file name inside the run's directory."""
    size: int


class PageReported(Event, frozen=True):
    """Something the browser reported by itself: a console error, a navigation, a download, a crash."""

    number: int
    """The report's own sequence number at its source; following resumes after it."""
    category: str
    """`console`, `network`, `page`, `system`, …: the source's own categories."""
    kind: str
    """The source's own type, `console_error` for example."""
    text: str = ""
    url: str = ""
    trouble: bool = False
    """It tells of something that went wrong."""
