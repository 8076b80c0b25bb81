"""The parts of one agent, put together; importing this imports both SDKs. Nothing here runs by itself."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from pilothouse.browser.camera import Camera
from pilothouse.browser.toolset import KernelComputer
from pilothouse.engine.batch import Hands
from pilothouse.engine.loop import Loop
from pilothouse.model.catalogue import lookup
from pilothouse.model.client import RequestShape, make_client
from pilothouse.model.conversation import Conversation
from pilothouse.model.prompt import system_prompt

if TYPE_CHECKING:
    import anthropic
    from kernel import AsyncKernel

    from pilothouse.engine.backends import Endpoint
    from pilothouse.engine.berth import Berth
    from pilothouse.engine.runner import Run
    from pilothouse.engine.spec import RunSpec


@dataclass(frozen=True, kw_only=True)
class Agent:
    """What drives a run."""

    client: anthropic.AsyncAnthropic
    hands: Hands
    loop: Loop


def assemble(spec: RunSpec, endpoint: Endpoint, kernel_client: AsyncKernel, berth: Berth, run: Run) -> Agent:
    """Put the agent of a run together around its open browser."""
    session = berth.session
    camera = Camera(kernel_client, session.session, session.width_px, session.height_px)
    toolset = KernelComputer(kernel_client, session.session, camera)
    hands = Hands(run.recorder, run.gate, run.mailbox, toolset, camera, berth)
    client = make_client(endpoint.key, endpoint.base_url)
    shape = RequestShape(
        model=spec.model,
        max_tokens=spec.model_options.max_tokens,
        system=system_prompt(session.width_px, session.height_px),
        toolset=toolset,
        effort=spec.model_options.effort,
    )
    loop = Loop(
        recorder=run.recorder,
        gate=run.gate,
        mailbox=run.mailbox,
        hands=hands,
        client=client,
        shape=shape,
        conversation=Conversation(system_messages=lookup(spec.model).system_messages),
        model=spec.model,
        idle_s=0.0 if spec.headless else spec.idle_s,
    )
    return Agent(client=client, hands=hands, loop=loop)
