"""The guarded app under Textual's own test harness."""

from __future__ import annotations

from pathlib import Path

import pytest
from textual.app import ComposeResult
from textual.content import Content
from textual.widgets import Static

from pilothouse.terminal.app import GuardedApp
from pilothouse.terminal.egress import UncleanSegment


class Shows(GuardedApp[None]):
    def __init__(self, text: str, crash_log: Path) -> None:
        super().__init__(strict_egress=True, crash_log=crash_log)
        self._text = text
        self.opened: list[str] = []

    def compose(self) -> ComposeResult:
        yield Static(Content(self._text))

    def deliver(self, url: str) -> None:
        self.opened.append(url)


async def test_a_strict_app_fails_on_uncleaned_text(tmp_path: Path) -> None:
    with pytest.raises(UncleanSegment, match="x1b"):
        async with Shows("title \x1b]0;x\x07", tmp_path / "log").run_test() as pilot:
            await pilot.pause()


async def test_a_strict_app_takes_clean_text_toasts_and_the_clipboard(tmp_path: Path) -> None:
    async with Shows("漢字 👍🏽 plain", tmp_path / "log").run_test() as pilot:
        pilot.app.notify("[/x] \x1b]0;x\x07", title="[b]\x1b[2J")
        pilot.app.copy_to_clipboard("a\x1b[201~b")
        await pilot.pause()
        assert pilot.app.clipboard == "a␛[201~b"
        assert [toast.message for toast in pilot.app._notifications] == ["[/x] ␛]0;x␇"]


async def test_only_web_addresses_are_opened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    app = Shows("x", tmp_path / "log")
    async with app.run_test():
        assert app._driver is not None
        monkeypatch.setattr(app._driver, "open_url", lambda url, new_tab=True: app.deliver(url))
        for url in ("file:///etc/passwd", "javascript:1", "https://x/\x1b", "http://shop/"):
            app.open_url(url)
    assert app.opened == ["http://shop/"]
