"""The questions to the model's API that look into an answer: usage, cache, thinking, files, faults."""

from __future__ import annotations

import json
from typing import Any

import anthropic

from pilothouse.model.bounds import SUMMARISE, SUMMARY_BETA
from pilothouse.model.uploads import EXPIRES_S
from pilothouse.probe import pictures
from pilothouse.probe.checks import Check, Unmet, Verdict, yes
from pilothouse.probe.model_checks import HELLO, looked
from pilothouse.probe.model_side import TOOLSET, TOOLSET_TOKENS, ModelSide, refused, tool
from pilothouse.probe.plan import Outcome

Json = dict[str, Any]
TOOLSET_DOC_TOKENS = 4_520
PICTURE = (1280, 800, 1334)
SLOW_FIRST_MS = 10_000
SUMMARY_MAX_TOKENS = 1_500


async def usage_fields(side: ModelSide) -> Verdict:
    """Look for the parts of usage that the cost meter needs."""
    answer = await side.streamed()
    parts = (
        (answer.start_usage, ("input_tokens", "cache_creation_input_tokens", "cache_read_input_tokens")),
        (
            answer.start_usage.get("cache_creation"),
            ("ephemeral_5m_input_tokens", "ephemeral_1h_input_tokens"),
        ),
        (answer.delta_usage.get("output_tokens_details"), ("thinking_tokens",)),
    )
    missing = [name for held, names in parts for name in names if name not in (held or {})]
    shown = json.dumps({"message_start": answer.start_usage, "message_delta": answer.delta_usage})
    return yes(not missing, f"missing: {', '.join(missing)}; {shown}" if missing else shown)


async def thinking_shown(side: ModelSide) -> Verdict:
    """Look for words in the thinking blocks."""
    answer = await side.streamed()
    blocks = [block for block in answer.message.content if block.type == "thinking"]
    chars = sum(len(block.thinking) for block in blocks)
    if not blocks:
        return Verdict(Outcome.DIFFERS, "there is no thinking block: the model answered without")
    return yes(chars > 0, f"{len(blocks)} thinking blocks, {chars} characters")


async def latency(side: ModelSide) -> Verdict:
    """Time the one streamed answer."""
    answer = await side.streamed()
    evidence = f"first event after {answer.first_ms:.0f} ms, whole after {answer.total_ms:.0f} ms"
    return yes(answer.first_ms < SLOW_FIRST_MS, evidence)


def _continued(answer: Any, first: str) -> Json:
    said = [block.to_dict() for block in answer.message.content]
    again = [{"role": "user", "content": first}, {"role": "assistant", "content": said}, HELLO]
    kept = {name: answer.request[name] for name in ("tools", "system", "thinking")}
    return {**kept, "messages": again}


async def cache_read(side: ModelSide) -> Verdict:
    """Go on with the conversation: its beginning is in the cache by now."""
    answer = await side.streamed()
    request = _continued(answer, answer.request["messages"][0]["content"])
    reply = await side.ask(prompt_tokens=TOOLSET_TOKENS + 1500, **request)
    if not reply.ok:
        return Verdict(Outcome.FAILED if reply.busy else Outcome.DIFFERS, reply.short)
    usage = reply.message.usage
    read = usage.cache_read_input_tokens or 0
    return yes(read > 0, f"{read} tokens read, {usage.input_tokens} not")


async def append_only(side: ModelSide) -> Verdict:
    """Change the first message of a conversation that has a signed thinking block."""
    answer = await side.streamed()
    if not any(block.type == "thinking" and block.signature for block in answer.message.content):
        raise Unmet("the model answered without a signed thinking block")
    reply = await side.ask(prompt_tokens=TOOLSET_TOKENS + 1500, **_continued(answer, "What is 2 + 2?"))
    if reply.ok:
        return Verdict(Outcome.NO, f"an edited conversation was {reply.short}")
    fits = reply.status == 400 and "signature" in reply.text
    return Verdict(Outcome.YES if fits else Outcome.DIFFERS, reply.short)


async def toolset_cost(side: ModelSide) -> Verdict:
    """Count what declaring the toolset adds."""
    bare = await side.count(messages=[HELLO])
    added = await side.count(messages=[HELLO], tools=[tool(TOOLSET)]) - bare
    near = abs(added - TOOLSET_DOC_TOKENS) <= TOOLSET_DOC_TOKENS * 0.05
    return Verdict(Outcome.YES if near else Outcome.DIFFERS, f"{added} tokens")


async def picture_cost(side: ModelSide) -> Verdict:
    """Count what a picture adds to a message."""
    width, height, expected = PICTURE
    picture = pictures.block(pictures.plain(width, height))
    words = {"type": "text", "text": "Say ok."}
    bare = await side.count(messages=[{"role": "user", "content": [words]}])
    added = await side.count(messages=[{"role": "user", "content": [words, picture]}]) - bare
    return Verdict(
        Outcome.YES if abs(added - expected) <= 10 else Outcome.DIFFERS, f"{added} tokens at {width}x{height}"
    )


async def uploads(side: ModelSide) -> Verdict:
    """Upload a picture and name it in a result."""
    try:
        file = await side.upload("probe.png", pictures.plain(64, 64))
    except anthropic.APIStatusError as error:
        return Verdict(Outcome.NO, f"the upload: {refused(error).short}")
    source = {"type": "image", "source": {"type": "file", "file_id": file}}
    reply = await side.ask(
        prompt_tokens=TOOLSET_TOKENS, tools=[tool(TOOLSET)], messages=looked({"content": [source]})
    )
    return yes(reply.ok, f"the result: {reply.short}")


async def uploads_expire(side: ModelSide) -> Verdict:
    """Upload a picture as a run does, which names the time after which it is gone."""
    try:
        expires = await side.upload_for_a_while("probe-run.png", pictures.plain(64, 64), EXPIRES_S)
    except anthropic.APIStatusError as error:
        return Verdict(Outcome.NO, f"the upload: {refused(error).short}")
    return yes(bool(expires), "it expires" if expires else "the answer names no time at which it expires")


async def summarised(side: ModelSide) -> Verdict:
    """Have a conversation summarised as a run does at a bound, and go on from the summary."""
    said = [HELLO, {"role": "assistant", "content": "ok"}, HELLO]
    tools, room = [tool(TOOLSET)], TOOLSET_TOKENS + 1500
    reply = await side.ask(
        prompt_tokens=room, max_tokens=SUMMARY_MAX_TOKENS, tools=tools, messages=said, **SUMMARISE
    )
    if not reply.ok:
        return Verdict(Outcome.FAILED if reply.busy else Outcome.NO, f"the summary: {reply.short}")
    blocks = [block.to_dict() for block in reply.message.content if block.type == "compaction"]
    if not blocks or not blocks[0].get("content"):
        return Verdict(Outcome.NO, "the answer has no summary")
    after = [{"role": "assistant", "content": blocks}, HELLO]
    reply = await side.ask(prompt_tokens=room, tools=tools, messages=after, betas=[SUMMARY_BETA])
    return yes(reply.ok, f"the conversation that begins with it: {reply.short}")


async def wrong_key(side: ModelSide) -> Verdict:
    """Ask with a key that is none."""
    stranger = side.client.copy(api_key="not-a-key")
    try:
        await stranger.beta.messages.count_tokens(
            model=side.model, messages=[{"role": "user", "content": "x"}]
        )
    except anthropic.APIStatusError as error:
        reply = refused(error)
        fits = (reply.status, reply.kind) == (401, "authentication_error")
        return Verdict(Outcome.YES if fits else Outcome.DIFFERS, reply.short)
    return Verdict(Outcome.NO, "it was taken")


async def wrong_model(side: ModelSide) -> Verdict:
    """Ask for a model that there is not."""
    reply = await side.ask(model="claude-nobody-0", messages=[HELLO])
    fits = (reply.status, reply.kind) == (404, "not_found_error")
    return Verdict(Outcome.YES if fits else Outcome.DIFFERS, reply.short)


async def headers(side: ModelSide) -> Verdict:
    """Look at the names of an answer's headers."""
    reply = await side.ask(messages=[HELLO])
    limits = sorted(name for name in reply.headers if name.startswith("anthropic-ratelimit"))
    evidence = f"request-id: {'request-id' in reply.headers}; {', '.join(limits) or 'no ratelimit headers'}"
    return yes("request-id" in reply.headers, evidence)


def checks() -> tuple[Check[ModelSide], ...]:
    """List the questions."""
    table = (
        ("usage/fields", "usage has the cache's split and thinking tokens", "model-api §3", usage_fields),
        ("thinking/summarized", "display summarized shows thinking", "model-api §0.5 [DOC]", thinking_shown),
        ("latency/first-event", "the first event comes within 10 s", "model-api §3", latency),
        ("cache/read", "the next turn reads from the cache", "model-api §4 [DOC]", cache_read),
        ("history/append-only", "an edited history is refused", "model-api §0.4 [DOC]", append_only),
        ("tokens/toolset", "the toolset costs about 4,520 tokens", "model-api §1.2 [DOC]", toolset_cost),
        ("tokens/picture", "a picture of 1280x800 costs 1,334 tokens", "model-api §2 [DOC]", picture_cost),
        ("files/in-result", "a result may name an uploaded picture", "performance §11 (untested)", uploads),
        ("files/expire", "an upload may name when it expires", "performance §11 (untested)", uploads_expire),
        ("context/summarise", "a summary may be asked for", "model-api §4 [DOC]", summarised),
        ("errors/401", "a wrong key is 401 authentication_error", "model-api §3", wrong_key),
        ("errors/404", "an unknown model is 404 not_found_error", "model-api §3", wrong_model),
        ("headers", "answers carry a request-id", "model-api §3 [SDK]", headers),
    )  # fmt: skip
    return tuple(
        Check(id=name, question=question, source=source, run=run) for name, question, source, run in table
    )
