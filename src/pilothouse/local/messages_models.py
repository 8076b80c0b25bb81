"""What each model accepts, as far as the strict server checks it (model-api §1 and §2, read 2026-11-23)."""

from __future__ import annotations

import re

import msgspec

TOOLSET = "computer_toolset_20260801"
_NEW = frozenset({TOOLSET})
_BOTH = frozenset({TOOLSET, "computer_20251124"})
_LATE = frozenset({"computer_20251124"})
_OLD = frozenset({"computer_20250124"})


class Accepts(msgspec.Struct, frozen=True, kw_only=True):
    """One model's limits."""

    tools: frozenset[str]
    thinking: frozenset[str]
    forced_choice: bool = True
    """Takes `tool_choice` of type `any` or `tool`."""
    prefill: bool = False
    system_messages: bool = True


_ALWAYS = frozenset({"adaptive"})
_WITH_OFF = frozenset({"adaptive", "disabled"})
_BETWEEN = frozenset({"adaptive", "between_tools"})
_LEGACY = frozenset({"adaptive", "enabled", "disabled"})

MODELS: dict[str, Accepts] = {
    "claude-fable-5-2": Accepts(tools=_NEW, thinking=_ALWAYS, forced_choice=False),
    "claude-mythos-5-2": Accepts(tools=_NEW, thinking=_ALWAYS, forced_choice=False),
    "claude-opus-5-5": Accepts(tools=_NEW, thinking=_ALWAYS, forced_choice=False),
    "claude-sonnet-5-5": Accepts(tools=_NEW, thinking=_BETWEEN, forced_choice=False),
    "claude-haiku-5-5": Accepts(tools=_NEW, thinking=_WITH_OFF),
    "claude-fable-5-1": Accepts(tools=_BOTH, thinking=_ALWAYS, forced_choice=False),
    "claude-mythos-5-1": Accepts(tools=_BOTH, thinking=_ALWAYS, forced_choice=False),
    "claude-fable-5": Accepts(tools=_BOTH, thinking=_ALWAYS),
    "claude-mythos-5": Accepts(tools=_BOTH, thinking=_ALWAYS),
    "claude-opus-5": Accepts(tools=_BOTH, thinking=_WITH_OFF),
    "claude-sonnet-5": Accepts(tools=_BOTH, thinking=_WITH_OFF, system_messages=False),
    "claude-opus-4-8": Accepts(tools=_BOTH, thinking=_WITH_OFF),
    "claude-opus-4-7": Accepts(tools=_LATE, thinking=_WITH_OFF, system_messages=False),
    "claude-opus-4-6": Accepts(tools=_LATE, thinking=_LEGACY, system_messages=False),
    "claude-opus-4-5": Accepts(tools=_LATE, thinking=_LEGACY, prefill=True, system_messages=False),
    "claude-sonnet-4-6": Accepts(tools=_LATE, thinking=_LEGACY, system_messages=False),
    "claude-sonnet-4-5": Accepts(tools=_OLD, thinking=_LEGACY, prefill=True, system_messages=False),
    "claude-haiku-4-5": Accepts(tools=_OLD, thinking=_LEGACY, prefill=True, system_messages=False),
}
_DATED = re.compile(r"-20\d{6}$")


def lookup(model: object) -> Accepts | None:
    """Find a model, with or without a date at its end; None for one the API does not know."""
    return MODELS.get(_DATED.sub("", str(model)))
