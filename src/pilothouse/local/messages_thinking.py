"""Rules about thinking, effort and length: what each model takes. Pure functions (model-api §2 and §4)."""

from __future__ import annotations

from typing import Any

from pilothouse.local.messages_asked import Asked, beta_missing
from pilothouse.local.messages_models import EFFORTS

Json = dict[str, Any]
MIN_BUDGET_TOKENS = 1_024
MIN_TASK_BUDGET_TOKENS = 20_000
UPDATES_BETA = "thinking-display-updates-2026-08-18"
BINDING_BETA = "thinking-binding-controls-2026-08-01"
TASK_BUDGET_BETA = "task-budgets-2026-03-13"
_FORMS = {
    "adaptive": frozenset({"type", "display", "block_binding"}),
    "enabled": frozenset({"type", "budget_tokens", "display", "block_binding"}),
    "disabled": frozenset({"type"}),
    "between_tools": frozenset({"type"}),
}
_HARD = ("xhigh", "max")


def _thinking(asked: Asked) -> Json:
    given = asked.body.get("thinking")
    return given if isinstance(given, dict) else {}


def _effort(asked: Asked) -> Any:
    given = asked.body.get("output_config")
    return given.get("effort") if isinstance(given, dict) else None


def thinking_form(asked: Asked) -> str | None:
    """Each generation takes its own forms of thinking."""
    model = asked.model
    if asked.body.get("thinking") is None or model is None:
        return None
    given = _thinking(asked).get("type")
    kind = given if isinstance(given, str) else repr(given)
    if kind in model.thinking:
        return None
    if kind == "enabled":
        return (
            '"thinking.type.enabled" is not supported for this model. '
            'Use "thinking.type.adaptive" and "output_config.effort" to control thinking behavior.'
        )
    if kind in _FORMS:
        return f'"thinking.type.{kind}" is not supported for this model.'
    return f"thinking: Input tag {kind!r} found does not match any of the expected tags"


def thinking_fields(asked: Asked) -> str | None:
    """Each form has its fields, some of them behind a beta."""
    thinking = _thinking(asked)
    kind = str(thinking.get("type"))
    if not thinking:
        return None
    extra = next((key for key in thinking if key not in _FORMS.get(kind, thinking)), None)
    if extra is None and "block_binding" in thinking and beta_missing(asked, BINDING_BETA):
        extra = "block_binding"
    if extra:
        return f"thinking.{kind}.{extra}: Extra inputs are not permitted"
    known = ["summarized", "omitted"] + ([] if beta_missing(asked, UPDATES_BETA) else ["updates"])
    if thinking.get("display", "omitted") not in (*known, None):
        return f"thinking.{kind}.display: Input should be {' or '.join(map(repr, known))}"
    binding = thinking.get("block_binding") or {}
    if not isinstance(binding, dict):
        return f"thinking.{kind}.block_binding: Input should be a valid dictionary"
    behaviour = binding.get("prefix_mismatch_behavior", "error")
    if behaviour not in ("error", "drop_block", None):
        return (
            f"thinking.{kind}.block_binding.prefix_mismatch_behavior: Input should be 'error' or 'drop_block'"
        )
    return None


def thinking_budget(asked: Asked) -> str | None:
    """A budget is at least 1,024 tokens and less than the whole answer may have."""
    thinking = _thinking(asked)
    if thinking.get("type") != "enabled":
        return None
    budget = thinking.get("budget_tokens")
    if budget is None:
        return "thinking.enabled.budget_tokens: Field required"
    if type(budget) is not int or budget < MIN_BUDGET_TOKENS:
        return f"thinking.enabled.budget_tokens: Input should be greater than or equal to {MIN_BUDGET_TOKENS}"
    if not asked.counting and budget >= asked.body.get("max_tokens", 0):
        return "`max_tokens` must be greater than `thinking.budget_tokens`."
    return None


def effort(asked: Asked) -> str | None:
    """Not every model has effort, and not every one all its levels; thinking off goes up to `high`."""
    given, model = _effort(asked), asked.model
    if given is None or model is None:
        return None
    if given not in EFFORTS:
        return (
            f"output_config.effort: Input should be {', '.join(map(repr, EFFORTS[:-1]))} or '{EFFORTS[-1]}'"
        )
    if not model.efforts:
        return "This model does not support the effort parameter."
    if given not in model.efforts:
        known = ", ".join(name for name in EFFORTS if name in model.efforts)
        return f"output_config.effort: '{given}' is not supported for this model. Supported levels: {known}."
    kind = _thinking(asked).get("type")
    if given in _HARD and kind in ("disabled", "between_tools"):
        return f"output_config.effort: '{given}' is not supported with \"thinking.type.{kind}\"."
    return None


def output_config(asked: Asked) -> str | None:
    """It holds effort, a format, and behind a beta a budget for the whole task."""
    given = asked.body.get("output_config")
    if given is None:
        return None
    if not isinstance(given, dict):
        return "output_config: Input should be a valid dictionary"
    known = {"effort", "format"} | (set() if beta_missing(asked, TASK_BUDGET_BETA) else {"task_budget"})
    extra = next((key for key in given if key not in known), None)
    if extra:
        return f"output_config.{extra}: Extra inputs are not permitted"
    budget = given.get("task_budget") or {"total": MIN_TASK_BUDGET_TOKENS}
    total = budget.get("total") if isinstance(budget, dict) else None
    if type(total) is not int or total < MIN_TASK_BUDGET_TOKENS:
        least = f"greater than or equal to {MIN_TASK_BUDGET_TOKENS}"
        return f"output_config.task_budget.total: Input should be {least}"
    return None


def max_tokens(asked: Asked) -> str | None:
    """At least one token may be said, and no more than the model can."""
    given, model = asked.body.get("max_tokens", 1), asked.model
    if type(given) is not int or given < 1:
        return "max_tokens: Input should be greater than or equal to 1"
    if model and given > model.max_output:
        return (
            f"max_tokens: {given} > {model.max_output}, which is the maximum allowed number of output tokens "
            f"for {asked.body.get('model')}"
        )
    return None
