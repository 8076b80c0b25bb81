"""What a browser reports by itself, worded: addresses without secrets, trouble told from news, all clean."""

from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pilothouse.browser.reports import TEXT_CHARS, URL_CHARS, Page, report, safe_url
from pilothouse.safety import is_clean


def event(kind: str, **data: Any) -> Any:
    return SimpleNamespace(type=kind, category="page", data=SimpleNamespace(**data))


@pytest.mark.parametrize(
    ("url", "safe"),
    [
        ("https://a.example/b?q=tea", "https://a.example/b?q=tea"),
        ("https://anna:pw@a.example:8443/b#c", "https://a.example:8443/b"),
        ("https://a.example/?access_token=x&lang=en", "https://a.example/?access_token=…&lang=en"),
        ("https://a.example/?X-Amz-Signature=x&code=1", "https://a.example/?X-Amz-Signature=…&code=…"),
        ("https://a.example/?keyword=a&author=b&apiKey=c", "https://a.example/?keyword=a&author=b&apiKey=…"),
        ("data:text/html,secret", "data:…"),
        ("about:blank", "about:blank"),
        ("https://[broken/", "…"),
        ("", ""),
    ],
)
def test_an_address_keeps_no_secret(url: str, safe: str) -> None:
    assert safe_url(url) == safe


@given(st.text(max_size=2000), st.sampled_from(["console_error", "new_crash", "page_tab_opened"]))
def test_whatever_a_page_writes_is_clean_and_bounded(text: str, kind: str) -> None:
    told = report(1, event(kind, text=text, title=text, url=text))
    assert told is not None
    assert is_clean(told.text)
    assert is_clean(told.url)
    assert len(told.text) <= TEXT_CHARS
    assert len(told.url) <= URL_CHARS


@pytest.mark.parametrize(
    ("kind", "data", "said"),
    [
        (
            "network_response",
            {"status": 404, "status_text": "Not Found", "method": "GET"},
            "GET 404 Not Found",
        ),
        ("network_response", {"status": 200}, None),
        (
            "network_response",
            {"status": 200, "headers": {"Content-Disposition": ["attachment; filename=a.pdf"]}},
            "download: attachment; filename=a.pdf",
        ),
        ("network_loading_failed", {"error_text": "net::ERR_ABORTED", "canceled": True}, None),
        (
            "network_loading_failed",
            {"error_text": "net::ERR_FAILED", "resource_type": "XHR"},
            "net::ERR_FAILED XHR",
        ),
        ("page_navigation", {"url": "https://a.example/", "parent_frame_id": "1"}, None),
        ("page_navigation", {"url": "https://a.example/", "target_type": "iframe"}, None),
        ("page_crashed", {"target_type": "page"}, "page"),
        ("service_crashed", {"service_name": "chromium", "phase": "gave_up"}, "chromium gave_up"),
        ("system_oom_kill", {"process_name": "chrome"}, "chrome"),
        ("download_finished", {"filename": "a.pdf"}, "a.pdf"),
        ("console_log", {"text": "x"}, None),
        ("page_layout_shift", {}, None),
    ],
)
def test_only_what_a_person_should_know_is_told(kind: str, data: dict[str, Any], said: str | None) -> None:
    told = report(1, event(kind, **data))
    assert (told.text if told else None) == said


def test_the_page_in_front_is_the_last_one_navigated_to() -> None:
    page = Page()
    for kind, data in (
        ("page_navigation", {"url": "https://a.example/"}),
        ("page_navigation", {"url": "https://ads.example/", "parent_frame_id": "1"}),
        ("page_load", {"url": "https://a.example/", "title": "A\x1b shop"}),
        ("network_response", {"url": "https://b.example/"}),
    ):
        page = page.after(event(kind, **data))
    assert page == Page(url="https://a.example/", title="A␛ shop")
