"""The parts of one agent, put together; importing this imports both SDKs. Nothing here runs by itself."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from pilothouse.browser.camera import Camera
from pilothouse.browser.toolset import make_computer
from pilothouse.engine.batch import Hands
from pilothouse.engine.choices import choice_of, plan, scale_of, shape_of
from pilothouse.engine.loop import Loop
from pilothouse.model.client import make_client
from pilothouse.model.conversation import Conversation

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
    plan: Callable[[str, str], list[str]]
    """Changes model and effort for the next turn (`choices.plan`)."""


def assemble(spec: RunSpec, endpoint: Endpoint, kernel_client: AsyncKernel, berth: Berth, run: Run) -> Agent:
    """Put the agent of a run together around its open browser."""
    session = berth.session
    scale = scale_of(spec, session.width_px, session.height_px)
    shape = shape_of(spec, scale)
    camera = Camera(kernel_client, session.session, session.width_px, session.height_px, scale)
    computer = make_computer(
        shape.generation, kernel_client, session.session, camera, paste=spec.browser == "kernel"
    )
    hands = Hands(run.recorder, run.gate, run.mailbox, computer, camera, berth)
    client = make_client(
        endpoint.key,
        endpoint.base_url,
        provider=choice_of(spec).provider,
        idle_timeout_s=spec.model_options.idle_timeout_s,
    )
    conversation = Conversation(system_messages=shape.model.system_messages, read_call=shape.generation.read)
    loop = Loop(
        recorder=run.recorder,
        gate=run.gate,
        mailbox=run.mailbox,
        hands=hands,
        client=client,
        shape=shape,
        conversation=conversation,
        model=spec.model,
        idle_s=0.0 if spec.headless else spec.idle_s,
    )
    return Agent(client=client, computer=computer, hands=hands, loop=loop, plan=partial(plan, shape, scale))
