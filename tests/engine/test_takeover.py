"""A person takes the wheel: who drives, what the browser gets, what is told of it, and how it ends."""

from __future__ import annotations

import asyncio
import io
import json
import random
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from pilothouse import commands as cmd
from pilothouse import events as ev
from pilothouse.cli.main import main
from pilothouse.commands import Ack, Conceal, Refused, Reveal
from pilothouse.engine import deeds, lease
from pilothouse.engine.client import actor_name
from pilothouse.engine.deeds import MASKED
from pilothouse.events import Hold, Outcome
from pilothouse.safety import MASK
from tests.engine.kernel_stub import LIVE_VIEW
from tests.engine.rig import Rig, rigged
from tests.engine.viewer import Viewer

pytestmark = pytest.mark.usefixtures("quick")
VEILS = ev.Concealed | ev.Revealed | ev.HumanActed | ev.TakeoverEnded

PAUSES = """
[[turn]]
text = "I click."
calls = [{ do = "left_click", at = [10, 10] }]
[[turn]]
text = "I click twice."
calls = [{ do = "left_click", at = [20, 20] }, { do = "left_click", at = [30, 30] }]
[[turn]]
text = "Done."
"""


SLOWLY = "before_s = 0.0\nper_delta_s = 0.02\ndelta_chars = 4"
ONE_CLICK = """
[pace]
{pace}
[[turn]]
text = "I click."
calls = [{{ do = "left_click", at = [10, 10] }}]
[[turn]]
text = "Done."
"""


def last_user_content(rig: Rig) -> list[dict[str, Any]]:
    """Give the content of the newest user message that the model's server got."""
    messages = json.loads(rig.bodies[-1])["messages"]
    content: list[dict[str, Any]] = next(m for m in reversed(messages) if m["role"] == "user")["content"]
    return content


def files(rig: Rig) -> list[Path]:
    return [path for path in rig.directory.rglob("*") if path.is_file()]


async def driven(rig: Rig) -> asyncio.Task[Outcome]:
    """Take over once the first action is done; gives the driving task."""
    driving = asyncio.create_task(rig.run.drive())
    await rig.until_one(ev.ActionFinished)
    assert isinstance(rig.take_over(), Ack)
    return driving


async def test_what_a_person_did_is_told_to_the_model_with_a_fresh_picture(state_dir: Path) -> None:
    async with rigged(state_dir, PAUSES) as rig:
        driving = await driven(rig)
        assert isinstance(await rig.act("left_click", coordinate=[640, 60]), Ack)
        for letter in "tea":
            assert isinstance(await rig.act("type", text=letter), Ack)
        assert isinstance(await rig.act("key", text="Return"), Ack)
        assert isinstance(rig.release(), Ack)
        ended = await rig.until_one(ev.TakeoverEnded)
        assert await driving is Outcome.COMPLETED
        acted = [(event.member, event.input) for event in rig.of(ev.HumanActed)]
        assert acted == [
            ("left_click", {"coordinate": [640, 60]}),
            ("type", {"text": "tea"}),
            ("key", {"text": "Return"}),
        ]
        assert "clicked at (640, 60); typed “tea”; pressed Return." in ended.note
        told = next(e for e in rig.of(ev.MessageDelivered) if e.id == ended.lease)
        assert told.text.startswith(ended.note)
        request = json.loads(rig.bodies[told.turn - 1])
        content = request["messages"][-1]["content"]
        assert [block["type"] for block in content[-2:]] == ["text", "image"]
        assert content[-2]["text"] == told.text


async def test_a_viewer_pulls_pictures_that_differ_from_the_last(state_dir: Path) -> None:
    async with rigged(state_dir, PAUSES) as rig:
        driving = await driven(rig)
        async with Viewer.of(rig.run_id, "anna") as anna:
            first = await anna.look(0)
            assert (first.mime, first.width_px, first.height_px) == ("image/png", 1280, 800)
            waiting = asyncio.create_task(anna.look(first.number))
            assert isinstance(await rig.act("left_click", coordinate=[5, 5]), Ack)
            second = await waiting
            assert second.number > first.number
            assert second.data != first.data
            rig.release()
        assert await driving is Outcome.COMPLETED


async def test_a_picture_too_large_for_the_socket_is_sent_worse(state_dir: Path) -> None:
    async with rigged(state_dir, PAUSES) as rig:
        driving = await driven(rig)
        noise = io.BytesIO()
        Image.frombytes("RGB", (1280, 800), random.Random(1).randbytes(1280 * 800 * 3)).save(noise, "PNG")
        rig.kernel._drawn = (len(rig.kernel.performed), noise.getvalue())
        async with Viewer.of(rig.run_id, "anna") as anna:
            picture = await anna.look(0)
        assert picture.mime == "image/jpeg"
        assert len(noise.getvalue()) > cmd.FRAME_MAX_BYTES > len(cmd.encode(picture))
        rig.release()
        assert await driving is Outcome.COMPLETED


async def test_a_concealed_page_is_shown_to_who_drives_alone_and_not_recorded(state_dir: Path) -> None:
    async with rigged(state_dir, PAUSES) as rig:
        driving = await driven(rig)
        async with (
            Viewer.of(rig.run_id, "anna") as anna,
            Viewer.of(rig.run_id, "bob") as bob,
        ):
            assert isinstance(rig.do(Conceal(id="c1", actor="anna")), Ack)
            concealed = await rig.until_one(ev.Concealed)
            before = await anna.look(0)
            watching = asyncio.create_task(bob.look(0))
            assert isinstance(await rig.act("type", text="hunter2"), Ack)
            assert isinstance(await rig.act("key", text="x"), Ack)
            during = await anna.look(before.number)
            assert not watching.done()
            assert isinstance(rig.do(Reveal(id="c2", actor="anna")), Ack)
            revealed = await rig.until_one(ev.Revealed)
            after = await watching
            assert after.number > during.number
            rig.release()
        assert await driving is Outcome.COMPLETED
        hidden = [e for e in rig.events if concealed.seq < e.seq < revealed.seq]
        assert [e for e in hidden if isinstance(e, ev.FrameCaptured)] == []
        acted = [e for e in hidden if isinstance(e, ev.HumanActed)]
        assert [(e.member, e.input, e.masked) for e in acted] == [("type", {"text": MASKED}, True)]
        note = rig.of(ev.TakeoverEnded)[0].note
        assert "typed something that is not shown." in note
        assert "hunter2" not in "".join(path.read_bytes().decode("latin-1") for path in files(rig))
        assert "hunter2" not in rig.bodies[-1].decode()


async def test_what_is_marked_secret_is_masked_until_it_is_revealed(state_dir: Path) -> None:
    async with rigged(state_dir, PAUSES) as rig:
        driving = await driven(rig)
        assert isinstance(await rig.act("type", text="hunter2", secret=True), Ack)
        assert rig.run.lease.concealed
        rig.release()
        assert await driving is Outcome.COMPLETED
        order = [type(e) for e in rig.events if isinstance(e, VEILS)]
        assert order == [ev.Concealed, ev.HumanActed, ev.Revealed, ev.TakeoverEnded]
        revealed, ended = rig.of(ev.Revealed)[0], rig.of(ev.TakeoverEnded)[0]
        frames = [e for e in rig.of(ev.FrameCaptured) if revealed.seq < e.seq < ended.seq]
        assert [frame.source for frame in frames] == ["human"]
        assert b"hunter2" not in b"".join(path.read_bytes() for path in files(rig))


async def test_a_known_secret_typed_key_by_key_is_masked_everywhere(state_dir: Path) -> None:
    async with rigged(state_dir, PAUSES) as rig:
        rig.run.recorder._secrets = ("correct-horse-battery",)
        driving = await driven(rig)
        for letter in "a correct-horse-battery!":
            await rig.act("type", text=letter)
            assert rig.run.lease._deeds is not None
            rig.run.lease._deeds.pause()  # as if the person were slow
        await rig.act("left_click", coordinate=[5, 5])
        rig.release()
        assert await driving is Outcome.COMPLETED
        typed = "".join(e.input["text"] for e in rig.of(ev.HumanActed) if e.member == "type")
        assert typed == f"a {MASK}!"
        assert f"typed “a {MASK}!”; clicked at (5, 5)" in rig.of(ev.TakeoverEnded)[0].note


async def test_one_person_drives_and_hears_who_else_would_like_to(state_dir: Path) -> None:
    async with rigged(state_dir, PAUSES) as rig:
        driving = await driven(rig)
        refusal = rig.take_over("bob")
        assert isinstance(refusal, Refused)
        assert refusal.why == "anna drives"
        assert rig.run.recorder.state.lease_asked_by == "bob"
        for answer in (rig.release("bob"), await rig.act("key", text="a", actor="bob")):
            assert isinstance(answer, Refused)
            assert answer.why == "anna drives"
        rig.release()
        await rig.until_one(ev.TakeoverEnded)
        assert await driving is Outcome.COMPLETED
        assert rig.of(ev.HumanActed) == []


async def test_a_script_drives_and_gets_the_link_that_is_never_kept(
    state_dir: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    async def ctl(*words: str, typed: str = "") -> tuple[int, str]:
        monkeypatch.setattr("sys.stdin", io.StringIO(typed))
        code = await asyncio.to_thread(main, ["ctl", run, *words])
        return code, capsys.readouterr().out

    async with rigged(state_dir, PAUSES) as rig:
        run = rig.run.recorder.state.run
        driving = asyncio.create_task(rig.run.drive())
        await rig.until_one(ev.ActionFinished)
        assert await ctl("takeover") == (0, "")
        assert await ctl("act", "left_click", '{"coordinate": [5, 6]}') == (0, "")
        assert await ctl("act", "type", "-", "--secret", typed='{"text": "hunter2"}') == (0, "")
        standing = json.loads((await ctl("state", "--json"))[1])
        assert (standing["driver"], standing["concealed"]) == (actor_name(), True)
        assert await ctl("reveal") == (0, "")
        assert (await ctl("act", "left_click", '{"coordinate": [5000, 6]}'))[0] != 0
        assert await ctl("live-view") == (0, LIVE_VIEW + "\n")
        code, out = await ctl("release", "--json")
        assert (code, json.loads(out)["command"]) == (0, "Release")
        assert await driving is Outcome.COMPLETED
        assert [(e.member, e.ok) for e in rig.of(ev.HumanActed)] == [("left_click", True), ("type", True)]
        kept = b"".join(path.read_bytes() for path in files(rig))
        assert b"hunter2" not in kept
        assert b"KEY-TO-THE-BROWSER" not in kept


async def test_an_answer_that_was_asked_for_before_is_heard_but_not_acted_on(state_dir: Path) -> None:
    script = ONE_CLICK.format(pace=SLOWLY)
    async with rigged(state_dir, script, speed=1.0) as rig:
        driving = asyncio.create_task(rig.run.drive())
        await rig.until_one(ev.TextStreamed)
        assert isinstance(rig.take_over(), Ack)
        await rig.until_one(ev.TurnFinished)
        assert isinstance(await rig.act("left_click", coordinate=[5, 5]), Ack)
        rig.release()
        assert await driving is Outcome.COMPLETED
        assert next(body for call, body in rig.kernel.performed if call == "click_mouse")["x"] == 5
        assert len(rig.kernel.performed) == 1
        content = last_user_content(rig)
        assert [block["type"] for block in content] == ["tool_result", "text", "image"]
        assert content[0]["is_error"]
        assert content[0]["content"][0]["text"] == deeds.NOT_DONE


async def test_what_waits_for_an_approval_is_withdrawn(state_dir: Path) -> None:
    async with rigged(
        state_dir, ONE_CLICK.format(pace=""), headless=False, approve="ask-all", idle_s=0.01
    ) as rig:
        driving = asyncio.create_task(rig.run.drive())
        await rig.until_one(ev.ApprovalRequested)
        rig.take_over()
        decided = await rig.until_one(ev.ApprovalDecided)
        assert (decided.decision, decided.reason) == ("withdrawn", "anna took over")
        rig.release()
        assert await driving is Outcome.COMPLETED
        assert rig.kernel.performed == []


async def test_an_act_waits_for_the_agent_s_action_and_comes_before_the_release(state_dir: Path) -> None:
    async with rigged(state_dir, ONE_CLICK.format(pace="")) as rig:
        rig.kernel.faults["click_mouse"] = ["hang"]
        driving = asyncio.create_task(rig.run.drive())
        await rig.kernel.hanging.wait()
        rig.take_over()
        acting = [asyncio.create_task(rig.act("key", text=key)) for key in ("a", "b", "Tab")]
        await asyncio.sleep(0)
        assert isinstance(rig.release(), Ack)
        assert isinstance(await rig.act("key", text="c"), Refused)
        assert [call for call, _ in rig.kernel.performed] == ["click_mouse"]
        rig.kernel.release()
        assert [type(await act) for act in acting] == [Ack, Ack, Ack]
        assert await driving is Outcome.COMPLETED
        pressed = [body["keys"] for call, body in rig.kernel.performed if call == "press_key"]
        assert pressed == [["a"], ["b"], ["Tab"]]
        acted = [(e.member, e.input["text"]) for e in rig.of(ev.HumanActed)]
        assert acted == [("type", "ab"), ("key", "Tab")]
        finished = next(e for e in rig.of(ev.ActionFinished) if e.executed)
        assert finished.seq < rig.of(ev.HumanActed)[0].seq < rig.of(ev.TakeoverEnded)[0].seq


async def test_of_many_places_of_the_pointer_the_last_one_counts(state_dir: Path) -> None:
    async with rigged(state_dir, PAUSES) as rig:
        driving = await driven(rig)
        before = len(rig.kernel.performed)
        moves = [asyncio.create_task(rig.act("mouse_move", coordinate=[x, 7])) for x in range(50)]
        await asyncio.gather(*moves)
        await rig.act("left_mouse_down")
        await rig.act("mouse_move", coordinate=[90, 90])
        assert rig.run.lease.wheel is not None
        assert rig.run.lease.wheel.pressed
        rig.release()
        assert await driving is Outcome.COMPLETED
        sent = [(call, body.get("x"), body.get("click_type")) for call, body in rig.kernel.performed[before:]]
        assert sent[:5] == [
            ("move_mouse", 49, None),
            ("click_mouse", 7, "down"),
            ("move_mouse", 90, None),
            ("click_mouse", 7, "up"),  # whoever lets go lets go of the button
            ("click_mouse", 20, None),
        ]
        acted = [(e.member, e.input) for e in rig.of(ev.HumanActed)]
        assert acted == [
            ("mouse_move", {"coordinate": [49, 7]}),
            ("left_mouse_down", {}),
            ("mouse_move", {"coordinate": [90, 90]}),
        ]
        assert [e for e in rig.of(ev.CommandReceived) if e.args.get("member") == "mouse_move"] == []


async def test_an_act_without_an_answer_is_told_and_never_repeated(state_dir: Path) -> None:
    async with rigged(state_dir, PAUSES) as rig:
        driving = await driven(rig)
        before = len(rig.kernel.performed)
        rig.kernel.faults["click_mouse"] = ["drop"]
        assert isinstance(await rig.act("left_click", coordinate=[5, 5]), Ack)
        acted = await rig.until_one(ev.HumanActed)
        assert (acted.ok, acted.error) == (False, "the connection to the browser was lost")
        rig.kernel.faults["click_mouse"] = ["429"]
        refusal = await rig.act("left_click", coordinate=[6, 6])
        assert isinstance(refusal, Refused)
        rig.release()
        assert await driving is Outcome.COMPLETED
        clicked = [body["x"] for call, body in rig.kernel.performed[before:] if call == "click_mouse"]
        assert clicked == [5, 20, 30]
        assert "clicked at (5, 5) (it is not known whether it happened" in rig.of(ev.TakeoverEnded)[0].note


async def test_the_same_act_sent_twice_is_done_once(state_dir: Path) -> None:
    async with rigged(state_dir, PAUSES) as rig:
        driving = await driven(rig)
        act = cmd.Act(id="twice", actor="anna", member="left_click", input={"coordinate": [5, 5]})
        first, second = await asyncio.gather(rig.run.steering.begin(act), rig.run.steering.begin(act))
        assert first == second == await rig.run.steering.begin(act)
        rig.release()
        assert await driving is Outcome.COMPLETED
        assert [body["x"] for _, body in rig.kernel.performed].count(5) == 1


async def test_a_lease_ends_with_the_browser_and_what_was_done_is_still_told(state_dir: Path) -> None:
    async with rigged(state_dir, PAUSES, headless=False, idle_s=0.01) as rig:
        driving = await driven(rig)
        assert isinstance(await rig.act("left_click", coordinate=[5, 5]), Ack)
        rig.kernel.vanish()
        refusal = await rig.act("left_click", coordinate=[6, 6])
        assert isinstance(refusal, Refused)
        ended = await rig.until_one(ev.TakeoverEnded)
        assert ended.why == "the browser is gone"
        refused = rig.take_over()
        assert isinstance(refused, Refused)
        assert refused.why == "there is no browser"
        await rig.until(lambda e: isinstance(e, ev.StateChanged) and Hold.BROWSER_LOST in e.holding)
        rig.resume()
        assert await driving is Outcome.COMPLETED
        everything = rig.bodies[-1].decode()
        assert "clicked at (5, 5)" in everything
        assert "The browser was lost" in everything


async def test_an_abort_in_the_middle_of_an_act_leaves_nothing_behind(state_dir: Path) -> None:
    async with rigged(state_dir, PAUSES) as rig:
        driving = await driven(rig)
        rig.kernel.faults["type"] = ["hang"]
        acting = asyncio.create_task(rig.act("type", text="tea"))
        waiting = asyncio.create_task(rig.act("key", text="Return"))
        await rig.kernel.hanging.wait()
        rig.kernel.faults["delete"] = ["hang"]
        assert isinstance(rig.abort(), Ack)
        assert [type(await act) for act in (acting, waiting)] == [Refused, Refused]
        assert not driving.done()  # what was asked for is cut off first
        rig.kernel.release()
        assert await driving is Outcome.ABORTED
        assert [(e.why, e.actor) for e in rig.of(ev.TakeoverEnded)] == [("the run ended", "anna")]
        assert [(e.member, e.ok) for e in rig.of(ev.HumanActed)] == [("type", False)]
        assert rig.kernel.browsers == {}
        assert isinstance(rig.take_over(), Refused)


async def test_a_browser_that_is_kept_is_left_with_nothing_held_down(state_dir: Path) -> None:
    async with rigged(state_dir, PAUSES) as rig:
        driving = await driven(rig)
        await rig.act("left_mouse_down")
        rig.do(cmd.Abort(id="a", actor="anna", keep_browser=True))
        assert await driving is Outcome.ABORTED
        assert rig.kernel.performed[-1][1]["click_type"] == "up"
        assert len(rig.kernel.browsers) == 1


async def test_a_run_does_not_end_while_a_person_drives(state_dir: Path) -> None:
    script = f'[pace]\n{SLOWLY}\n[[turn]]\ntext = "I am done."\n[[turn]]\ntext = "I see."'
    async with rigged(state_dir, script, speed=1.0) as rig:
        driving = asyncio.create_task(rig.run.drive())
        await rig.until_one(ev.TextStreamed)
        rig.take_over()
        await rig.until_one(ev.TurnFinished)
        assert isinstance(await rig.act("left_click", coordinate=[5, 5]), Ack)
        rig.release()
        assert await driving is Outcome.COMPLETED
        assert "clicked at (5, 5)" in rig.of(ev.MessageDelivered)[0].text


async def test_a_lease_runs_out_when_nothing_is_done(
    state_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lease, "IDLE_S", 0.2)
    async with rigged(state_dir, PAUSES) as rig:
        driving = await driven(rig)
        ended = await rig.until_one(ev.TakeoverEnded)
        assert ended.why.startswith("nothing was done for ")
        assert await driving is Outcome.COMPLETED
        assert "They did nothing in it." in ended.note


async def test_a_lease_outlives_its_viewer_for_a_while_only(
    state_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lease, "GRACE_S", 0.2)
    async with rigged(state_dir, PAUSES) as rig:
        async with Viewer.of(rig.run_id, "anna"):
            driving = await driven(rig)
            async with Viewer.of(rig.run_id, "anna"):
                pass  # one of two: she is still there
            await rig.act("left_click", coordinate=[5, 5])
        ended = await rig.until_one(ev.TakeoverEnded)
        assert ended.why == "its viewer has gone"
        assert await driving is Outcome.COMPLETED
