"""Text on its way into the browser: typed in pieces, or pasted where typing is not to be trusted.

Kernel types like a person, about ten characters a second, so that long text would run into a time limit: it
goes in chunks. Its xdotool silently drops characters that the keyboard's layout lacks (kernel-api §4.4), so
that a line with such a character is put on the clipboard and pasted whole. The local server makes the keys it
lacks and types every character exactly, with the key events that pages listen for: there nothing is pasted.
"""

from __future__ import annotations

import asyncio
import contextlib
import re
from typing import TYPE_CHECKING

from pilothouse.browser.faults import ActionRefused, ActionUnknown, acting, asking
from pilothouse.browser.inputs import MemberRefused

if TYPE_CHECKING:
    from collections.abc import Iterator

    from kernel import AsyncKernel

CHUNK_CHARS = 80
CALL_S = 20.0
CHAR_S = 0.4
"""The time limit of a chunk grows by this for each character: 52 s for a whole one."""
PASTE_SETTLE_S = 0.2
"""The page fetches what is pasted after the keys: until then the clipboard must not change."""
_LINES = re.compile(r"[\n\t]+|[^\n\t]+")


class Typist:
    """Types text into one browser.

    Args:
        client: The Kernel client.
        browser: The browser's id.
        paste: Paste the lines that hold more than ASCII.
    """

    def __init__(self, client: AsyncKernel, browser: str, *, paste: bool) -> None:
        self._computer = client.browsers.computer
        self._browser = browser
        self._paste = paste

    def move_to(self, browser: str) -> None:
        """Type into another browser from now on."""
        self._browser = browser

    async def type(self, text: str) -> None:
        """Type a text, once.

        Raises:
            MemberRefused: It holds what no key types; nothing was typed.
            ActionRefused: The browser's server said no; the sentence says how much had been typed.
            ActionUnknown: Some of it may have been typed.
            BrowserLost: There is no such browser.
        """
        text, done = _typeable(text), 0
        former = await self._copied() if self._paste and not text.isascii() else ""
        for piece in _pieces(text, self._paste):
            try:
                await (self._put(piece) if piece.isascii() or not self._paste else self._pasted(piece))
            except ActionRefused as error:
                if done:
                    raise ActionRefused(f"{error} ({done} characters had been typed)") from error
                raise
            done += len(piece)
        if former:
            await self._copy_back(former)

    async def _put(self, chunk: str) -> None:
        timeout = CALL_S + CHAR_S * len(chunk)
        await acting(self._computer.type_text(self._browser, text=chunk, timeout=timeout))

    async def _pasted(self, line: str) -> None:
        """Paste a line; a server without a clipboard types it as well as it can."""
        try:
            await acting(self._computer.write_clipboard(self._browser, text=line, timeout=CALL_S))
        except ActionRefused:
            await self._put(line)
            return
        await acting(self._computer.press_key(self._browser, keys=["ctrl+v"], timeout=CALL_S))
        await asyncio.sleep(PASTE_SETTLE_S)

    async def _copied(self) -> str:
        """Read the clipboard, so that what was copied before can be pasted later; empty if there is none."""
        try:
            return (await asking(lambda: self._computer.read_clipboard(self._browser), 1)).text
        except (ActionRefused, ActionUnknown):
            return ""

    async def _copy_back(self, former: str) -> None:
        with contextlib.suppress(ActionRefused, ActionUnknown):  # the text itself has been typed
            await acting(self._computer.write_clipboard(self._browser, text=former, timeout=CALL_S))


def _pieces(text: str, paste: bool) -> Iterator[str]:
    """Cut a text: what is pasted by lines, since Return and Tab stay keys; what is typed by length."""
    lines = _LINES.findall(text) if paste and not text.isascii() else [text]
    for line in lines:
        if paste and not line.isascii():
            yield line
        else:
            yield from (line[at : at + CHUNK_CHARS] for at in range(0, len(line), CHUNK_CHARS))


def _typeable(text: str) -> str:
    """Normalise line ends, and refuse what no key types before anything is typed."""
    if not text:
        raise MemberRefused("text must not be empty.")
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    for character in text:
        point = ord(character)
        if (point < 0x20 and character not in "\n\t") or 0x7F <= point < 0xA0 or 0xD800 <= point <= 0xDFFF:
            raise MemberRefused(
                f"text holds a character that no key types: {character!r}. Nothing was typed."
            )
    return text
