"""What each model accepts, as far as the strict server checks it (model-api §1, §2, §4; 2026-11-23)."""

from __future__ import annotations

import re
from functools import partial

import msgspec

TOOLSET = "computer_toolset_20260801"
TOOL_BETAS = {
    "computer_20241022": "computer-use-2024-10-22",
    "computer_20250124": "computer-use-2025-01-24",
    "computer_20251124": "computer-use-2025-11-24",
}
"""The single-tool generations, oldest first, each with the beta that unlocks it."""

_NEW = frozenset({TOOLSET})
_BOTH = frozenset({TOOLSET, "computer_20251124"})
_LATE = frozenset({"computer_20251124"})
_OLD = frozenset({"computer_20250124"})

EFFORTS = ("low", "medium", "high", "xhigh", "max")
_ALL_EFFORTS = frozenset(EFFORTS)
_NO_XHIGH = _ALL_EFFORTS - {"xhigh"}
_FIRST_EFFORTS = frozenset({"low", "medium", "high"})

MILLION = 1_000_000
K200 = 200_000


class Accepts(msgspec.Struct, frozen=True, kw_only=True):
    """One model's limits."""

    tools: frozenset[str]
    thinking: frozenset[str]
    efforts: frozenset[str] = _ALL_EFFORTS
    """Empty for a model without effort."""
    thinks_unasked: bool = True
    """Thinks when a request says nothing about it."""
    forced_choice: bool = True
    """Takes `tool_choice` of type `any` or `tool`."""
    prefill: bool = False
    system_messages: bool = True
    bound: bool = False
    """Refuses thinking blocks after an edit of what came before them."""
    context: int = MILLION
    max_output: int = 128_000
    high_vision: bool = True
    """Pictures up to 2,576 px and 4,784 tokens, not 1,568 of each."""
    cache_min: int = 1_024
    """The shortest prefix that is cached, in tokens."""

    @property
    def max_images(self) -> int:
        """How many pictures one request may show."""
        return 600 if self.context > K200 else 100

    @property
    def max_edge_px(self) -> int:
        """The longest edge of a picture that is not scaled down."""
        return 2_576 if self.high_vision else 1_568

    @property
    def max_image_tokens(self) -> int:
        """The most visual tokens of a picture that is not scaled down."""
        return 4_784 if self.high_vision else 1_568


_ALWAYS = frozenset({"adaptive"})
_WITH_OFF = frozenset({"adaptive", "disabled"})
_BETWEEN = frozenset({"adaptive", "between_tools"})
_LEGACY = frozenset({"adaptive", "enabled", "disabled"})
_BUDGET = frozenset({"enabled", "disabled"})

_EARLIER = partial(Accepts, thinks_unasked=False, system_messages=False, high_vision=False)
"""What the models before 4.7 have in common."""
_FIRST = partial(
    _EARLIER, thinking=_BUDGET, efforts=frozenset(), prefill=True, context=K200, max_output=64_000
)
"""What those before 4.6 have in common besides."""

MODELS: dict[str, Accepts] = {
    "claude-fable-5-2": Accepts(tools=_NEW, thinking=_ALWAYS, forced_choice=False, bound=True),
    "claude-mythos-5-2": Accepts(tools=_NEW, thinking=_ALWAYS, forced_choice=False, bound=True),
    "claude-haiku-5-5": Accepts(tools=_NEW, thinking=_WITH_OFF, bound=True),
    "claude-sonnet-5-5": Accepts(tools=_NEW, thinking=_BETWEEN, forced_choice=False, bound=True),
    "claude-opus-5-5": Accepts(tools=_NEW, thinking=_ALWAYS, forced_choice=False, bound=True, cache_min=512),
    "claude-fable-5-1": Accepts(
        tools=_BOTH, thinking=_ALWAYS, forced_choice=False, bound=True, cache_min=512
    ),
    "claude-mythos-5-1": Accepts(tools=_BOTH, thinking=_ALWAYS, forced_choice=False, bound=True),
    "claude-fable-5": Accepts(tools=_BOTH, thinking=_ALWAYS, cache_min=512),
    "claude-mythos-5": Accepts(tools=_BOTH, thinking=_ALWAYS),
    "claude-opus-5": Accepts(tools=_BOTH, thinking=_WITH_OFF, cache_min=512),
    "claude-sonnet-5": Accepts(tools=_BOTH, thinking=_WITH_OFF, system_messages=False),
    "claude-opus-4-8": Accepts(thinks_unasked=False, tools=_BOTH, thinking=_WITH_OFF),
    "claude-opus-4-7": Accepts(
        thinks_unasked=False, tools=_LATE, thinking=_WITH_OFF, system_messages=False, cache_min=2_048
    ),
    "claude-opus-4-6": _EARLIER(tools=_LATE, thinking=_LEGACY, efforts=_NO_XHIGH, cache_min=4_096),
    "claude-sonnet-4-6": _EARLIER(tools=_LATE, thinking=_LEGACY, efforts=_NO_XHIGH, max_output=64_000),
    "claude-opus-4-5": _FIRST(tools=_LATE, efforts=_FIRST_EFFORTS, cache_min=4_096),
    "claude-haiku-4-5": _FIRST(tools=_OLD, cache_min=4_096),
    "claude-sonnet-4-5": _FIRST(tools=_OLD),
    "claude-3-5-sonnet": _FIRST(
        tools=frozenset({"computer_20241022"}), thinking=frozenset({"disabled"}), max_output=8_192
    ),
}
"""Newest first: a model reads the thinking of those that come after it, and its own.

The last one is retired; it stays so that its generation of the tool can be tried.
"""

_DATED = re.compile(r"-20\d{6}$")


def plain_name(model: object) -> str:
    """Name a model without the date at its end."""
    return _DATED.sub("", str(model))


def lookup(model: object) -> Accepts | None:
    """Find a model, with or without a date at its end; None for one the API does not know."""
    return MODELS.get(plain_name(model))


def rank(model: object) -> int:
    """Say how old a model is: 0 for the newest."""
    name = plain_name(model)
    return list(MODELS).index(name) if name in MODELS else len(MODELS)
