"""The guards in a real pty: nothing hostile leaves, and no reply becomes a key."""

from __future__ import annotations

import re
import sys

import pytest

from pilothouse.safety import UNSAFE_IN_SEGMENT
from tests.terminal.fake_terminal import FakeTerminal
from tests.terminal.hostile import PAYLOADS
from tests.unit.terminal.test_ingress import REPLIES

pytestmark = pytest.mark.terminal

GALLERY = [sys.executable, "-m", "tests.terminal.hostile"]
F9, F10 = b"\x1b[20~", b"\x1b[21~"

KINDS = (
    b"static", b"content", b"rich", b"label", b"option", b"input", b"placeholder", b"textarea", b"column",
    b"cell", b"border", b"markdown", b"row", b"tree", b"log", b"richlog", b"button", b"title", b"footer",
    b"toast", b"toast title",
)  # fmt: skip

# All that Textual and we may send: colours, cursor moves, modes, keyboard protocol, pointer shape, title,
# links, our own clipboard writes, blanks erased, the question that acknowledges a frame.
OURS = re.compile(
    r"\x1b7\x1b\[\d+;\d+H\x1b\[6n\x1b8|\x1b\[\d+[XC]"
    r"|\x1b\[[\d;]*m|\x1b\[\d+;\d+H|\x1b\[\?\d+[hl]|\x1b\[[<>]\d*u|\x1b\[\?20(?:26|48)\$p"
    r"|\x1b\]22;[a-z-]+\x07|\x1b\]2;BEGIN [^\x00-\x1f\x7f-\x9f]*\x1b\\"
    r"|\x1b\]8;(?:id=[\w.-]+)?;(?:http://x/[\x21-\x7e]*)?\x1b\\"
    r"|\x1b\]52;c;(?!cHduZWQ=)[A-Za-z0-9+/=]+\x07|[\r\n\x07]"
)


def leaks(sent: bytes) -> list[str]:
    """Return what was sent that is neither ours nor plain text, each with what surrounds it."""
    plain = OURS.sub("", sent.decode("utf-8", "surrogateescape"))
    return [ascii(plain[max(0, m.start() - 40) : m.end() + 20]) for m in UNSAFE_IN_SEGMENT.finditer(plain)]


def test_no_payload_leaves_through_any_kind_of_widget() -> None:
    with FakeTerminal(GALLERY, size=(160, 90)) as terminal:
        terminal.wait_for_text("READY")
        for name in PAYLOADS:
            start = len(terminal.sent)
            terminal.type(F9)
            done = re.compile(rb"SHOWN:%b:.*\x1b\[6n\x1b8\Z" % name.encode(), re.DOTALL)
            terminal.wait_for(lambda sent, done=done: done.search(sent) is not None)  # type: ignore[misc]
            shown = terminal.sent[start:]
            assert leaks(shown) == [], name
            assert b"\x1b]52;c;cHduZWQ" not in shown
            visible = re.sub(rb"\x1b\[[\d;]*m", b"", shown)
            assert [kind for kind in KINDS if kind + b" BEGIN" not in visible] == [], name
        # The pointer rests over a widget until its tooltip shows.
        terminal.type(b"\x1b[<35;3;3M")
        terminal.wait_for_text("TIP")
        terminal.type(F10)
        assert terminal.wait_for_exit() == 0
        assert leaks(terminal.sent) == []
        assert b"KEY:" not in terminal.sent


def test_replies_of_every_class_fire_no_key_and_real_keys_still_do() -> None:
    with FakeTerminal(GALLERY) as terminal:
        terminal.wait_for_text("READY")
        for reply in REPLIES.values():
            terminal.type(reply.encode("utf-8", "surrogateescape"))
        terminal.type(b"z")
        terminal.wait_for_text("KEY:z:")
        for key, name in ((b"\x1b[A", "up"), (b"\x1bx", "alt+x"), (b"\x1b", "escape"), (b"\x19", "ctrl+y")):
            terminal.type(key)
            terminal.wait_for_text(f"KEY:{name}:")
        assert set(re.findall(rb"KEY:[^:]+:", terminal.sent)) == {
            b"KEY:z:", b"KEY:up:", b"KEY:alt+x:", b"KEY:escape:", b"KEY:ctrl+y:"
        }  # fmt: skip


def test_the_check_itself_sees_a_leak() -> None:
    for payload in PAYLOADS.values():
        assert leaks(f"\x1b[1;1H\x1b[38;2;1;2;3mBEGIN {payload} END".encode()), ascii(payload)
