"""Faults of the model's side: what the server asks to wait, and what is believed."""

from __future__ import annotations

import email.utils
import random
import time

import anthropic
import httpx2
import pytest

from pilothouse.model.faults import RETRY_AFTER_CAP_S, TurnFault, backoff_s, from_exception


def fault(status: int, **headers: str) -> TurnFault:
    request = httpx2.Request("POST", "http://127.0.0.1/v1/messages")
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    response = httpx2.Response(status, request=request, headers=named)
    return from_exception(anthropic.APIStatusError("no", response=response, body=None))


@pytest.mark.parametrize(
    ("headers", "asked_s"),
    [
        ({}, None),
        ({"retry_after": "7"}, 7.0),
        ({"retry_after": "0"}, 0.0),
        ({"retry_after_ms": "250", "retry_after": "7"}, 0.25),
        ({"retry_after": "-3"}, 0.0),
        ({"retry_after": "1e12"}, RETRY_AFTER_CAP_S),
        ({"retry_after": "inf"}, None),
        ({"retry_after": "soon"}, None),
    ],
    ids=str,
)
def test_what_the_server_asks_is_read(headers: dict[str, str], asked_s: float | None) -> None:
    assert fault(429, **headers).retry_after_s == asked_s


def test_a_date_is_a_time_to_wait_until() -> None:
    asked = fault(503, retry_after=email.utils.formatdate(time.time() + 3600, usegmt=True)).retry_after_s
    assert asked is not None
    assert 3500 < asked <= 3600


def test_what_passes_and_what_lasts() -> None:
    passing = [
        status for status in (400, 401, 403, 404, 408, 409, 413, 429, 500, 503, 529) if fault(status).may_pass
    ]
    assert passing == [408, 409, 429, 500, 503, 529]
    assert not fault(503, x_should_retry="false").may_pass


def test_the_wait_is_jittered_and_grows_to_its_cap() -> None:
    chance, passing = random.Random(1), fault(529)
    waits = [max(backoff_s(attempt, passing, chance) for _ in range(200)) for attempt in (1, 3, 50)]
    assert waits[0] <= 2.0 < waits[1] <= 8.0 < waits[2] <= 60.0
    assert min(backoff_s(50, passing, chance) for _ in range(500)) < 5.0
