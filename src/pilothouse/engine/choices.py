"""How a run's model is asked, read from its spec: the request's fixed parts and the scale of its pictures.

Nothing here imports an SDK, so that what can't be asked is refused before anything is started.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pilothouse.browser.scale import Scale, fitted
from pilothouse.engine.spec import ModelOptions
from pilothouse.errors import SettingError
from pilothouse.model.bounds import PICTURES_SPARE
from pilothouse.model.catalogue import Model, lookup
from pilothouse.model.client import Choice, RequestShape
from pilothouse.model.prompt import system_prompt
from pilothouse.model.providers import check_provider

if TYPE_CHECKING:
    import datetime

    from pilothouse.engine.spec import RunSpec


def choice_of(spec: RunSpec) -> Choice:
    """Read how the model is to be asked; the scripted one speaks Anthropic's own API."""
    asked = spec.model_options
    return Choice(
        model=spec.model,
        provider="anthropic" if spec.model_api == "scripted" else asked.provider,
        tool_version=asked.tool_version,
        effort=asked.effort,
        thinking=asked.thinking,
        thinking_display=asked.thinking_display,
        thinking_budget=asked.thinking_budget,
        max_tokens=_max_tokens(spec),
        token_efficient=asked.token_efficient,
    )


def _max_tokens(spec: RunSpec) -> int:
    """Give the most that an answer may have; our default gives way to a model that says less."""
    wanted = spec.model_options.max_tokens
    most = lookup(spec.model).max_output_tokens
    return min(wanted, most) if wanted == ModelOptions().max_tokens else wanted


def scale_of(spec: RunSpec, width_px: int, height_px: int) -> Scale:
    """Make the run's scale for a display of this size."""
    asked = spec.model_options
    most = asked.history_max_images + PICTURES_SPARE  # the bound is looked at only between batches
    return Scale.of(width_px, height_px, lookup(spec.model).picture_limits(most))


def shape_of(spec: RunSpec, scale: Scale) -> RequestShape:
    """Make the fixed parts of the run's requests.

    Raises:
        SettingError: The model does not take what is asked; the sentence names the option.
    """
    asked = spec.model_options
    return RequestShape(
        choice_of(spec),
        system=system_prompt(asked.system, asked.system_suffix),
        width_px=scale.model.width,
        height_px=scale.model.height,
    )


def checked_shape(spec: RunSpec) -> RequestShape:
    """Refuse what can't be asked, before there is a browser; gives the shape for the display asked for.

    Raises:
        SettingError: The model, the provider or an option can't be used.
        KeyMissing: The provider needs a variable that is not set.
    """
    choice = choice_of(spec)
    if choice.provider != "anthropic":  # whoever starts a run has looked for Anthropic's key
        check_provider(choice.provider)
    wanted = spec.browser_options
    return shape_of(spec, scale_of(spec, wanted.width_px, wanted.height_px))


def plan(shape: RequestShape, scale: Scale, model: str, effort: str) -> list[str]:
    """Change the model, its effort or both from the next turn on; returns what a person should know.

    Raises:
        SettingError: The run's history or the model forbids it; nothing is changed.
    """
    if model and fitted(*scale.model, *lookup(model).picture_limits()) != scale.model:
        width, height = scale.model
        what = f"{model} does not take pictures of {width}x{height}, which this run's history holds"
        raise SettingError(what, "model", "start a new run with it")
    return shape.plan(model, effort)


def speaks_anthropic(spec: RunSpec) -> bool:
    """Say whether requests go to Anthropic's own API: only its client lets us make their bytes."""
    return choice_of(spec).provider == "anthropic"


def doubts_about(spec: RunSpec, model: Model, today: datetime.date) -> list[str]:
    """Say what a person should know before a run."""
    told = [farewell] if (farewell := model.farewell(today)) else []
    if not model.known:
        told.append(f"{model.name} is not in the table of models: the run is unpriced")
    if spec.model_options.record_requests and not speaks_anthropic(spec):
        provider = spec.model_options.provider
        told.append(f"requests to {provider} can't be recorded: its client makes their bytes itself")
    if spec.browser_options.allow_hosts and spec.browser == "kernel" and not spec.browser_options.telemetry:
        told.append("Kernel tells addresses only with telemetry: until then it alone keeps the list of hosts")
    return told
