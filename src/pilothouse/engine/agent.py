"""The parts of one agent, put together; importing this imports both SDKs. Nothing here runs by itself."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from pilothouse.browser.camera import Camera
from pilothouse.browser.settle import TelemetrySignals
from pilothouse.browser.toolset import make_computer
from pilothouse.engine.asking import Asker
from pilothouse.engine.batch import Hands
from pilothouse.engine.choices import choice_of, plan, scale_of, shape_of, speaks_anthropic
from pilothouse.engine.live import Live
from pilothouse.engine.loop import Loop
from pilothouse.engine.meter import Meter
from pilothouse.engine.requester import Requester
from pilothouse.engine.shrinking import Shrinker
from pilothouse.engine.sightings import Sightings
from pilothouse.engine.wheel import Wheel
from pilothouse.model.bounds import bounds_of
from pilothouse.model.client import RequestShape, make_client
from pilothouse.model.conversation import Conversation
from pilothouse.model.uploads import Pictures
from pilothouse.model.warmup import warm_up

if TYPE_CHECKING:
    from collections.abc import Callable

    import anthropic
    from kernel import AsyncKernel

    from pilothouse.browser.computer import Computer
    from pilothouse.engine.backends import Endpoint
    from pilothouse.engine.berth import Berth
    from pilothouse.engine.runner import Run
    from pilothouse.engine.spec import RunSpec


@dataclass(frozen=True, kw_only=True)
class Agent:
    """What drives a run."""

    client: anthropic.AsyncAnthropic
    computer: Computer
    hands: Hands
    loop: Loop
    pictures: Pictures
    live: Live
    wheel: Wheel
    plan: Callable[[str, str], list[str]]
    """Changes model and effort for the next turn (`choices.plan`)."""


def prepare() -> None:
    """Do once, in a thread, what the SDK would do on the loop at its first request."""
    warm_up({"model": "none", "max_tokens": 1, "tools": [], "system": [{"type": "text", "text": "-"}]})


def assemble(spec: RunSpec, endpoint: Endpoint, kernel_client: AsyncKernel, berth: Berth, run: Run) -> Agent:
    """Put the agent of a run together around its open browser."""
    session = berth.session
    scale = scale_of(spec, session.width_px, session.height_px)
    shape = shape_of(spec, scale)
    camera = Camera(
        kernel_client,
        session.session,
        session.width_px,
        session.height_px,
        scale,
        _signals(berth),
        berth.pages,
    )
    computer = make_computer(
        shape.generation, kernel_client, session.session, camera, paste=spec.browser == "kernel"
    )
    hands = Hands(
        run.recorder,
        run.gate,
        run.mailbox,
        computer,
        camera,
        berth,
        run.approvals,
        run.allowance,
        run.lease,
    )
    if berth.follower is not None:
        berth.follower.listeners.append(Sightings(run.approvals).heard)
    client = make_client(
        endpoint.key,
        endpoint.base_url,
        provider=choice_of(spec).provider,
        idle_timeout_s=spec.model_options.idle_timeout_s,
    )
    conversation = Conversation(system_messages=shape.model.system_messages, read_call=shape.generation.read)
    loop, pictures = assemble_loop(spec, client, shape, conversation, hands, run)
    return Agent(
        client=client,
        computer=computer,
        hands=hands,
        loop=loop,
        pictures=pictures,
        live=Live(camera, hands, run.lease, run.recorder, lambda: berth.page),
        wheel=Wheel(computer.members, hands, camera, berth),
        plan=partial(plan, shape, scale),
    )


def _signals(berth: Berth) -> TelemetrySignals | None:
    """Let what the browser reports tell when its page is at rest, if somebody asked for its reports."""
    if berth.follower is None:
        return None
    signals = TelemetrySignals(lambda: berth.follower is not None and berth.follower.reading)
    berth.follower.listeners.append(lambda envelope: signals.heard(str(envelope.event.type)))
    return signals


def assemble_loop(
    spec: RunSpec,
    client: anthropic.AsyncAnthropic,
    shape: RequestShape,
    conversation: Conversation,
    hands: Hands,
    run: Run,
) -> tuple[Loop, Pictures]:
    """Put together what asks the model."""
    options, recorder = spec.model_options, run.recorder
    own = speaks_anthropic(spec)
    meter = Meter(shape.model, recorder.publish)
    requester = Requester(
        recorder=recorder,
        client=client,
        shape=shape,
        conversation=conversation,
        meter=meter,
        options=options,
        held=not spec.headless,
        splices=own,
    )
    pictures = Pictures(client, recorder.publish, recorder.read_blob, options.upload if own else "inline")
    hands.on_picture, hands.reword = pictures.expect, pictures.without_repeats
    shrinker = Shrinker(
        recorder=recorder,
        requester=requester,
        conversation=conversation,
        pictures=pictures,
        bounds_of=partial(
            bounds_of,
            max_bytes=options.history_max_bytes,
            max_images=options.history_max_images,
            newest=options.only_n_most_recent_images,
        ),
    )
    asker = Asker(
        recorder=recorder,
        gate=run.gate,
        requester=requester,
        shrinker=shrinker,
        pictures=pictures,
        conversation=conversation,
        budget_s=options.retry_budget_s,
        unattended=spec.headless,
    )
    loop = Loop(
        recorder=recorder,
        gate=run.gate,
        allowance=run.allowance,
        mailbox=run.mailbox,
        hands=hands,
        asker=asker,
        requester=requester,
        pictures=pictures,
        conversation=conversation,
        lease=run.lease,
        idle_s=0.0 if spec.headless else spec.idle_s,
    )
    return loop, pictures
