"""Commands on their way to the engine, and what waits for a decision. What keys mean is in `screens.run`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
from textual import work

from pilothouse import commands as cmd
from pilothouse.errors import PilothouseError
from pilothouse.ids import new_command_id
from pilothouse.safety import clean_line
from pilothouse.tui.screens.base import RunBody
from pilothouse.tui.widgets.drawer import DECIDING, Drawer
from pilothouse.tui.widgets.lines import Fact

if TYPE_CHECKING:
    from textual import events

    from pilothouse.commands import Ack, Command
    from pilothouse.events import ApprovalRequested
    from pilothouse.tui.widgets.approval import ApprovalPane, DecisionForm
    from pilothouse.tui.widgets.prompts import LimitLine


def _seen(asked: ApprovalRequested) -> cmd.Expect:
    """Bind a decision to what was shown."""
    return cmd.Expect(request=asked.request, frame_sha256=asked.frame_sha256, args_sha256=asked.args_sha256)


class DecidingScreen(RunBody, is_layer=True):
    """Sends commands, opens the drawer, and takes decisions."""

    actor = "operator"

    def send(self, command: Command, pending: str) -> None:
        """Ask the engine; what is said at once is only that we asked."""
        self.pending = pending
        self.show_status()
        self._send(command)

    @work(group="commands", exit_on_error=False)
    async def _send(self, command: Command) -> None:
        try:
            ack = await self.ask(command)
        except PilothouseError as error:
            self.settle()
            self.say(str(error), "error")
            if isinstance(command, cmd.Say):
                self.drawer.composer.restore(command.text)
        else:
            self.wait_for(ack.seq)
        self.refresh_all()

    async def ask(self, command: Command) -> Ack:
        """Have the engine do something.

        Raises:
            RunGone: No engine answers.
            CommandRefusedError: The engine refused.
        """
        return await self.view.control(self.run_id, command)

    def _who(self) -> dict[str, Any]:
        return {"id": new_command_id(), "actor": self.actor}

    # --- the drawer -------------------------------------------------------------------------------

    def _open(self, name: str) -> None:
        self.drawer.open(name)
        self.show_keys()

    def _close(self) -> None:
        self.drawer.close()
        self.focus_pane(self.here)
        self.show_keys()

    def on_descendant_focus(self, event: events.DescendantFocus) -> None:
        """Keep the keys where something is asked."""
        self.drawer.keep_focus(event)

    # --- decisions --------------------------------------------------------------------------------

    def do_run_limits(self) -> None:
        """Ask for a limit or another model, and say what there is."""
        state = self.record.head_state
        chosen = state.effort
        facts = [Fact(f"model {clean_line(state.model, 60)}", "$foreground")]
        facts.append(Fact(f"effort {clean_line(chosen, 20)}" if chosen else "effort: the model's own"))
        facts += [
            Fact(f"{clean_line(one.limit, 20)} {one.used:g} of {one.value:g}", "$text-warning")
            for one in state.limits
        ]
        self.drawer.limits_now.put(facts)
        self._open("limits")

    def on_limit_line_given(self, message: LimitLine.Given) -> None:
        """Set a limit or another model, as it was written."""
        from pilothouse.tui.widgets.prompts import parse_limit, parse_model

        self._close()
        reached, given = self.record.head_state.limits, parse_limit(message.text)
        if (model := parse_model(message.text)) is not None:
            self.send(cmd.SetModel(**self._who(), model=model[0], effort=model[1]), "changing the model…")
        elif given is not None:
            self.send(cmd.SetLimit(**self._who(), limit=given[0], value=given[1]), "setting the limit…")
        elif message.text.strip().lower() != "once":
            self.say("no such limit: give a name and a value (steps 50), off for none, or once", "warning")
        elif reached:
            expect = cmd.Expect(request=reached[0].request)
            self.send(cmd.Resume(**self._who(), expect=expect), "going on once…")
        else:
            self.say("no limit is reached")

    def do_attend(self) -> None:
        """Go to what waits for a decision."""
        self._open("approval")

    def show_approval(self) -> None:
        """Show what waits; a pane open on a request that does not wait any more is closed."""
        asked = self.record.head_state.approval if self.live else None
        pane = Drawer.approval.found(self.drawer)
        before = None if pane is None else pane.asked
        if asked != before:
            self.drawer.approval.put(asked)
        if self.drawer.opened in DECIDING and before is not None and asked != before:
            self._close()
            self.say("what waited there is decided", "warning")
        self.drawer.offer(offering=asked is not None)

    def on_approval_pane_approved(self, message: ApprovalPane.Approved) -> None:
        """Let what waits happen, if it is still that."""
        if self.drawer.opened == "approval" and message.asked == self.record.head_state.approval:
            self._close()
            self.send(cmd.Approve(**self._who(), expect=_seen(message.asked)), "approving…")

    def on_approval_pane_wanted(self, message: ApprovalPane.Wanted) -> None:
        """Open a form for what waits."""
        asked = self.drawer.approval.asked
        if self.drawer.opened != "approval" or asked is None:
            return
        if message.form != "always":
            form = self.drawer.edit if message.form == "edit" else self.drawer.reject
            form.ask(asked)
        elif asked.always:
            self.drawer.always.ask(asked)
        else:
            self.say("no rule can let this happen always: approve it each time", "warning")
            return
        self._open(message.form)

    def on_decision_form_given(self, message: DecisionForm.Given) -> None:
        """Decide as the form says, if its request still waits."""
        who, expect = self._who(), _seen(message.asked)
        if self.drawer.opened != message.form or message.asked != self.record.head_state.approval:
            return
        if message.form == "reject":
            self._close()
            self.send(cmd.Reject(**who, reason=message.text, expect=expect), "rejecting…")
            return
        if message.form == "always":
            self._close()
            self.send(cmd.Approve(**who, rule=message.text, expect=expect), "approving…")
            return
        try:
            given = msgspec.json.decode(message.text, type=dict[str, Any])
        except (msgspec.MsgspecError, UnicodeError):
            self.say("that is no input: it is a JSON object", "warning")
            return
        self._close()
        self.send(cmd.Edit(**who, input=given, expect=expect), "editing…")
