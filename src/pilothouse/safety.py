"""Text from outside made safe to show, secrets taken out of it, and sizes bounded.

The terminal itself (escape sequences on their way out and in) is guarded in `pilothouse.terminal`; nothing
here does I/O beyond reading the environment when asked to.

Everything a page, a model, a recording or another host can choose is *outside text*: it passes `clean` or
`clean_line` before a widget, a plain log line or an export sees it. Unsafe characters are shown, not hidden,
so that a person sees the attempt. Facts and measurements: docs/safety.md.
"""

from __future__ import annotations

import base64
import os
import re
import string
import unicodedata
from typing import TYPE_CHECKING, Final
from urllib.parse import quote, quote_plus

from pilothouse.regex import lazily

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

MASK: Final = "[redacted]"
"""Stands where a secret stood."""

TEXT_LIMIT: Final = 65_536
"""Characters `clean` keeps unless told otherwise; the journal still holds the whole."""

LINE_LIMIT: Final = 1_000
"""Characters `clean_line` keeps unless told otherwise."""

ELLIPSIS: Final = "…"
REPLACEMENT: Final = "\ufffd"

# -------------------------------------------------------------------------------------------- cleaning

# Not the terminal's: C0 without \n and \t, DEL, C1.
_CONTROLS: Final = "\x00-\x08\x0b-\x1f\x7f-\x9f"
# Reorder what a person reads: ALM, LRM, RLM, embeddings, overrides, isolates (Trojan Source, CVE-2021-42574).
_BIDI: Final = "\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069"
# Take no cell, so that text can hide: soft hyphen, CGJ, fillers, zero-width and format characters, musical
# controls, interlinear marks, BOM, tags and supplementary variation selectors. U+200D is judged apart.
_INVISIBLE: Final = (
    "\u00ad\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b\u200c\u2028\u2029\u2060-\u2065\u206a-\u206f\u3164"
    "\ufeff\uffa0\ufff0-\ufffb\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff"
)
# Not text at all: lone surrogates, and Kitty's placeholder, by which a page could paint a stored picture.
_NOT_TEXT: Final = "\ud800-\udfff\U0010eeee"
# Extended_Pictographic, near enough: the only characters between which a zero-width joiner means something.
_PICTOGRAPH: Final = (
    "[\u00a9\u00ae\u203c\u2049\u2122\u2139\u2194-\u21aa\u231a-\u23ff\u24c2\u25aa-\u27bf\u2934\u2935\u2b05-\u2b55"
    "\u3030\u303d\u3297\u3299\U0001f000-\U0001faff]"
)
_STRAY_JOINER: Final = f"(?<!{_PICTOGRAPH})(?<!{_PICTOGRAPH}\ufe0f)\u200d|\u200d(?!{_PICTOGRAPH})"

UNSAFE_CLASS: Final = _CONTROLS + _BIDI + _INVISIBLE + _NOT_TEXT
"""Body of a regex character class: code points that never reach a terminal as they are (joiners aside)."""

UNSAFE_IN_SEGMENT: Final = lazily(f"[\n\t{UNSAFE_CLASS}]|{_STRAY_JOINER}")
"""Finds what may not be in a piece of one screen line, where newlines and tabs move the cursor too."""

_UNSAFE: Final = lazily(f"\r\n|[{UNSAFE_CLASS}]|{_STRAY_JOINER}")
_UNSAFE_ASCII: Final = lazily(r"\r\n|[\x00-\x08\x0b-\x1f\x7f]")
# The longest emoji in use (a family) joins four pictographs; a longer chain is a cell-width trick.
_JOINED: Final = f"{_PICTOGRAPH}\ufe0f?"
_LONG_CHAIN: Final = lazily(f"((?:{_JOINED}\u200d){{3}}{_JOINED})\u200d")
# A superset of all marks (Mn, Me) and conjoining jamo, four or more in a row; `_cap_marks` looks closer. A
# test compares it with the Unicode tables: building the exact class costs 150 ms at import.
_MARK_RUN: Final = lazily(
    "[\u0300-\u1fff\u20d0-\u20ff\u2cef-\u2dff\u302a-\u302f\u3099\u309a\ua66f-\uabff\ud7b0-\ud7ff\ufb1e\ufe00-\ufe2f"
    "\U00010100-\U0001ffff]{4,}"
)
MARKS_LIMIT: Final = 3
"""Combining marks kept on one base character; more would paint over the neighbouring lines."""


def visible(character: str) -> str:
    """Return what stands for one unsafe character: a control picture (U+2400 on) or U+FFFD."""
    code = ord(character)
    if code < 0x20:
        return chr(0x2400 + code)
    return "\u2421" if code == 0x7F else REPLACEMENT


def clean(text: str, *, limit: int | None = TEXT_LIMIT) -> str:
    """Return `text` with nothing in it that a terminal obeys or that a person can't see; idempotent.

    Newlines and tabs stay, CR LF becomes a newline. Controls become their pictures; C1, bidi, invisible and
    tag characters, lone surrogates and Kitty's placeholder become U+FFFD. `limit` is in characters; a cut
    ends in `…`.
    """
    if limit is not None and len(text) > limit:
        return _clean(text[: max(limit - 1, 0)]) + ELLIPSIS[:limit]
    return _clean(text)


def clean_line(text: str, limit: int = LINE_LIMIT) -> str:
    """Return `text` cleaned, on one line: newlines as `␊`, tabs as a space, cut with `…`; idempotent."""
    return clean(text, limit=limit).replace("\n", "\u240a").replace("\t", " ")


def is_clean(text: str) -> bool:
    """Tell whether `clean` would leave `text` as it is, its length aside."""
    return _clean(text) == text


def _clean(text: str) -> str:
    if text.isascii():
        return _UNSAFE_ASCII.sub(_show, text)
    text = _UNSAFE.sub(_show, text)
    if "\u200d" in text:
        text = _LONG_CHAIN.sub(rf"\1{REPLACEMENT}", text)
    return _MARK_RUN.sub(_cap_marks, text)


def _show(match: re.Match[str]) -> str:
    found = match[0]
    return "\n" if found == "\r\n" else visible(found)


def _is_mark(character: str) -> bool:
    # Conjoining jamo are letters by category, but take no cell of their own after a leading consonant.
    jamo = "\u1160" <= character <= "\u11ff" or "\ud7b0" <= character <= "\ud7ff"
    return jamo or unicodedata.category(character) in ("Mn", "Me")


def _cap_marks(match: re.Match[str]) -> str:
    """Keep three marks of each run; what is over becomes one U+FFFD."""
    kept: list[str] = []
    run = 0
    for character in match[0]:
        run = run + 1 if _is_mark(character) else 0
        if run <= MARKS_LIMIT:
            kept.append(character)
        elif run == MARKS_LIMIT + 1:
            kept.append(REPLACEMENT)
    return "".join(kept)


# ----------------------------------------------------------------------------------------- sizes, JSON


def bound(text: str, limit_bytes: int) -> str:
    """Return `text` cut to at most `limit_bytes` of UTF-8, never inside a character, ending in `…` if cut."""
    if len(text) * 4 <= limit_bytes:
        return text
    encoded = text.encode("utf-8", "replace")
    if len(encoded) <= limit_bytes:
        return text
    kept = encoded[: max(limit_bytes - len(ELLIPSIS.encode()), 0)].decode("utf-8", "ignore")
    return kept + ELLIPSIS if limit_bytes >= len(ELLIPSIS.encode()) else kept


_NOT_PLAIN_ASCII: Final = lazily(r"[^\x20-\x7e\n]")


def ascii_json(encoded: str | bytes) -> str:
    """Return JSON text in printable ASCII, all else as `u` escapes; the same value when read.

    `json.dumps` leaves DEL alone, and msgspec writes UTF-8; a terminal showing either can be made to obey it.
    """
    text = encoded.decode("utf-8", "replace") if isinstance(encoded, bytes) else encoded
    return _NOT_PLAIN_ASCII.sub(_escape_json, text)


def _escape_json(match: re.Match[str]) -> str:
    units = match[0].encode("utf-16-be", "surrogatepass")
    return "".join(f"\\u{units[i]:02x}{units[i + 1]:02x}" for i in range(0, len(units), 2))


# --------------------------------------------------------------------------------------------- secrets

_SECRET_NAME: Final = lazily(
    r"(?:^|_)(?:API_?KEY|KEY|TOKEN|SECRET|PASSWORD|PASSWD|PASSPHRASE|CREDENTIALS?|JWT)(?:_|$)"
)
_LOCATION_NAME: Final = lazily(r"_(?:FILE|PATH|DIR|SOCK|URL|ID)$")
SECRET_MIN: Final = 6
"""Characters below which a known value is not searched for: shorter ones occur in ordinary text."""
_BASE64_MIN: Final = 8

_URL_PARAMETER: Final = r"(?<![A-Za-z0-9])(?:jwt|access_token|id_token|auth_token|api_key|apikey)="
_PATTERNS: Final = "|".join(
    (
        r"-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY-----.*?(?:-----END [A-Z0-9 ]{0,40}PRIVATE KEY-----|\Z)",
        r"(?<![A-Za-z0-9])sk-(?:ant-[A-Za-z0-9_-]{16,}|[A-Za-z0-9_-]{32,})",
        r"(?<![A-Za-z0-9_-])eyJ[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]{10,}(?:\.[A-Za-z0-9_-]*)*",
        r"(?<![A-Z0-9])A(?:KIA|SIA)[A-Z0-9]{16}(?![A-Z0-9])",
        r"gh[pousr]_[A-Za-z0-9]{30,}|github_pat_[A-Za-z0-9_]{22,}",
        r"xox[abeoprs]-[A-Za-z0-9-]{10,}|AIza[A-Za-z0-9_-]{35}",
        rf"(?P<keep>{_URL_PARAMETER}|\b[Bb]earer )[A-Za-z0-9._~+/%-]{{8,}}=*",
    )
)


_KEY_SHAPED: Final = lazily(_PATTERNS, re.DOTALL)
_OPENERS: Final = (
    "sk-",
    "eyJ",
    "AKIA",
    "ASIA",
    "ghp_",
    "gho_",
    "ghu_",
    "ghs_",
    "ghr_",
    "github_pat_",
    "xox",
    "AIza",
)
_OPENERS_KEPT: Final = (
    "jwt=",
    "access_token=",
    "id_token=",
    "auth_token=",
    "api_key=",
    "apikey=",
    "Bearer ",
    "bearer ",
)
_PEM_OPENER: Final = "-----BEGIN "
_TOKEN_CHARACTERS: Final = string.ascii_letters + string.digits + "._~+/%=-"
_OPENER: Final = lazily("|".join(map(re.escape, _OPENERS + _OPENERS_KEPT)))
_PEM_END: Final = lazily(r"-----END [A-Z0-9 ]{0,40}PRIVATE KEY-----")
_PEM_HEAD: Final = lazily(r"-----BEGIN [A-Z0-9 ]{0,40}(?:PRIVATE KEY-----|-{0,4}\Z)")
_HELD_LIMIT: Final = 16_384
"""Characters a stream may hold back for an unfinished token; a longer one is masked and swallowed whole."""


def secrets_from_environment(environ: Mapping[str, str] | None = None) -> tuple[str, ...]:
    """Return the values of variables named like secrets (…_API_KEY, …_TOKEN, …PASSWORD…), longest first."""
    environ = os.environ if environ is None else environ
    found = {
        value
        for name, value in environ.items()
        if len(value) >= SECRET_MIN
        and _SECRET_NAME.search(name.upper())
        and not _LOCATION_NAME.search(name.upper())
    }
    return tuple(sorted(found, key=lambda value: (-len(value), value)))


def redact(text: str, secrets: Iterable[str] = ()) -> str:
    """Return `text` with `secrets`, in any of their written forms, and anything shaped like a key masked.

    For many texts and the same secrets keep a `Redactor`: it compiles the forms once.
    """
    return Redactor(secrets).redact(text)


class Redactor:
    """Takes known secrets and key-shaped text out of a text (`redact`) or a stream (`feed`, `flush`).

    Known values are found raw, URL-encoded, JSON-escaped and inside base64 at any offset. A stream is held
    back only where its end may be the beginning of a secret, so that a key split over two chunks is found and
    ordinary text is not delayed. One `Redactor` per stream; `redact` keeps nothing.
    """

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        forms = {form for secret in secrets if len(secret) >= SECRET_MIN for form in _written_forms(secret)}
        ordered = sorted(forms, key=lambda form: (-len(form), form))
        self._known = re.compile("|".join(map(re.escape, ordered))) if ordered else None
        starts = (*ordered, *_OPENERS, *_OPENERS_KEPT, _PEM_OPENER)
        self._prefixes = frozenset(start[:n] for start in starts for n in range(1, len(start)))
        self._longest = max(map(len, starts))
        self._held = ""
        self._is_swallowing = False

    def redact(self, text: str) -> str:
        """Return `text`, complete in itself, with every secret masked."""
        if self._known is not None:
            text = self._known.sub(MASK, text)
        return _KEY_SHAPED.sub(_mask, text)

    def feed(self, chunk: str) -> str:
        """Take the next piece of the stream; return what is safe to pass on now (may be empty)."""
        text = self._held + self._skip_swallowed(chunk)
        cut = self._cut(text)
        if len(text) - cut > max(_HELD_LIMIT, self._longest):
            self._held, self._is_swallowing = "", True
            return self.redact(text[:cut]) + MASK
        self._held = text[cut:]
        return self.redact(text[:cut])

    def flush(self) -> str:
        """End the stream; return what was held back, masked where it is a secret."""
        held, self._held, self._is_swallowing = self._held, "", False
        return self.redact(held)

    def _skip_swallowed(self, chunk: str) -> str:
        if not self._is_swallowing:
            return chunk
        rest = chunk.lstrip(_TOKEN_CHARACTERS)
        self._is_swallowing = not rest
        return rest

    def _cut(self, text: str) -> int:
        """Return the index before which no secret of `text` can end after it."""
        cut = len(text)
        for length in range(min(len(text), self._longest - 1), 0, -1):
            if text[-length:] in self._prefixes:
                cut = len(text) - length
                break
        cut = min(cut, _open_at(text))
        for match in self._matches(text):
            if match.start() < cut < match.end():
                cut = match.start()
        return cut

    def _matches(self, text: str) -> Iterator[re.Match[str]]:
        if self._known is not None:
            yield from self._known.finditer(text)
        yield from _KEY_SHAPED.finditer(text)


def _open_at(text: str) -> int:
    """Return where a token or a private key begins that the end of `text` leaves open; its length if none.

    Linear, unlike one regular expression for the same: the text may be chosen to make it slow.
    """
    tail = len(text.rstrip(_TOKEN_CHARACTERS))
    if text[:tail].endswith(("Bearer ", "bearer ")):
        tail -= len("Bearer ")
    token = _OPENER.search(text, tail)
    closed = max((end.end() for end in _PEM_END.finditer(text)), default=0)
    key = _PEM_HEAD.search(text, closed)
    return min(found.start() if found else len(text) for found in (token, key))


def _mask(match: re.Match[str]) -> str:
    return (match["keep"] or "") + MASK


def _written_forms(secret: str) -> Iterator[str]:
    """Yield the ways `secret` may be written where text is logged or sent."""
    yield secret
    for quoted in (quote(secret, safe=""), quote_plus(secret), quote(secret)):
        yield quoted
        yield re.sub(r"%[0-9A-F]{2}", lambda escape: escape[0].lower(), quoted)
    import json  # not for every start

    yield json.dumps(secret)[1:-1]
    yield json.dumps(secret, ensure_ascii=False)[1:-1]
    raw = secret.encode("utf-8", "surrogatepass")
    for offset in range(3):
        # Only the characters that depend on the secret alone: neighbours share the first and the last ones.
        encoded = base64.b64encode(b"\0" * offset + raw).decode("ascii").rstrip("=")
        tail = -1 if (offset + len(raw)) % 3 else None
        core = encoded[(0, 2, 3)[offset] : tail]
        if len(core) >= _BASE64_MIN:
            yield core
            yield core.replace("+", "-").replace("/", "_")
