"""The questions to the model's API: what each model takes and refuses, and in which words. Sends nothing.

Expectations are model-api §1 to §5, as tagged there; §9 lists what nobody has verified.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any

from pilothouse.probe import pictures
from pilothouse.probe.checks import Check, Verdict
from pilothouse.probe.model_side import BETAS, TEXT_TOKENS, TOOLSET, TOOLSET_TOKENS, ModelSide, tool
from pilothouse.probe.plan import Outcome

if TYPE_CHECKING:
    from collections.abc import Callable

Json = dict[str, Any]
HELLO = {"role": "user", "content": "Say ok."}
CACHED = {"type": "ephemeral"}
OLD_TOOL_TOKENS = 2_000

TAKES: tuple[tuple[str, str, bool], ...] = (
    ("claude-opus-5-5", TOOLSET, True),
    ("claude-sonnet-5-5", TOOLSET, True),
    ("claude-haiku-5-5", TOOLSET, True),
    ("claude-fable-5-2", TOOLSET, True),
    ("claude-fable-5-1", TOOLSET, True),
    ("claude-opus-5", TOOLSET, True),
    ("claude-sonnet-5", TOOLSET, True),
    ("claude-opus-4-8", TOOLSET, True),
    ("claude-opus-4-7", TOOLSET, False),
    ("claude-haiku-4-5", TOOLSET, False),
    ("claude-opus-5", "computer_20251124", True),
    ("claude-sonnet-5", "computer_20251124", True),
    ("claude-opus-4-8", "computer_20251124", True),
    ("claude-opus-4-7", "computer_20251124", True),
    ("claude-opus-4-6", "computer_20251124", True),
    ("claude-sonnet-4-6", "computer_20251124", True),
    ("claude-sonnet-5-5", "computer_20251124", False),
    ("claude-haiku-5-5", "computer_20251124", False),
    ("claude-fable-5-2", "computer_20251124", False),
    ("claude-haiku-4-5", "computer_20250124", True),
    ("claude-opus-4-7", "computer_20250124", False),
)
"""Which model takes which generation (model-api §1, [DOC]); the one refused in known words is in `ASKED`."""

SYSTEM_ROLE: tuple[tuple[str, bool], ...] = (
    ("claude-opus-5-5", True),
    ("claude-sonnet-5-5", True),
    ("claude-haiku-5-5", True),
    ("claude-fable-5-2", True),
    ("claude-opus-5", True),
    ("claude-sonnet-5", False),
)
"""Which model takes a system-role message (model-api §4, injecting B; [DOC] and [3P] disagree)."""


@dataclass(frozen=True, kw_only=True)
class Asked:
    """One request that is taken or refused as a whole."""

    id: str
    question: str
    source: str
    taken: bool
    request: Callable[[], Json]
    model: str = ""
    words: str = ""
    """A pattern that the refusal's text should match."""
    prompt_tokens: int = TEXT_TOKENS
    extra: Json = field(default_factory=dict)


def _with_toolset(*messages: Json, **more: Any) -> Json:
    return {"tools": [tool(TOOLSET)], "messages": list(messages), **more}


def looked(result: Json) -> list[Json]:
    """Word a conversation in which the model asked for a screenshot and got this result."""
    call = {
        "type": "tool_use",
        "id": "toolu_01probe",
        "name": "screenshot",
        "input": {},
        "toolset_name": "computer",
    }
    answer = {"type": "tool_result", "tool_use_id": "toolu_01probe", "toolset_name": "computer", **result}
    return [
        {"role": "user", "content": "Take a screenshot, then say ok."},
        {"role": "assistant", "content": [call]},
        {"role": "user", "content": [{key: value for key, value in answer.items() if value is not None}]},
    ]


def _breakpoints() -> Json:
    texts = [{"type": "text", "text": f"Part {n}.", "cache_control": CACHED} for n in range(5)]
    return {"messages": [{"role": "user", "content": texts}]}


def _picture_result(width: int, height: int) -> Json:
    return _with_toolset(*looked({"content": [pictures.block(pictures.plain(width, height))]}))


def _prefilled() -> Json:
    return {"messages": [HELLO, {"role": "assistant", "content": "The answer is"}]}


ASKED: tuple[Asked, ...] = (
    Asked(
        id="words/old-tool",
        question="opus-5-5 refuses computer_20251124 in the documented words",
        source="model-api §0.2 [DOC]",
        taken=False,
        model="claude-opus-5-5",
        words=r"'claude-opus-5-5' does not support tool types: computer_20251124\.",
        request=lambda: {
            "tools": [tool("computer_20251124")],
            "betas": [BETAS["computer_20251124"]],
            "messages": [HELLO],
        },
    ),
    Asked(
        id="thinking/opus-5-5-disabled",
        question="opus-5-5 refuses thinking to be disabled",
        source="model-api §2 [DOC]",
        taken=False,
        model="claude-opus-5-5",
        words=r"thinking",
        request=lambda: {"thinking": {"type": "disabled"}, "messages": [HELLO]},
    ),
    Asked(
        id="thinking/opus-5-5-budget",
        question="opus-5-5 refuses a thinking budget",
        source="model-api §2 [DOC]",
        taken=False,
        model="claude-opus-5-5",
        words=r"thinking",
        request=lambda: {"thinking": {"type": "enabled", "budget_tokens": 1024}, "messages": [HELLO]},
        extra={"max_tokens": 1100},
    ),
    Asked(
        id="thinking/sonnet-5-5-between-tools",
        question="sonnet-5-5 takes thinking between_tools",
        source="model-api §2 [DOC]",
        taken=True,
        model="claude-sonnet-5-5",
        request=lambda: {"thinking": {"type": "between_tools"}, "messages": [HELLO]},
    ),
    Asked(
        id="thinking/haiku-5-5-disabled",
        question="haiku-5-5 takes thinking disabled",
        source="model-api §9 (not verified)",
        taken=True,
        model="claude-haiku-5-5",
        request=lambda: {"thinking": {"type": "disabled"}, "messages": [HELLO]},
    ),
    Asked(
        id="thinking/updates",
        question="thinking may be displayed as updates, with its beta",
        source="model-api §4 [DOC]",
        taken=True,
        request=lambda: {
            "thinking": {"type": "adaptive", "display": "updates"},
            "betas": ["thinking-display-updates-2026-08-18"],
            "messages": [HELLO],
        },
    ),
    Asked(
        id="effort/max",
        question="the effort max is taken",
        source="model-api §4 [DOC]",
        taken=True,
        request=lambda: {"output_config": {"effort": "max"}, "messages": [HELLO]},
    ),
    Asked(
        id="refused/prefill",
        question="a conversation that ends with the assistant is refused",
        source="model-api §2 [DOC]",
        taken=False,
        words=r"prefill|assistant",
        request=_prefilled,
    ),
    Asked(
        id="refused/five-breakpoints",
        question="five cache breakpoints are refused",
        source="model-api §4 [DOC]",
        taken=False,
        words=r"maximum of 4 .*cache_control.* Found 5",
        request=_breakpoints,
    ),
    Asked(
        id="refused/temperature",
        question="a temperature is refused by this API version",
        source="model-api §2 [DOC, 3P]",
        taken=False,
        words=r"temperature",
        request=lambda: {"extra_body": {"temperature": 0.5}, "messages": [HELLO]},
    ),
    Asked(
        id="refused/forced-choice",
        question="opus-5-5 can't be forced to call a tool",
        source="model-api §2 [DOC]",
        taken=False,
        model="claude-opus-5-5",
        words=r"tool_choice",
        request=lambda: _with_toolset(HELLO, tool_choice={"type": "any"}),
        prompt_tokens=TOOLSET_TOKENS,
    ),
    Asked(
        id="refused/no-toolset-name",
        question="a result that does not echo toolset_name is refused",
        source="model-api §1.2 [DOC]",
        taken=False,
        words=r"toolset_name",
        request=lambda: _with_toolset(*looked({"toolset_name": None, "content": "ok"})),
        prompt_tokens=TOOLSET_TOKENS,
    ),
    Asked(
        id="refused/error-with-picture",
        question="an error result with a picture in it is refused",
        source="model-api §1.2 [DOC]",
        taken=False,
        words=r"is_error|text",
        request=lambda: _with_toolset(
            *looked({"is_error": True, "content": [pictures.block(pictures.plain(64, 64))]})
        ),
        prompt_tokens=TOOLSET_TOKENS,
    ),
    Asked(
        id="refused/wide-picture",
        question="a screenshot wider than 2576 px is refused, not scaled down",
        source="model-api §0.6 [DOC]",
        taken=False,
        words=r"image|dimension|pixel|2576",
        request=lambda: _picture_result(2600, 64),
        prompt_tokens=TOOLSET_TOKENS + 300,
    ),
    Asked(
        id="results/text-and-picture",
        question="a result may hold text and a picture",
        source="model-api §1.2 [DOC]",
        taken=True,
        request=lambda: _with_toolset(
            *looked({"content": [{"type": "text", "text": "ok"}, pictures.block(pictures.plain(64, 64))]})
        ),
        prompt_tokens=TOOLSET_TOKENS,
    ),
    Asked(
        id="context/clear-tool-uses",
        question="old tool results may be cleared by the service, with its beta",
        source="model-api §4 [DOC]",
        taken=True,
        request=lambda: {
            "context_management": {"edits": [{"type": "clear_tool_uses_20250919"}]},
            "betas": ["context-management-2025-06-27"],
            "messages": [HELLO],
        },
    ),
    Asked(
        id="context/compact",
        question="the service may be told to compact, with its beta",
        source="model-api §4 [DOC]",
        taken=True,
        request=lambda: {
            "context_management": {"edits": [{"type": "compact_20260112"}]},
            "betas": ["context-management-2025-06-27", "compact-2026-01-12"],
            "messages": [HELLO],
        },
    ),
)


async def _ask(asked: Asked, side: ModelSide) -> Verdict:
    reply = await side.ask(
        model=asked.model,
        prompt_tokens=asked.prompt_tokens,
        **{"max_tokens": 32, **asked.extra},
        **asked.request(),
    )
    if reply.ok:
        return Verdict(Outcome.YES if asked.taken else Outcome.NO, reply.short)
    if reply.busy:
        return Verdict(Outcome.FAILED, reply.short)
    if reply.status != 400:
        return Verdict(Outcome.DIFFERS, reply.short)
    if asked.taken:
        return Verdict(Outcome.NO, reply.short)
    expected = re.search(asked.words, reply.text, re.I | re.S) is not None
    return Verdict(Outcome.YES if expected else Outcome.DIFFERS, reply.short)


def _takes(model: str, kind: str, taken: bool) -> Asked:
    betas = {} if kind == TOOLSET else {"betas": [BETAS[kind]]}
    verb = "takes" if taken else "refuses"
    return Asked(
        id=f"tools/{model}/{kind}",
        question=f"{model} {verb} {kind}",
        source="model-api §1 [DOC]",
        taken=taken,
        model=model,
        words=r"support|tool",
        prompt_tokens=TOOLSET_TOKENS if kind == TOOLSET else OLD_TOOL_TOKENS,
        request=lambda: {"tools": [tool(kind)], "messages": [HELLO], **betas},
    )


def _system_role(model: str, taken: bool) -> Asked:
    said = [HELLO, {"role": "assistant", "content": "ok"}, HELLO]
    late = {"role": "system", "content": "The user sent the following message while you were working: hurry."}
    return Asked(
        id=f"system-role/{model}",
        question=f"{model} {'takes' if taken else 'refuses'} a system-role message in mid-conversation",
        source="model-api §4, §9 [DOC, 3P] (not verified)",
        taken=taken,
        model=model,
        words=r"system",
        request=lambda: {"messages": [*said, late]},
    )


def checks() -> tuple[Check[ModelSide], ...]:
    """List the questions that one request answers."""
    asked = [
        *ASKED,
        *(_takes(*row) for row in TAKES),
        *(_system_role(*row) for row in SYSTEM_ROLE),
    ]
    return tuple(
        Check(id=one.id, question=one.question, source=one.source, run=partial(_ask, one)) for one in asked
    )
