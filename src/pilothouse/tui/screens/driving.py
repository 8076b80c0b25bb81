"""A person at the wheel: the lease is asked for, mouse and keys go to the page, and back it goes.

What the gestures mean is `tui.pointer`'s, their order `tui.outbox`'s. The engine decides who drives: the
screen believes it only of its events.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from textual import on, work
from textual.content import Content

from pilothouse import commands as cmd
from pilothouse import events as ev
from pilothouse.errors import CommandRefusedError, PilothouseError
from pilothouse.frames.geometry import Extent, Point
from pilothouse.safety import clean_line
from pilothouse.tui.graphics import Graphics
from pilothouse.tui.grip import Grip, Standing, echoed
from pilothouse.tui.live import LiveFrames
from pilothouse.tui.outbox import Outbox, Parcel
from pilothouse.tui.panes.picture import PicturePane
from pilothouse.tui.panes.pointed import Pointed
from pilothouse.tui.pointer import PASTE_MAX, Deed, Keyboard, Mouse, Report, aim_reports, deeds_of_paste
from pilothouse.tui.screens.placing import PlacingScreen
from pilothouse.tui.widgets.drawer import Drawer

if TYPE_CHECKING:
    from textual.timer import Timer

    from pilothouse.state import RunState
    from pilothouse.tui.widgets.wheel import WheelPane

TICK_S = 0.05
"""How often what waits for time is looked at, while somebody drives here."""
IDLE_S = 300.0
"""Without an act for so long the engine takes the wheel away."""
AGAIN_S = 1.0
"""After a failure live pictures are asked for again after so long."""
ZOOMS = {"plus": 1.5, "minus": 1 / 1.5}
SECRET, AIM = "ctrl+k", "ctrl+g"
_OUT = frozenset({"escape", "ctrl+t"})
_CLOSING = _OUT | {"enter"}


class DrivingScreen(PlacingScreen, is_layer=True):
    """Takes the wheel, drives, gives it back."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.grip = Grip.OFF
        self._lease = ""
        self._granted = -1
        """The event that says whether we drive; -1 while that is not known."""
        self._why = ""
        self._mouse, self._keyboard, self._outbox = Mouse(), Keyboard(), Outbox()
        self._is_sending = self._is_secret = self._wants_out = False
        self._echo = ""
        self._acted_at = 0.0
        self._aim: Point | None = None
        self._titled = ""
        self.live_frames = LiveFrames()
        self._driving_timer: Timer | None = None

    @property
    def is_captured(self) -> bool:
        """Say whether every key belongs to the wheel, those of the bridge itself included."""
        return self.grip not in {Grip.OFF, Grip.ASK}

    # --- taking it --------------------------------------------------------------------------------

    def do_run_takeover(self) -> None:
        """Ask whether to take the wheel."""
        self.grip = Grip.ASK
        self._open("wheel")
        self._show_wheel()

    def _take_wheel(self) -> None:
        self.grip, self._granted, self._wants_out = Grip.ASKING, -1, False
        self.playhead.follow()
        self.focus_pane("picture")
        self._open("wheel")
        self._show_wheel()
        self._ask_for_wheel()

    @work(group="wheel", exit_on_error=False)
    async def _ask_for_wheel(self) -> None:
        try:
            ack = await self.ask(cmd.TakeOver(**self._who()))
        except PilothouseError as error:
            self.say(str(error), "warning" if isinstance(error, CommandRefusedError) else "error")
            if self.grip is Grip.ASKING:
                self.grip = Grip.ASK
        else:
            self._granted = ack.seq
        self.refresh_all()

    async def look(self, after: int) -> cmd.LivePicture:
        """Wait for a live picture other than number `after`.

        Raises:
            RunGone: No engine answers.
        """
        return await self.view.look(self.run_id, after, self.actor)

    def _begin(self, lease: str) -> None:
        self.grip, self._lease, self._why, self._echo = Grip.DRIVING, lease, "", ""
        self._forget()
        self._acted_at = self._now()
        self.query_one(PicturePane).takes_pointer = True
        if self._driving_timer is None:
            self._driving_timer = self.set_interval(TICK_S, self._driving_tick)
        if self._wants_out:
            self._give_back()

    def _forget(self) -> None:
        self._mouse.forget()
        self._keyboard.forget()
        self._outbox.clear()
        self._aim, self._is_secret = None, False

    def do_live_link(self) -> None:
        """Copy the address where the browser itself can be watched; it is a key, so it is shown nowhere."""
        self._copy_link()

    @work(group="commands", exit_on_error=False)
    async def _copy_link(self) -> None:
        try:
            ack = await self.ask(cmd.LiveView(**self._who()))
        except PilothouseError as error:
            self.say(str(error), "warning")
            return
        self.app.copy_to_clipboard(ack.link)
        self.say("copied the browser's live-view link: whoever has it can drive", "warning")

    # --- what the engine says ---------------------------------------------------------------------

    def refresh_all(self) -> None:
        """Show the playhead's position everywhere, and who drives."""
        self._follow_wheel(self.record.head_state)
        super().refresh_all()
        self._show_wheel()
        self._look_on()

    def _follow_wheel(self, state: RunState) -> None:
        if self.grip is Grip.ASKING and self.record.last_seq >= self._granted >= 0:
            if state.driver == self.actor and state.lease:
                self._begin(state.lease)
            else:
                self._lose("the lease ended at once")
        elif self.grip in {Grip.DRIVING, Grip.GIVING} and state.lease != self._lease:
            self._lose(self._reason())

    def _reason(self) -> str:
        """Say why the lease ended."""
        ends = (event for event in reversed(self.record.events) if isinstance(event, ev.TakeoverEnded))
        return next((event.why for event in ends if event.lease == self._lease), "the lease is gone")

    def _lose(self, why: str) -> None:
        """Drive no longer: at our own wish, or with the keys held back until that has been seen."""
        given_back = self.grip is Grip.GIVING
        self._forget()
        self.query_one(PicturePane).let_pointer_go()
        self.grip, self._why, self._lease = Grip.LOST, why, ""
        if given_back:
            self._leave_wheel()

    def withdraw(self) -> None:
        """Drive no longer when the run is over."""
        super().withdraw()
        if self.is_captured and self.grip is not Grip.LOST:
            self._lose("the run is over")
        elif self.grip is Grip.ASK:
            self._leave_wheel()

    def _close(self) -> None:
        self.grip = Grip.OFF
        if self._driving_timer is not None:
            self._driving_timer.stop()
            self._driving_timer = None
        super()._close()

    def _leave_wheel(self) -> None:
        self._close()
        self.refresh_all()

    # --- driving ----------------------------------------------------------------------------------

    def on_wheel_pane_pressed(self, message: WheelPane.Pressed) -> None:
        """Take a key for the wheel, or for the page."""
        match self.grip:
            case Grip.ASK if message.key == "ctrl+y":
                self._take_wheel()
            case Grip.LOST if message.key in _CLOSING:
                self._leave_wheel()
            case Grip.ASKING if message.key in _OUT:
                self._wants_out = True
            case Grip.GIVING if message.key in _OUT:  # the page is slow: it goes back all the same
                self._leave_wheel()
            case Grip.DRIVING:
                self._drive_by_key(message.key, message.character)
                self._show_wheel()
            case _:
                pass

    def _drive_by_key(self, key: str, character: str | None) -> None:
        if key == SECRET:
            self._turn_secret()
        elif key == AIM or (self._aim is not None and key == "escape"):
            self._turn_aim()
        elif self._aim is not None and key != "ctrl+t":
            self._aim_by_key(key)
        else:
            deeds = self._keyboard.take(key, character, self._now())
            if deeds is None:
                self._give_back()
            else:
                self._put(deeds)

    def _give_back(self) -> None:
        self.grip = Grip.GIVING
        self.query_one(PicturePane).let_pointer_go()
        self._outbox.order("release")
        self._send_next()

    def on_wheel_pane_pasted(self, message: WheelPane.Pasted) -> None:
        """Paste into the page."""
        if self.grip is not Grip.DRIVING:
            return
        if len(message.text) > PASTE_MAX:
            self.say(f"not pasted: {len(message.text)} characters are too many ({PASTE_MAX})", "warning")
            return
        self._put(deeds_of_paste(message.text))
        self._show_wheel()

    @on(Pointed.Pointer)
    def _wheel_pointer(self, message: Pointed.Pointer) -> None:
        if self.grip is Grip.DRIVING:
            self._mouse_did(message.report)

    def _mouse_did(self, report: Report) -> None:
        if self._aim is not None:
            self._aim = report.at
        self._put(self._mouse.take(report, self._now()))

    def _turn_secret(self) -> None:
        self._is_secret = not self._is_secret
        self._echo = ""
        self._outbox.order("conceal" if self._is_secret else "reveal")
        self._send_next()

    def _driving_tick(self) -> None:
        now = self._now()
        if self.grip is Grip.DRIVING:
            self._put([*self._keyboard.tick(now), *self._mouse.tick(now)])
        self._show_wheel()
        self._look_on()

    # --- the crosshair ----------------------------------------------------------------------------

    def _turn_aim(self) -> None:
        geometry = self.query_one(PicturePane).geometry
        if self._aim is not None or geometry is None:
            if self._aim is not None and self._mouse.is_busy:
                self._put(self._mouse.take(Report("up", self._aim), self._now()))
            self._aim = None
        else:
            self._aim = Point(geometry.model_px.width // 2, geometry.model_px.height // 2)
        self.show_status()

    def _aim_by_key(self, key: str) -> None:
        pane = self.query_one(PicturePane)
        geometry = pane.geometry
        if self._aim is None or geometry is None:
            return
        if key in ZOOMS:
            pane.zoom(ZOOMS[key])
            return
        self._aim, reports = aim_reports(key, self._aim, geometry, is_held=self._mouse.is_busy)
        for report in reports:
            self._mouse_did(report)
        seen, view = geometry.model_to_image(self._aim), geometry.shown
        if not geometry.sees(seen):  # an enlarged picture goes along
            middle = Point(seen.x - view.x - view.width / 2, seen.y - view.y - view.height / 2)
            pane.pan(middle.x / view.width, middle.y / view.height)
        self.show_status()

    # --- sending ----------------------------------------------------------------------------------

    def _put(self, deeds: list[Deed]) -> None:
        for deed in deeds:
            if not self._outbox.put(deed, self._now(), secret=self._is_secret):
                self.say("the page is slow: that was left out, wait a moment", "warning")
                break
            text = str(deed.input.get("text", "")) if deed.member in {"type", "key"} else ""
            if text:
                shown = text if deed.member == "type" else "*" if self._is_secret else f"[{text}]"
                self._echo = echoed(self._echo, shown, secret=self._is_secret)
        self._send_next()

    def _send_next(self) -> None:
        if len(self._outbox) and not self._is_sending:
            self._is_sending = True
            self._send_all()

    @work(group="wheel", exit_on_error=False)
    async def _send_all(self) -> None:
        """Send what waits, one thing after the other: the order is what it means."""
        try:
            while (parcel := self._outbox.take()) is not None:
                await self._deliver(parcel)
        finally:
            self._is_sending = False

    async def _deliver(self, parcel: Parcel) -> None:
        try:
            await self.ask(self._command(parcel))
        except CommandRefusedError as refusal:
            if self.grip in {Grip.DRIVING, Grip.GIVING}:  # else it was not for the page any more
                self.say(str(refusal), "warning")
            if parcel.order == "release" and self.grip is Grip.GIVING:
                self._lose(str(refusal))
        except PilothouseError as error:
            self._outbox.clear()
            self._mouse.forget()
            self.say(f"{error}; what was under way may or may not have happened", "error")
            if self.grip is Grip.GIVING:  # nothing more can be done from here
                self._lose(str(error))
        else:
            self._acted_at = self._now()

    def _command(self, parcel: Parcel) -> cmd.Command:
        who = self._who()
        if parcel.deed is not None:
            member, given = parcel.deed
            return cmd.Act(**who, member=member, input=given, secret=parcel.secret)
        orders = {"conceal": cmd.Conceal, "reveal": cmd.Reveal, "release": cmd.Release}
        return orders[parcel.order](**who)

    # --- showing ----------------------------------------------------------------------------------

    def _show_wheel(self) -> None:
        state = self.record.head_state
        other = state.driver if state.driver not in {"agent", self.actor} else ""
        standing = Standing(
            grip=self.grip,
            other=other,
            asked_by=state.lease_asked_by,
            left_s=int(max(IDLE_S - (self._now() - self._acted_at), 0.0)),
            secret=self._is_secret,
            concealed=state.concealed,
            aiming="" if self._aim is None else f"{self._aim.x:.0f}, {self._aim.y:.0f}",
            waiting=len(self._outbox) + self._is_sending,
            echo=self._echo,
            why=self._why,
        )
        self._put_standing(standing)
        self._show_driver(state if self.live else self.record.state_at(self.playhead.position))

    def _put_standing(self, standing: Standing) -> None:
        pane = self.drawer.wheel if self.drawer.opened == "wheel" else Drawer.wheel.found(self.drawer)
        if pane is None:
            return
        before = pane.standing
        pane.put(standing)
        if before.keys != standing.keys:
            self.show_keys()

    def _show_driver(self, state: RunState) -> None:
        """Draw a border around the picture while a person drives, and say in it who."""
        pane = self.query_one(PicturePane)
        driven = state.driver != "agent" and not state.ended
        if self.grip is Grip.DRIVING:
            text = "you drive — esc esc or ctrl+t gives it back"
        else:
            text = f"{clean_line(state.driver, 40)} drives"
        text += " — nothing is recorded" if state.concealed else ""
        pane.set_class(driven, "-driven")
        title = text if driven else ""
        if title != self._titled:  # Textual repaints for the same title too
            self._titled = title
            pane.border_title = Content(title) if title else None

    def show_picture(self, state: RunState, age_s: float | None) -> None:
        """Show the page as it is now while a person drives, else as it is recorded."""
        pane, live = self.query_one(PicturePane), self.live_frames.frame
        shows_live = self.live and self.playhead.following and self.record.head_state.driver != "agent"
        recorded = state.frame.blob if state.frame is not None else None
        if not shows_live or (live is None and self._aim is None):
            pane.model_px = None
            super().show_picture(state, age_s)
            return
        pane.model_px = Extent(recorded.width_px, recorded.height_px) if recorded is not None else None
        overlay = None
        if self._aim is not None and (shown := live or state.frame) is not None:
            from pilothouse.frames.overlay import Overlay

            size = pane.model_px or Extent(shown.blob.width_px, shown.blob.height_px)
            across, down = shown.blob.width_px / size.width, shown.blob.height_px / size.height
            overlay = Overlay("move", Point(self._aim.x * across, self._aim.y * down))
        pane.show(live or state.frame, None, age_s if live is None else None, overlay=overlay)

    async def _blob(self, sha256: str) -> bytes:
        live = self.live_frames.data(sha256)
        return live if live is not None else await super()._blob(sha256)

    # --- live pictures ----------------------------------------------------------------------------

    def _look_on(self) -> None:
        """Have live pictures while a person drives and they can be shown, and no longer."""
        state, pane = self.record.head_state, self.query_one(PicturePane)
        mine = self.grip in {Grip.DRIVING, Grip.GIVING}
        seen = pane.display and pane.way is not Graphics.OFF and self.playhead.following
        if self.live and seen and state.driver != "agent" and (mine or not state.concealed):
            if self.live_frames.begin(self._now()):
                self._look()
        elif self.live_frames.end():
            self.workers.cancel_group(self, "look")
            self.show_status()

    @work(group="look", exit_on_error=False)
    async def _look(self) -> None:
        """Ask for the next picture once the last is on the screen: the pace is what the terminal carries."""
        frames = self.live_frames
        try:
            while frames.is_on:
                frames.take(await self.look(frames.number))
                self.show_status()
                await frames.shown()
        except PilothouseError:
            frames.fail(self._now() + AGAIN_S)  # what is recorded is shown instead

    @on(PicturePane.Painted)
    def _picture_painted(self, message: PicturePane.Painted) -> None:
        self.live_frames.painted(message.sha256)
