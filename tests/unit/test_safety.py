"""The cleaner and the redactor."""

from __future__ import annotations

import base64
import json
import subprocess
import sys
import time
import unicodedata
from urllib.parse import quote

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pilothouse import safety
from pilothouse.safety import MASK, Redactor, ascii_json, bound, clean, clean_line, is_clean, redact

FAMILY = "\U0001f468\u200d\U0001f469\u200d\U0001f467\u200d\U0001f466"
KEY = "sk-ant-api03-" + "Ab1_" * 23 + "xAA"
ODD_SECRET = 'p@ss "w\\ord"/é+1'

# In the manner of the Big List of Naughty Strings: what has broken terminals, layouts and parsers.
HOSTILE = st.one_of(
    st.text(),
    st.text(st.characters(exclude_categories=[])),
    st.text(
        st.sampled_from(
            "\x00\x07\x08\n\t\r\x1b\x7f\x80\x9b\x9d\u00ad\u0301\u0300\u034f\u061c\u1161\u200b\u200d\u200e\u202e\u2028"
            "\u2066\ufe0f\ufeff\U0001f468\U0001f3fd\U000e0041\U000e0101\U0010eeee\ud800\udfff a漢é"
        ),
        max_size=40,
    ),
)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain text\twith tab\nand line", "plain text\twith tab\nand line"),
        ("\x1b]52;c;cHduZWQ=\x07", "␛]52;c;cHduZWQ=␇"),
        ("a\x00b\x7fc", "a␀b␡c"),
        ("dos\r\nlines\ralone", "dos\nlines␍alone"),
        ("\x9b2J\x9d0;t\x9c", "\ufffd2J\ufffd0;t\ufffd"),
        ("gpj.\u202egnp", "gpj.\ufffdgnp"),
        ("\u2066x\u2069\u061c\u200e", "\ufffdx\ufffd\ufffd\ufffd"),
        ("zero\u200bwidth\ufeff\u00ad", "zero\ufffdwidth\ufffd\ufffd"),
        ("\U000e0041\U000e0101", "\ufffd\ufffd"),
        ("\ud800", "\ufffd"),
        ("\U0010eeee\u0305", "\ufffd\u0305"),
        ("line\u2028para\u2029", "line\ufffdpara\ufffd"),
        (FAMILY, FAMILY),
        ("a\u200db", "a\ufffdb"),
        ("❤\ufe0f\u200d\U0001f525", "❤\ufe0f\u200d\U0001f525"),
        ("e" + "\u0301" * 3, "e" + "\u0301" * 3),
        ("e" + "\u0301" * 50 + "x", "e" + "\u0301" * 3 + "\ufffdx"),
        ("漢字 é ñ العربية हिन्दी ไทย", "漢字 é ñ العربية हिन्दी ไทย"),
    ],
)
def test_clean_shows_what_a_terminal_would_obey(text: str, shown: str) -> None:
    assert clean(text) == shown


@given(HOSTILE)
@settings(max_examples=500, deadline=None)
def test_clean_is_idempotent_and_leaves_nothing_unsafe(text: str) -> None:
    cleaned = clean(text, limit=None)
    assert clean(cleaned, limit=None) == cleaned
    assert is_clean(cleaned)
    for character in cleaned:
        assert unicodedata.category(character) not in ("Cc", "Cs", "Zl", "Zp") or character in "\n\t"
        assert character not in "\u00ad\u061c\u200e\u200f\u202e\ufeff\U0010eeee"
        # RLO, LRE, PDF, FSI and their kin; no other class ends in these letters.
        assert unicodedata.bidirectional(character)[-1:] not in ("O", "E", "F", "I")
    cleaned.encode("utf-8")


@given(HOSTILE, st.integers(0, 30))
@settings(max_examples=300, deadline=None)
def test_a_line_is_one_line_within_its_limit_and_idempotent(text: str, limit: int) -> None:
    line = clean_line(text, limit)
    assert len(line) <= limit
    assert "\n" not in line and "\t" not in line
    assert clean_line(line, limit) == line


def test_a_cut_text_says_so() -> None:
    assert clean("x" * 100, limit=10) == "x" * 9 + "…"
    assert clean_line("one\ntwo\tthree") == "one␊two three"


def test_a_chain_of_joined_emoji_is_broken_after_a_family() -> None:
    chain = "\u200d".join(["\U0001f468"] * 20)
    assert max(part.count("\u200d") for part in clean(chain).split("\ufffd")) == 3


def test_ordinary_text_of_any_script_is_untouched() -> None:
    for text in ("naïve café", "Ζεύς", "שלום", "한국어 각", "Tiếng Việt", "🇩🇪 👍🏽 1️⃣", "x² ≤ √2 — “quoted”"):
        assert is_clean(text), text


def test_the_mark_search_covers_every_mark_of_unicode() -> None:
    for code in range(0x300, sys.maxunicode + 1):
        character = chr(code)
        if unicodedata.category(character) in ("Mn", "Me") and not (0xE0000 <= code <= 0xE0FFF):
            shown = clean(character * 5)
            assert shown.count(character) <= safety.MARKS_LIMIT, hex(code)


def test_every_format_character_is_replaced() -> None:
    # Cf is the list of the invisible; the exceptions are visible signs of Arabic, Kaithi and Egyptian.
    visible = {
        *range(0x600, 0x606),
        0x6DD,
        0x70F,
        0x890,
        0x891,
        0x8E2,
        0x110BD,
        0x110CD,
        *range(0x13430, 0x13460),
    }
    for code in range(0x80, sys.maxunicode + 1):
        if unicodedata.category(chr(code)) == "Cf" and code not in visible:
            assert not is_clean("a" + chr(code) + "b"), hex(code)


@given(HOSTILE, st.integers(0, 40))
@settings(max_examples=200, deadline=None)
def test_bound_keeps_to_its_bytes(text: str, limit: int) -> None:
    kept = bound(text, limit)
    assert len(kept.encode("utf-8", "replace")) <= limit


def test_bound_never_cuts_inside_a_character() -> None:
    assert bound("漢字漢字", 9) == "漢字…"
    assert bound("漢字", 6) == "漢字"


@given(st.recursive(st.text() | st.integers(), lambda values: st.dictionaries(st.text(), values, max_size=3)))
@settings(max_examples=200, deadline=None)
def test_ascii_json_reads_back_the_same(value: object) -> None:
    for encoded in (json.dumps(value, ensure_ascii=False), json.dumps(value, ensure_ascii=False).encode()):
        text = ascii_json(encoded)
        assert text.isascii() and text.isprintable()
        assert json.loads(text) == value


# ------------------------------------------------------------------------------------------------ secrets


def forms(secret: str) -> list[str]:
    raw = secret.encode()
    return [
        secret,
        quote(secret, safe=""),
        json.dumps(secret)[1:-1],
        *(base64.b64encode(b"x" * offset + raw + b"yz").decode() for offset in range(3)),
        *(base64.urlsafe_b64encode(b"x" * offset + raw).decode() for offset in range(3)),
    ]


def core(form: str) -> str:
    """Return the middle of a form, by which it would be recognised if it leaked."""
    return form[4:-6]


@pytest.mark.parametrize("secret", [KEY, ODD_SECRET, "kernel-live-token-1234567890"])
def test_a_known_secret_is_found_in_every_form(secret: str) -> None:
    for form in forms(secret):
        assert core(form) not in redact(f"before {form} after", [secret]), form


@pytest.mark.parametrize("secret", [KEY, ODD_SECRET])
def test_a_known_secret_split_anywhere_in_a_stream_is_found(secret: str) -> None:
    for form in forms(secret):
        text = f"hello {form} bye"
        for split in range(1, len(text)):
            redactor = Redactor([secret])
            out = redactor.feed(text[:split]) + redactor.feed(text[split:]) + redactor.flush()
            assert core(form) not in out, (form, split)
            assert out.startswith("hello ") and out.endswith("bye")


PATTERNS = [
    KEY,
    "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.dozjgNryP4J3jVmNHl0w5N_XgL0n3I9P",
    "AKIAIOSFODNN7EXAMPLE",
    "ghp_" + "a1B2" * 9,
    "github_pat_" + "a1B2c3D4e5F6" * 4,
    "-----BEGIN RSA PRIVATE KEY-----\nMIIEowIBAAKCAQEA\nabcdef==\n-----END RSA PRIVATE KEY-----",
]


@pytest.mark.parametrize("token", PATTERNS, ids=[token[:12] for token in PATTERNS])
def test_a_key_nobody_named_is_found_whole_and_split(token: str) -> None:
    text = f"see {token} there"
    assert redact(text) == f"see {MASK} there"
    for split in range(1, len(text)):
        redactor = Redactor()
        assert (
            redactor.feed(text[:split]) + redactor.feed(text[split:]) + redactor.flush()
            == f"see {MASK} there"
        )
    redactor = Redactor()
    assert "".join(map(redactor.feed, text)) + redactor.flush() == f"see {MASK} there"


def test_a_token_in_an_address_goes_and_the_rest_stays() -> None:
    assert redact("https://vm/computer?jwt=abc.def.ghi-123&x=1") == f"https://vm/computer?jwt={MASK}&x=1"
    assert redact("Authorization: Bearer abcdef0123456789") == f"Authorization: Bearer {MASK}"


def test_ordinary_text_is_neither_masked_nor_delayed() -> None:
    text = "The task-management-of-many-things page lists skirts, ghosts and eyJa, at https://shop/?key=1. "
    redactor = Redactor([KEY])
    assert redactor.feed(text) == text
    assert redactor.flush() == ""


def test_a_token_without_end_is_masked_and_swallowed() -> None:
    redactor = Redactor()
    out = (
        "".join(redactor.feed("eyJ" + "a" * 5_000) for _ in range(5))
        + redactor.feed("aaa done.")
        + redactor.flush()
    )
    assert out == f"{MASK} done."


@given(st.text(max_size=60), st.text(max_size=60), st.lists(st.integers(1, 9), max_size=40))
@settings(max_examples=200, deadline=None)
def test_a_stream_in_any_pieces_never_shows_the_secret(before: str, after: str, sizes: list[int]) -> None:
    redactor, text, out = Redactor([KEY]), before + KEY + after, ""
    for size in sizes:
        out, text = out + redactor.feed(text[:size]), text[size:]
    out += redactor.feed(text) + redactor.flush()
    assert KEY[5:-5] not in out


@pytest.mark.parametrize(
    "piece",
    [
        "eyJ",
        "sk-",
        "Bearer ",
        "jwt=",
        "-----BEGIN ",
        "-----BEGIN RSA PRIVATE KEY-----",
        "ghp_",
        "github_pat_",
    ],
)
def test_text_chosen_to_be_slow_is_not(piece: str) -> None:
    text = piece * (65_536 // len(piece)) + " -----END RSA PRIVATE KEY----- done"
    started = time.process_time()
    redactor = Redactor([KEY])
    redactor.feed(text)
    redactor.flush()
    assert time.process_time() - started < 1.0


def test_secrets_are_read_from_variables_named_like_secrets() -> None:
    environ = {
        "ANTHROPIC_API_KEY": "value-one-1",
        "KERNEL_API_KEY": "value-two",
        "DB_PASSWORD": "hunter2hunter2",
        "MONKEY": "banana-banana",
        "SSH_AUTH_SOCK": "/run/agent",
        "TOKEN_FILE": "/run/token",
        "SHORT_TOKEN": "abc",
    }
    assert safety.secrets_from_environment(environ) == ("hunter2hunter2", "value-one-1", "value-two")


def test_safety_imports_neither_textual_nor_rich() -> None:
    code = "import sys, pilothouse.safety; print([m for m in ('textual', 'rich', 'PIL') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
