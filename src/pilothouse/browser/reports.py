"""One report of a browser, worded for the journal: what it is, and whether something went wrong. No network.

Everything in a report was written by a page, or by whoever it talks to: it is cleaned and bounded here, and
what looks like a secret in an address is taken out.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, quote, urlsplit, urlunsplit

import msgspec

from pilothouse import events as ev
from pilothouse.safety import clean_line, redact

if TYPE_CHECKING:
    from collections.abc import Callable

TEXT_CHARS = 500
URL_CHARS = 500
READ_CHARS = 10_000
"""More than this of one text is not even looked at."""
_SECRET_PART = re.compile(r"(?i)token|secret|passw|credential|signature|session|jwt|assertion")
_SECRET_WORDS = frozenset(
    ["key", "apikey", "pwd", "auth", "sid", "sess", "sig", "code", "otp", "nonce", "state", "ticket", "pin"]
)
_WORD = re.compile(r"[A-Z]?[a-z]+|[A-Z]+")
_WRONG = re.compile(r"crash|fail|error|oom|gave_up")
MASK = "…"


class Page(msgspec.Struct, frozen=True, kw_only=True):
    """What the page in front is, as far as reports tell."""

    url: str = ""
    title: str = ""

    def after(self, event: Any) -> Page:
        """Say what it is after one more report."""
        kind, data = str(event.type), _data(event)
        if not kind.startswith("page_") or _of(data, "parent_frame_id"):
            return self
        url, title = safe_url(_of(data, "url")), clean_line(_of(data, "title")[:READ_CHARS], TEXT_CHARS)
        if kind in ("page_navigation", "page_tab_opened") and _is_page(data) and url:
            return Page(url=url, title=title)
        if title and url in ("", self.url):
            return Page(url=self.url, title=title)
        return self


def report(seq: int, event: Any) -> ev.PageReported | None:
    """Word one report; None for what only a program wants to know."""
    kind, data = str(event.type), _data(event)
    word = _WORDS.get(kind, _other(kind))
    said = word(data) if word else None
    if said is None:
        return None
    text, trouble = said
    return ev.PageReported(
        number=seq,
        category=clean_line(str(getattr(event, "category", "")), 40),
        kind=clean_line(kind, 60),
        text=clean_line(redact(_without_queries(text[:READ_CHARS])), TEXT_CHARS),
        url=safe_url(_of(data, "url") or _of(data, "source_url")),
        trouble=trouble,
    )


def safe_url(url: str) -> str:
    """Return an address without its user, its fragment and what looks like a secret in its query."""
    url = url[:READ_CHARS]
    if not url:
        return ""
    try:
        parts = urlsplit(url)
        host = parts.netloc.rpartition("@")[2]
        if not host and parts.scheme in ("data", "blob", "javascript"):
            return f"{parts.scheme}:{MASK}"
        query = "&".join(
            f"{quote(name)}={MASK if _is_secret(name) else quote(value)}"
            for name, value in parse_qsl(parts.query, keep_blank_values=True)
        )
        url = urlunsplit((parts.scheme, host, parts.path, query, ""))
    except ValueError:
        return MASK
    return clean_line(redact(url), URL_CHARS)


def _is_secret(name: str) -> bool:
    """Judge by the name of a parameter whether its value is nobody's business."""
    words = {word.lower() for word in _WORD.findall(name)}
    return bool(words & _SECRET_WORDS) or _SECRET_PART.search(name) is not None


_URL_IN_TEXT = re.compile(r"https?://[^\s\"'<>)]+")


def _without_queries(text: str) -> str:
    """Make the addresses inside a text safe too."""
    return _URL_IN_TEXT.sub(lambda match: safe_url(match[0]), text)


Said = tuple[str, bool] | None
"""A text and whether it tells of trouble; None for what is not worth a line."""


def _console_error(data: Any) -> Said:
    return _of(data, "text"), True


def _navigation(data: Any) -> Said:
    return None if _of(data, "parent_frame_id") or not _is_page(data) else ("", False)


def _tab(data: Any) -> Said:
    return (_of(data, "title"), False) if _is_page(data) else None


def _failed(data: Any) -> Said:
    if _of(data, "canceled") == "True":
        return None
    return " ".join(filter(None, (_of(data, "error_text"), _of(data, "resource_type")))), True


def _response(data: Any) -> Said:
    """Tell of answers that are errors, and of files that come as downloads."""
    status = _of(data, "status")
    if status.isdecimal() and int(status) >= 400:
        return " ".join(filter(None, (_of(data, "method"), status, _of(data, "status_text")))), True
    disposition = _header(_value(data, "headers"), "content-disposition")
    return (f"download: {disposition}", False) if disposition.lower().startswith("attachment") else None


def _crashed(data: Any) -> Said:
    name = _of(data, "service_name") or _of(data, "process_name") or _of(data, "target_type")
    return " ".join(filter(None, (name, _of(data, "phase")))), True


def _proxy(data: Any) -> Said:
    return " ".join(filter(None, (_of(data, "code"), _of(data, "raw_code"), _of(data, "status")))), True


def _plain(data: Any) -> Said:
    words = (_of(data, name) for name in ("reason", "status", "result", "message", "filename", "state"))
    return " ".join(filter(None, words)), False


def _wrong(data: Any) -> Said:
    said = _plain(data)
    return (_of(data, "text") or _of(data, "error") or (said[0] if said else ""), True)


def _other(kind: str) -> Callable[[Any], Said] | None:
    """Judge a type that is not known by its name: new ones come with every release."""
    if _WRONG.search(kind):
        return _wrong
    return _plain if "download" in kind else None


_WORDS: dict[str, Callable[[Any], Said]] = {
    "console_error": _console_error,
    "page_navigation": _navigation,
    "page_tab_opened": _tab,
    "page_crashed": _crashed,
    "network_loading_failed": _failed,
    "network_response": _response,
    "proxy_error": _proxy,
    "service_crashed": _crashed,
    "system_oom_kill": _crashed,
    "captcha_solve_started": _plain,
    "captcha_solve_result": _plain,
    "captcha_challenge_result": _plain,
    "live_view_connect": _plain,
    "live_view_disconnect": _plain,
    "monitor_disconnected": _wrong,
}


def _data(event: Any) -> Any:
    return getattr(event, "data", None)


def _value(data: Any, name: str) -> Any:
    """Read a field of what may be a model, a dict, or nothing at all."""
    return data.get(name) if isinstance(data, dict) else getattr(data, name, None)


def _of(data: Any, name: str) -> str:
    value = _value(data, name)
    return str(value) if isinstance(value, str | int | bool) else ""


def _is_page(data: Any) -> bool:
    return _of(data, "target_type") in ("", "page")


def _header(headers: Any, name: str) -> str:
    """Read one header, whatever its value is wrapped in."""
    items = headers if isinstance(headers, dict) else getattr(headers, "__dict__", {})
    extra = getattr(headers, "model_extra", None) or {}
    for key, value in {**items, **extra}.items():
        if key.lower() == name:
            return str(value[0] if isinstance(value, list) and value else value)
    return ""
