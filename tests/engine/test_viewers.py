"""Several viewers of one run: who may connect, what each role may ask, who is there, and who wins."""

from __future__ import annotations

import asyncio
import os
import socket
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pilothouse import commands as cmd
from pilothouse import events as ev
from pilothouse.engine import presence, roles
from pilothouse.engine.client import actor_name, control
from pilothouse.engine.link import Link
from pilothouse.errors import CommandRefusedError, RunGone
from pilothouse.events import Hold, Outcome
from pilothouse.ids import new_command_id
from pilothouse.paths import socket_path
from pilothouse.runs.files import FileRuns
from tests.engine.rig import Rig, rigged

DONE = '[[turn]]\ntext = "Done."'
CLICK = '[[turn]]\ncalls = [{ do = "left_click", at = [100, 100] }]\n' + DONE
NOBODY = 65534


def who(actor: str = "ann") -> dict[str, Any]:
    return {"id": new_command_id(), "actor": actor}


def path_of(rig: Rig) -> Path:
    return socket_path(rig.run.recorder.state.run)


def link(rig: Rig, actor: str, role: str = roles.DRIVE, **more: Any) -> Link:
    return Link(path_of(rig), actor=actor, role=role, **more)


def viewers(rig: Rig) -> list[tuple[str, str]]:
    return [(viewer.actor, viewer.role) for viewer in rig.run.recorder.state.viewers]


def of(kind: type[ev.Event]) -> Callable[[ev.Event], bool]:
    return lambda event: isinstance(event, kind)


def held_by(hold: Hold) -> Callable[[ev.Event], bool]:
    return lambda event: isinstance(event, ev.StateChanged) and hold in event.holding


# ----------------------------------------------------------------------------------- who may connect


async def hung_up(path: Path) -> bool:
    reader, writer = await asyncio.open_unix_connection(str(path))
    said = await reader.read(1)
    writer.close()
    return said == b""


@pytest.mark.skipif(sys.platform != "linux", reason="how it is made to refuse is Linux's")
async def test_a_peer_of_which_nothing_is_known_is_hung_up_on(
    state_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with rigged(state_dir, DONE) as rig:
        assert not await hung_up(path_of(rig))
        with monkeypatch.context() as patched:
            patched.setattr(socket, "SO_PEERCRED", 9999)  # the system refuses to tell
            assert await hung_up(path_of(rig))
        await rig.finish()


async def test_a_peer_of_another_uid_is_hung_up_on(state_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with rigged(state_dir, DONE) as rig:
        us = os.geteuid()
        with monkeypatch.context() as patched:
            patched.setattr(os, "geteuid", lambda: us + 1)
            assert await hung_up(path_of(rig))
        if us == 0 and sys.platform == "linux":  # only root can be somebody else for once
            assert await _as_nobody(path_of(rig)) == b""
        await rig.finish()


def _open_to_all(path: Path) -> None:
    path.chmod(0o666)
    path.parent.chmod(0o711)


async def _as_nobody(path: Path) -> bytes:
    """Connect as another user, past the modes of the socket and its directory."""
    _open_to_all(path)
    program = (
        f"import os, socket; os.setgroups([]); os.setgid({NOBODY}); os.setuid({NOBODY})\n"
        f"peer = socket.socket(socket.AF_UNIX); peer.connect({path.name!r})\n"
        "os.write(1, peer.recv(100))"
    )
    child = await asyncio.create_subprocess_exec(
        sys.executable, "-S", "-c", program, cwd=path.parent, stdout=asyncio.subprocess.PIPE
    )
    said, _ = await child.communicate()
    assert child.returncode == 0
    return said


# ------------------------------------------------------------------------------------------- roles

DECIDE = cmd.Expect(request="a1")
ASKED: dict[str, Callable[[], cmd.Command]] = {
    "Pause": lambda: cmd.Pause(**who()),
    "Resume": lambda: cmd.Resume(**who()),
    "Step": lambda: cmd.Step(**who()),
    "Say": lambda: cmd.Say(**who(), text="hello"),
    "Revise": lambda: cmd.Revise(**who(), message="m", text="hello"),
    "Unsay": lambda: cmd.Unsay(**who(), message="m"),
    "Approve": lambda: cmd.Approve(**who(), expect=DECIDE),
    "Reject": lambda: cmd.Reject(**who(), expect=DECIDE),
    "Edit": lambda: cmd.Edit(**who(), expect=DECIDE, input={}),
    "Approve with a rule": lambda: cmd.Approve(**who(), expect=DECIDE, rule="[[rule]]"),
    "TakeOver": lambda: cmd.TakeOver(**who()),
    "Act": lambda: cmd.Act(**who(), member="left_click"),
    "Conceal": lambda: cmd.Conceal(**who()),
    "Reveal": lambda: cmd.Reveal(**who()),
    "Release": lambda: cmd.Release(**who()),
    "LiveView": lambda: cmd.LiveView(**who()),
    "SetLimit": lambda: cmd.SetLimit(**who(), limit="steps", value=5),
    "SetMode": lambda: cmd.SetMode(**who(), mode="auto"),
    "SetModel": lambda: cmd.SetModel(**who(), model="claude-opus-5-5"),
    "Abort": lambda: cmd.Abort(**who()),
}
FOR_APPROVE = frozenset(list(ASKED)[:9])


def test_every_command_has_its_place_in_the_table_of_roles() -> None:
    assert {make().__class__ for make in ASKED.values()} == set(cmd.AnyCommand.__args__)
    may = {
        role: {name for name, make in ASKED.items() if not roles.why_not(role, make())}
        for role in (*roles.ROLES, "captain")
    }
    assert may == {"watch": set(), "approve": FOR_APPROVE, "drive": set(ASKED), "captain": set()}


def test_docs_show_the_table_of_roles() -> None:
    page = (Path(__file__).parents[2] / "docs" / "steering.md").read_text("utf-8")
    for name in ASKED:
        mark = "yes" if name in FOR_APPROVE else "no"
        assert f"| {name} | no | {mark} | yes |" in page


async def test_a_role_holds_for_every_command_of_its_connection_and_is_journalled(state_dir: Path) -> None:
    async with rigged(state_dir, DONE) as rig:
        async with link(rig, "eve", roles.WATCH) as watching, link(rig, "bob", roles.APPROVE) as deciding:
            for _ in range(2):
                with pytest.raises(CommandRefusedError, match="only watch"):
                    await watching.send(cmd.Pause(**who("eve")))
            await deciding.send(cmd.Pause(**who("bob")))
            with pytest.raises(CommandRefusedError, match="not end the run"):
                await deciding.send(cmd.Abort(**who("bob")))
            await deciding.send(cmd.Resume(**who("bob")))
        await rig.finish()
    assert [event.why for event in rig.events if isinstance(event, ev.CommandRefused)] == [
        "you only watch this run",
        "you only watch this run",
        "your role may approve, hold and say, but not end the run",
    ]


async def test_a_role_that_is_not_known_may_only_watch(state_dir: Path) -> None:
    async with rigged(state_dir, DONE) as rig:
        async with link(rig, "eve", "captain") as other:
            with pytest.raises(CommandRefusedError, match="only watch"):
                await other.send(cmd.Abort(**who("eve")))
            assert viewers(rig) == [("eve", "watch")]
        await rig.finish()


@pytest.mark.parametrize(
    ("greeted", "name"),
    [
        ("eve", "eve"),
        ("", "someone"),
        ("e\x1bve", "e␛ve"),
        ("e" * 90, "e" * 59 + "…"),
    ],
)
async def test_the_journal_has_the_name_that_was_greeted_with_whatever_a_command_says(
    state_dir: Path, greeted: str, name: str
) -> None:
    async with rigged(state_dir, DONE) as rig:
        async with link(rig, greeted) as other:
            await other.send(cmd.Say(**who("bob"), text="hello"))
            await other.send(cmd.SetLimit(**who("bob"), limit="steps", value=5))
            assert viewers(rig) == [(name, "drive")]
        await rig.finish()
    assert [event.actor for event in rig.of(ev.CommandReceived)] == [name, name]
    assert [event.actor for event in rig.of(ev.MessageQueued)] == [name]
    assert [event.actor for event in rig.of(ev.LimitChanged)] == [name]


async def test_the_wheel_is_with_who_greeted_and_not_with_who_a_command_names(
    state_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LOGNAME", "e\x1bve")
    async with rigged(state_dir, CLICK) as rig:
        rig.step(1)
        driving = asyncio.create_task(rig.run.drive())
        await rig.until(held_by(Hold.STEP))
        async with link(rig, "e\x1bve") as eves, link(rig, "bob") as bobs:
            await eves.send(cmd.TakeOver(**who("bob")))
            assert rig.run.recorder.state.driver == actor_name() == "e␛ve"
            with pytest.raises(CommandRefusedError, match="e␛ve drives"):
                await bobs.send(cmd.Release(**who("eve")))
            await eves.send(cmd.Release(**who("bob")))
        rig.resume()
        assert await driving is Outcome.COMPLETED


# ---------------------------------------------------------------------------------- who is there


@pytest.fixture
def no_grace(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(presence, "GRACE_S", 0.0)


@pytest.mark.usefixtures("no_grace")
async def test_bridges_come_and_go_and_a_script_is_no_viewer(state_dir: Path) -> None:
    async with rigged(state_dir, DONE) as rig:
        async with link(rig, "ann\x1b[2J"), link(rig, "bob", roles.WATCH):
            await rig.until(lambda event: isinstance(event, ev.ViewerJoined) and event.actor == "bob")
            await control(path_of(rig), cmd.Pause(**who("carl")))
            assert sorted(viewers(rig)) == [("ann\u241b[2J", "drive"), ("bob", "watch")]
        await rig.until(lambda event: isinstance(event, ev.ViewerDeparted) and event.actor == "bob")
        await rig.until(lambda event: isinstance(event, ev.ViewerDeparted) and event.actor != "bob")
        assert viewers(rig) == []
        rig.resume()
        await rig.finish()


async def test_who_is_back_in_a_moment_never_left(state_dir: Path) -> None:
    async with rigged(state_dir, DONE) as rig:
        for _ in range(5):
            async with link(rig, "ann") as one:
                await one.send(cmd.Pause(**who()))
        rig.resume()
        await rig.finish()
    assert [
        type(event) for event in rig.events if isinstance(event, ev.ViewerJoined | ev.ViewerDeparted)
    ] == [ev.ViewerJoined]


async def test_a_link_that_breaks_is_made_anew_and_asks_again_what_was_not_answered(state_dir: Path) -> None:
    async with rigged(state_dir, DONE) as rig:
        async with link(rig, "ann", again_s=0.01) as one:
            await one.send(cmd.Pause(**who()))
            assert one._writer is not None
            command = cmd.Say(**who(), text="hello")
            one._writer.write(cmd.encode(command) + b"\n")  # it arrives, but its answer does not
            await rig.until(of(ev.MessageQueued))
            one._writer.transport.abort()
            assert isinstance(await one.send(command), cmd.Ack)
        rig.resume()
        await rig.finish()
    assert len(rig.of(ev.MessageQueued)) == 1


async def test_a_link_tells_of_growth_and_closes_with_its_engine(state_dir: Path) -> None:
    async with rigged(state_dir, DONE) as rig:
        told: list[int] = []
        alive = True
        async with link(rig, "ann", alive=lambda: alive, again_s=0.01) as one:
            one.on_grown = told.append
            await one.send(cmd.Step(**who()))
            looking = asyncio.create_task(one.look())
            await rig.finish()
            assert (await looking).data
            alive = False
            await one.wait_closed()
            for asking in (one.send(cmd.Pause(**who())), one.look()):
                with pytest.raises(RunGone):
                    await asking
        assert told == sorted(told)
        assert told


async def test_a_live_picture_goes_to_who_asked_for_it(state_dir: Path) -> None:
    async with rigged(state_dir, DONE) as rig:
        shown = cmd.LivePicture(number=7, data=b"x" * 3_000_000, mime="image/png", width_px=1, height_px=1)
        asked: list[int] = []

        async def look(after: int, actor: str) -> cmd.LivePicture:
            assert actor == ""  # she can't be the one who drives
            asked.append(after)
            return shown

        rig.run._server.on_look = look
        async with link(rig, "eve", roles.WATCH) as one:
            assert await one.look(after=6) == shown
            both = await asyncio.gather(one.look(after=7), one.look(after=8))
            assert list(both) == [shown, shown]
        assert asked[0] == 6
        assert asked[-1] == 8
        await rig.finish()


# ------------------------------------------------------------------------------- one request, many


async def follow(rig: Rig) -> ev.ApprovalDecided:
    """Read the run's files, as a bridge does, up to the decision."""
    async for event in FileRuns().events(rig.run.recorder.state.run):
        if isinstance(event, ev.ApprovalDecided):
            return event
    raise AssertionError("no decision")


async def test_of_two_bridges_and_a_script_one_decides_and_all_see_who(state_dir: Path) -> None:
    async with rigged(state_dir, CLICK, headless=False, approve="ask-all") as rig:
        driving = asyncio.create_task(rig.run.drive())
        request = await rig.until(of(ev.ApprovalRequested))
        assert isinstance(request, ev.ApprovalRequested)
        expect = cmd.Expect(request=request.request, frame_sha256=request.frame_sha256)
        async with link(rig, "ann") as ann, link(rig, "bob", roles.APPROVE) as bob:
            seeing = [asyncio.create_task(follow(rig)) for _ in range(3)]
            answers = await asyncio.gather(
                ann.send(cmd.Approve(**who("ann"), expect=expect)),
                bob.send(cmd.Reject(**who("bob"), reason="no", expect=expect)),
                control(path_of(rig), cmd.Approve(**who("script"), expect=expect)),
                return_exceptions=True,
            )
            seen = await asyncio.gather(*seeing)
        won = [
            name
            for name, answer in zip(("ann", "bob", "script"), answers, strict=True)
            if isinstance(answer, cmd.Ack)
        ]
        assert len(won) == 1
        lost = [str(answer) for answer in answers if isinstance(answer, CommandRefusedError)]
        assert lost == ["nothing waits for an approval"] * 2
        assert [event.actor for event in seen] == won * 3
        rig.abort()
        await driving
    assert len(rig.of(ev.ApprovalDecided)) == 1


# ------------------------------------------------------------------------------------- unattended


@pytest.mark.usefixtures("no_grace")
@pytest.mark.parametrize("chosen", ["abort", "reject"])
async def test_once_nobody_is_there_the_time_of_an_attended_run_counts(state_dir: Path, chosen: str) -> None:
    more: dict[str, Any] = {"approve": "ask-all", "on_unattended": chosen, "approval_timeout_s": 0.2}
    async with rigged(state_dir, CLICK, headless=False, idle_s=0.0, **more) as rig:
        async with link(rig, "ann"):
            await rig.until(of(ev.ViewerJoined))
            driving = asyncio.create_task(rig.run.drive())
            await rig.until(held_by(Hold.APPROVAL))
            asyncio.get_running_loop().call_later(0.4, rig.run.recorder.publish, ev.Warned(what="later"))
            await rig.until(of(ev.Warned))  # twice the time: somebody is there
            assert rig.of(ev.ApprovalDecided) == []
            assert Hold.UNATTENDED not in rig.run.gate.holding
        await rig.until(held_by(Hold.UNATTENDED))
        outcome = await driving
        assert Hold.UNATTENDED not in rig.run.gate.holding
    assert outcome is (Outcome.NEEDS_PERSON if chosen == "abort" else Outcome.COMPLETED)
    assert [event.decision for event in rig.events if isinstance(event, ev.ApprovalDecided)] == ["expired"]


@pytest.mark.usefixtures("no_grace")
async def test_who_comes_back_in_time_may_take_theirs_and_who_only_watches_wins_none(state_dir: Path) -> None:
    more: dict[str, Any] = {"approve": "ask-all", "on_unattended": "abort", "approval_timeout_s": 30.0}
    async with rigged(state_dir, CLICK, headless=False, idle_s=0.0, **more) as rig:
        driving = asyncio.create_task(rig.run.drive())
        request = await rig.until(of(ev.ApprovalRequested))
        assert isinstance(request, ev.ApprovalRequested)
        assert request.expires_s == 30.0
        await rig.until(held_by(Hold.UNATTENDED))
        async with link(rig, "eve", roles.WATCH):
            await rig.until(of(ev.ViewerJoined))
            assert Hold.UNATTENDED in rig.run.gate.holding
        async with link(rig, "ann") as ann:
            await rig.until(lambda event: isinstance(event, ev.ViewerJoined) and event.actor == "ann")
            await rig.until(
                lambda event: isinstance(event, ev.StateChanged) and event.holding == (Hold.APPROVAL,)
            )
            expect = cmd.Expect(request=request.request)
            await ann.send(cmd.Approve(**who("ann"), expect=expect))
        assert await driving is Outcome.COMPLETED


async def test_an_attended_run_waits_for_as_long_as_it_takes_unless_it_is_told_otherwise(
    state_dir: Path,
) -> None:
    more: dict[str, Any] = {"approve": "ask-all", "approval_timeout_s": 0.01}
    async with rigged(state_dir, CLICK, headless=False, **more) as rig:
        driving = asyncio.create_task(rig.run.drive())
        request = await rig.until(of(ev.ApprovalRequested))
        assert isinstance(request, ev.ApprovalRequested)
        assert request.expires_s == 0.0
        await rig.until(held_by(Hold.APPROVAL))
        assert rig.run.gate.holding == (Hold.APPROVAL,)
        rig.abort()
        await driving


async def test_who_asks_for_a_live_picture_before_there_is_a_browser_gets_the_first_one(
    state_dir: Path,
) -> None:
    async with rigged(state_dir, DONE) as rig:
        shown = cmd.LivePicture(number=1, data=b"x", mime="image/png", width_px=1, height_px=1)

        async def look(after: int, actor: str) -> cmd.LivePicture:
            return shown

        assert rig.run._server.on_look is None
        async with link(rig, "ann", roles.DRIVE) as one:
            asking = asyncio.create_task(one.look())
            await one.send(cmd.Pause(**who("ann")))  # the engine has read the wish by then
            rig.run._server.on_look = look
            assert await asking == shown
        rig.resume()
        await rig.finish()
