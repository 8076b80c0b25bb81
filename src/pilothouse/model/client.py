"""The parts of a request that stay the same for a run: frozen, because a change would void thinking blocks.

What may change is the model and its effort, at a turn's beginning (`plan`, `take`). Nothing here keeps
history, and nothing here imports the SDK: the client itself is made in `providers`.
"""

from __future__ import annotations

import difflib
import re
from typing import TYPE_CHECKING

import msgspec

from pilothouse.errors import SettingError
from pilothouse.model.catalogue import EFFORTS, THINKING, Model, canonical, lookup, nearest, table
from pilothouse.model.generations import Generation, choose
from pilothouse.model.providers import IDLE_TIMEOUT_S, make_client, provider

if TYPE_CHECKING:
    from pilothouse.events import Json

__all__ = ["IDLE_TIMEOUT_S", "Choice", "RequestShape", "make_client"]

BUDGET_MIN = 1024
_TYPO = 0.9
"""A name this much like a known one is taken for a slip: asking for it would end the run."""
DISPLAYS = ("summarized", "omitted", "updates")
UPDATES_BETA = "thinking-display-updates-2026-08-18"
TOKEN_EFFICIENT_BETA = "token-efficient-tools-2025-02-19"


class Choice(msgspec.Struct, frozen=True, kw_only=True):
    """How the model is asked, as a person chose it; what is left empty is chosen by the table of models."""

    model: str
    provider: str = "anthropic"
    tool_version: str = ""
    effort: str = ""
    thinking: str = ""
    """`adaptive`, `enabled`, `between_tools` or `disabled`."""
    thinking_display: str = "summarized"
    thinking_budget: int = 0
    max_tokens: int = 16_000
    token_efficient: bool = False


class RequestShape:
    """What every request of a run has in common.

    Args:
        choice: How the model is asked.
        system: The system prompt.
        width_px: Width of the pictures the model gets.
        height_px: Their height.

    Raises:
        SettingError: The model does not take what was chosen; the sentence names the option.
    """

    def __init__(self, choice: Choice, *, system: str, width_px: int, height_px: int) -> None:
        self._choice = choice
        self.model: Model = lookup(choice.model)
        self.generation = _generation(choice, self.model)
        self._next: Choice | None = None
        self._writes_system = self.model.system_messages
        """The history may hold system messages: whether it does is settled by the run's first model."""
        self._frozen: Json = {
            "system": [{"type": "text", "text": system}],
            "tools": [self.generation.declare(width_px, height_px)],
        }
        self._varying = _varying(choice, self.model, self.generation)

    @property
    def system(self) -> str:
        """The system prompt."""
        return str(self._frozen["system"][0]["text"])

    @property
    def max_tokens(self) -> int:
        """What an answer may have, in tokens."""
        return self._choice.max_tokens

    @property
    def effort(self) -> str:
        """The effort asked for; empty when the model's own is left to it."""
        return self._choice.effort

    def request(self, messages: list[Json], extra: Json | None = None) -> Json:
        """Make the keyword arguments of one streaming request.

        Args:
            messages: The conversation.
            extra: Further top-level parameters; `betas` in it are added to those of the run.
        """
        request = {**self._frozen, **self._varying, **(extra or {}), "messages": messages}
        betas = [*self._varying.get("betas", ()), *(extra or {}).get("betas", ())]
        request["betas"] = list(dict.fromkeys(betas))
        if not betas:
            del request["betas"]  # an empty list would be sent as an empty header
        return request

    def plan(self, model: str = "", effort: str = "") -> list[str]:
        """Change the model, its effort or both from the next turn on; returns what a person should know.

        Raises:
            SettingError: This run's history or the model forbids it; nothing is changed.
        """
        now = self._next or self._choice
        choice = msgspec.structs.replace(now, model=model or now.model, effort=effort or now.effort)
        old, new = lookup(now.model), lookup(choice.model)
        told = []
        if not effort and now.effort and not new.efforts:
            choice = msgspec.structs.replace(choice, effort="")
            told.append(f"{new.name} takes no effort: {now.effort} is dropped")
        if new.name != old.name:
            told += _check_switch(old, new, writes_system=self._writes_system)
        if _generation(choice, new).type != self.generation.type:
            raise SettingError(
                f"{new.name} does not take {self.generation.type}, in which this run's history is written",
                "model",
                "start a new run with it",
            )
        _varying(choice, new, self.generation)
        self._next = choice
        return told

    def take(self) -> bool:
        """Begin to use what was planned, at a turn's beginning; says whether that changed anything."""
        choice, self._next = self._next, None
        if choice is None or choice == self._choice:
            return False
        self._choice, self.model = choice, lookup(choice.model)
        self._varying = _varying(choice, self.model, self.generation)
        return True


def _generation(choice: Choice, model: Model) -> Generation:
    plain = canonical(choice.model)
    if choice.provider == "anthropic" and re.search(r"anthropic[./]|@|-v\d", choice.model):
        raise SettingError(
            "is another provider's name for a model", f"--model {choice.model}", f"use {plain}, or --provider"
        )
    toolsets = provider(choice.provider).toolsets
    return choose(model, choice.tool_version, toolsets=toolsets, provider=choice.provider)


def _check_switch(old: Model, new: Model, *, writes_system: bool) -> list[str]:
    """Refuse a model that can't read this run's history; say what is lost with one that can."""
    if not new.known and (like := difflib.get_close_matches(new.name, table().models, 1, _TYPO)):
        way_out = f"did you mean {like[0]}? A new model goes into models.toml first"
        raise SettingError(f"no model is called {new.name}", "model", way_out)
    if writes_system and not new.system_messages:
        raise SettingError(
            f"{new.name} takes no system messages, and this run's history may hold some",
            "model",
            "start a new run with it",
        )
    told = [f"{new.name} may not read the reasoning of {old.name} so far: it sees what was done, not why"]
    if not new.known:
        told.append(f"{new.name} is not in the table of models: from here on the run is unpriced")
    return told


def _varying(choice: Choice, model: Model, generation: Generation) -> Json:
    """Make what depends on model and effort.

    Raises:
        SettingError: The model does not take it.
    """
    if not 1 <= choice.max_tokens <= model.max_output_tokens:
        raise SettingError(
            f"{model.name} says between 1 and {model.max_output_tokens} tokens",
            f"--max-tokens {choice.max_tokens}",
        )
    parts: Json = {"model": choice.model, "max_tokens": choice.max_tokens}
    betas = list(generation.betas)
    if thinking := _thinking(choice, model):
        parts["thinking"] = thinking
        if thinking.get("display") == "updates":
            betas.append(UPDATES_BETA)
    if choice.effort:
        _check_effort(choice.effort, model, unthinking=thinking.get("type") in ("disabled", "between_tools"))
        parts["output_config"] = {"effort": choice.effort}
    if choice.token_efficient:
        if not model.token_efficient:
            way_out = "leave it out: models since have it built in"
            raise SettingError(f"{model.name} no longer knows it", "--token-efficient", way_out)
        betas.append(TOKEN_EFFICIENT_BETA)
    return {**parts, "betas": betas} if betas else parts


def _check_effort(effort: str, model: Model, *, unthinking: bool) -> None:
    where = f"--effort {effort}"
    if effort not in EFFORTS:
        raise SettingError("there is no such effort", where, nearest(effort, EFFORTS))
    if not model.efforts:
        raise SettingError(f"{model.name} takes no effort", where, "leave it out")
    if effort not in model.efforts:
        raise SettingError(f"{model.name} does not take it", where, f"it takes {', '.join(model.efforts)}")
    most = model.unthinking_effort
    if unthinking and most and EFFORTS.index(effort) > EFFORTS.index(most):
        raise SettingError(f"with thinking off {model.name} takes at most {most}", where)


def _thinking(choice: Choice, model: Model) -> Json:
    """Choose the form of thinking; empty where nothing is asked for.

    Thinking is hidden by default on current models: without a display the transcript stays empty.
    """
    form, display = _form(choice, model), choice.thinking_display
    if display not in DISPLAYS:
        raise SettingError(
            "there is no such display", f"--thinking-display {display}", nearest(display, DISPLAYS)
        )
    match form:
        case "adaptive":
            return {"type": "adaptive", "display": display}
        case "enabled":
            return {
                "type": "enabled",
                "budget_tokens": choice.thinking_budget,
                **_legacy_display(model, display),
            }
        case "between_tools" | "disabled" if model.thinks:
            return {"type": form}
        case _:
            return {}


def _legacy_display(model: Model, display: str) -> Json:
    """Models that think by budget alone show what they think; they know no display."""
    return {"display": display} if "adaptive" in model.thinking else {}


def _form(choice: Choice, model: Model) -> str:
    """Settle on one form.

    Raises:
        SettingError: The model does not take the form, or the budget.
    """
    form = choice.thinking or ("enabled" if choice.thinking_budget else "")
    where = (
        f"--thinking {choice.thinking}" if choice.thinking else f"--thinking-budget {choice.thinking_budget}"
    )
    if form and form not in THINKING:
        raise SettingError("there is no such form of thinking", where, nearest(form, THINKING))
    if form and form not in model.thinking:
        way_out = f"it takes {', '.join(model.thinking)}"
        if form == "enabled":
            raise SettingError(f"{model.name} takes no thinking budget", where, "use --effort instead")
        raise SettingError(f"{model.name} does not take it", where, way_out)
    if form == "enabled" and not BUDGET_MIN <= choice.thinking_budget < choice.max_tokens:
        where = f"--thinking-budget {choice.thinking_budget}"
        raise SettingError(f"must be at least {BUDGET_MIN} and less than --max-tokens", where)
    if form and form != "enabled" and choice.thinking_budget:
        raise SettingError(f"{form} thinking has no budget", f"--thinking-budget {choice.thinking_budget}")
    return form or next((form for form in model.thinking if form == "adaptive"), "")
