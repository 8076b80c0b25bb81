"""What holds the run, and who may pass."""

import asyncio

from pilothouse import events as ev
from pilothouse.engine.gate import Gate
from pilothouse.events import Hold, RunPhase


def make_gate() -> tuple[Gate, list[ev.Event]]:
    told: list[ev.Event] = []
    gate = Gate(told.append)
    gate.enter(RunPhase.RUNNING)
    return gate, told


def held(gate: Gate) -> tuple[Hold, ...]:
    return gate.holding


async def passes(waiting: "asyncio.Task[object]") -> bool:
    for _ in range(5):
        await asyncio.sleep(0)
    return waiting.done()


async def test_a_pause_stops_the_next_action_and_the_next_model_call() -> None:
    gate, told = make_gate()
    gate.pause()
    action = asyncio.create_task(gate.pass_action())
    model = asyncio.create_task(gate.pass_model())
    assert not await passes(action)
    assert not await passes(model)
    gate.resume()
    assert await passes(action)
    assert await passes(model)
    phases = [(event.phase, event.holding) for event in told if isinstance(event, ev.StateChanged)]
    assert phases == [(RunPhase.RUNNING, ()), (RunPhase.HOLDING, (Hold.PAUSE,)), (RunPhase.RUNNING, ())]


async def test_a_step_lets_exactly_one_action_through() -> None:
    gate, _ = make_gate()
    gate.pause()
    gate.step(1)
    await gate.pass_model()
    await gate.pass_action()
    gate.action_done()
    assert held(gate) == (Hold.STEP,)
    second = asyncio.create_task(gate.pass_action())
    assert not await passes(second)
    gate.resume()
    assert await passes(second)
    gate.action_done()
    assert held(gate) == ()


async def test_steps_are_counted_and_a_pause_takes_them_back() -> None:
    gate, _ = make_gate()
    gate.step(3)
    await gate.pass_action()
    gate.action_done()
    assert held(gate) == ()
    gate.pause()
    assert held(gate) == (Hold.PAUSE,)
    gate.resume()
    await gate.pass_action()
    gate.action_done()
    assert held(gate) == ()


async def test_all_reasons_must_clear() -> None:
    gate, _ = make_gate()
    gate.pause()
    gate.hold(Hold.RETRY)
    gate.resume()
    waiting = asyncio.create_task(gate.pass_model())
    assert not await passes(waiting)
    gate.let_go(Hold.RETRY)
    assert await passes(waiting)


async def test_the_same_state_is_told_once() -> None:
    gate, told = make_gate()
    gate.pause()
    gate.pause()
    assert len(told) == 2


async def test_holding_is_not_said_of_a_run_that_idles_or_ends() -> None:
    gate, told = make_gate()
    gate.pause()
    gate.enter(RunPhase.ENDING)
    last = told[-1]
    assert isinstance(last, ev.StateChanged)
    assert last.phase is RunPhase.ENDING


async def test_a_retry_waits_for_its_time_or_for_a_resume() -> None:
    gate, _ = make_gate()
    assert await gate.hold_retry(0.0) >= 0.0
    assert held(gate) == ()
    waiting = asyncio.create_task(gate.hold_retry(None))
    assert not await passes(waiting)
    assert held(gate) == (Hold.RETRY,)
    gate.resume()
    assert await passes(waiting)
    assert held(gate) == ()


async def test_a_pause_outlasts_a_retry() -> None:
    gate, _ = make_gate()
    waiting = asyncio.create_task(gate.hold_retry(0.0))
    gate.pause()
    await waiting
    assert held(gate) == (Hold.PAUSE,)
