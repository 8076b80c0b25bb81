"""Another input for what waits, by pointing at the picture: the form has it as JSON, the picture drawn.

Pointing only writes; what is written is committed as everything there is, with ctrl+y (`screens.deciding`).
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import msgspec
from textual import on

from pilothouse.tui.panes.picture import PicturePane
from pilothouse.tui.panes.pointed import Pointed
from pilothouse.tui.placing import placed
from pilothouse.tui.pointer import SLOP_PX
from pilothouse.tui.screens.deciding import DecidingScreen

if TYPE_CHECKING:
    from textual.widgets import Input

    from pilothouse.events import ApprovalRequested
    from pilothouse.frames.geometry import Point
    from pilothouse.frames.overlay import Overlay
    from pilothouse.state import RunState
    from pilothouse.tui.pointer import Report


class PlacingScreen(DecidingScreen, is_layer=True):
    """Lets the edit form be filled from the picture."""

    _placing_from: Point | None = None
    """Where the button went down."""

    def _open(self, name: str) -> None:
        super()._open(name)
        self._placing_from = None
        self.query_one(PicturePane).takes_pointer = name == "edit"
        self.show_status()

    def _close(self) -> None:
        self.query_one(PicturePane).let_pointer_go()
        super()._close()
        self.show_status()

    def show_picture(self, state: RunState, age_s: float | None) -> None:
        """Show the picture with what is written in the form, while it is open, instead of what was asked."""
        proposed = self._proposed()
        if proposed is None:
            super().show_picture(state, age_s)
        else:
            self.query_one(PicturePane).show(state.frame, None, age_s, overlay=proposed)

    @property
    def _edited(self) -> ApprovalRequested | None:
        """What is being edited."""
        return self.drawer.edit.asked if self.drawer.opened == "edit" else None

    def _proposed(self) -> Overlay | None:
        if (asked := self._edited) is None or (given := _read(self.drawer.edit.value)) is None:
            return None
        from pilothouse.frames.overlay import overlay_of

        return overlay_of(asked.member, given)

    def on_input_changed(self, message: Input.Changed) -> None:
        """Draw what is written now."""
        if message.input.id == "edit" and self._edited is not None:
            self.show_status()

    @on(Pointed.Pointer)
    def _point(self, message: Pointed.Pointer) -> None:
        asked, report = self._edited, message.report
        if asked is None:
            return
        match report.kind:
            case "down" if report.button == 1:
                self._placing_from = report.at
                self._place(asked, report.at, report.at)
            case "move" | "up" if self._placing_from is not None:
                start = self._placing_from
                if report.kind == "up":
                    self._placing_from = None
                if _is_drag(start, report):
                    self._place(asked, start, report.at)

    def _place(self, asked: ApprovalRequested, start: Point, end: Point) -> None:
        form = self.drawer.edit
        if problem := self._unfit(asked):
            self.say(problem, "warning")
            return
        given = _read(form.value)
        changed = placed(asked.member, given if given is not None else asked.input, start, end)
        if changed is None:
            self.say(f"{asked.member} names no place: write its input", "warning")
            return
        form.rewrite(changed)

    def _unfit(self, asked: ApprovalRequested) -> str:
        """Say why a place on the picture that is shown would mean another one on the page; empty if not."""
        frame = self.record.state_at(self.playhead.position).frame
        if frame is None:
            return "there is no picture to point at"
        if asked.frame_sha256 and frame.blob.sha256 != asked.frame_sha256:
            return "that is not the picture this was asked about: F goes back to it"
        return ""


def _is_drag(start: Point, report: Report) -> bool:
    return math.hypot(report.at.x - start.x, report.at.y - start.y) >= SLOP_PX


def _read(text: str) -> dict[str, Any] | None:
    try:
        return msgspec.json.decode(text, type=dict[str, Any])
    except (msgspec.MsgspecError, UnicodeError):
        return None
