"""The parts of one agent, put together; importing this imports both SDKs. Nothing here runs by itself."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from pilothouse import events as ev
from pilothouse.browser.camera import Camera
from pilothouse.browser.toolset import KernelComputer
from pilothouse.engine.asking import Asker
from pilothouse.engine.batch import Hands
from pilothouse.engine.loop import Loop
from pilothouse.engine.meter import Meter
from pilothouse.engine.requester import Requester
from pilothouse.engine.shrinking import Shrinker
from pilothouse.model.bounds import bounds_of
from pilothouse.model.catalogue import lookup
from pilothouse.model.client import RequestShape, make_client
from pilothouse.model.conversation import Conversation
from pilothouse.model.prompt import system_prompt
from pilothouse.model.uploads import Pictures
from pilothouse.model.warmup import warm_up

if TYPE_CHECKING:
    import anthropic
    from kernel import AsyncKernel

    from pilothouse.browser.session import BrowserSession
    from pilothouse.engine.backends import Endpoint
    from pilothouse.engine.runner import Run
    from pilothouse.engine.spec import RunSpec


@dataclass(frozen=True, kw_only=True)
class Agent:
    """What drives a run."""

    client: anthropic.AsyncAnthropic
    hands: Hands
    loop: Loop
    pictures: Pictures


def prepare() -> None:
    """Do once, in a thread, what the SDK would do on the loop at its first request."""
    warm_up({"model": "none", "max_tokens": 1, "tools": [], "system": [{"type": "text", "text": "-"}]})


def assemble(
    spec: RunSpec, endpoint: Endpoint, kernel_client: AsyncKernel, session: BrowserSession, run: Run
) -> Agent:
    """Put the agent of a run together around its open browser."""
    camera = Camera(kernel_client, session.session, session.width_px, session.height_px)
    toolset = KernelComputer(kernel_client, session.session, camera)
    hands = Hands(run.recorder, run.gate, run.mailbox, toolset, camera)
    client = make_client(endpoint.key, endpoint.base_url)
    shape = RequestShape(
        model=spec.model,
        max_tokens=spec.model_options.max_tokens,
        system=system_prompt(session.width_px, session.height_px),
        toolset=toolset,
        effort=spec.model_options.effort,
    )
    conversation = Conversation(system_messages=lookup(spec.model).system_messages)
    loop, pictures = assemble_loop(spec, client, shape, conversation, hands, run)
    return Agent(client=client, hands=hands, loop=loop, pictures=pictures)


def assemble_loop(
    spec: RunSpec,
    client: anthropic.AsyncAnthropic,
    shape: RequestShape,
    conversation: Conversation,
    hands: Hands,
    run: Run,
) -> tuple[Loop, Pictures]:
    """Put together what asks the model."""
    options, model, recorder = spec.model_options, lookup(spec.model), run.recorder
    own = spec.model_api == "scripted" or options.provider == "anthropic"
    if options.record_requests and not own:
        what = f"requests to {options.provider} can't be recorded: its client makes their bytes itself"
        recorder.publish(ev.Warned(what=what, where="--record-requests"))
    meter = Meter(spec.model, recorder.publish)
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
        model=model,
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
        max_tokens=(options.max_tokens, model.max_output_tokens),
    )
    loop = Loop(
        recorder=recorder,
        gate=run.gate,
        mailbox=run.mailbox,
        hands=hands,
        asker=asker,
        requester=requester,
        pictures=pictures,
        conversation=conversation,
        idle_s=0.0 if spec.headless else spec.idle_s,
    )
    return loop, pictures
