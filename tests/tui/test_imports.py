"""What running the bridge may import, and what its import may not do to the terminal."""

from __future__ import annotations

import subprocess
import sys
import textwrap
from pathlib import Path

ROOT = Path(__file__).parents[2]


def python(code: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code)], cwd=ROOT, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_a_running_bridge_imports_neither_sdk() -> None:
    out = python(
        """
        import asyncio, sys
        from tests.tui.harness import bridge
        async def main():
            async with bridge() as seen:
                await seen.press("space", ".", "i", "escape", "question_mark")
        asyncio.run(main())
        print([name for name in ("anthropic", "kernel", "httpx", "aiohttp", "numpy") if name in sys.modules])
        """
    )
    assert out.strip() == "[]"


def test_the_way_in_imports_no_textual_before_the_terminal_was_asked() -> None:
    out = python("import sys, pilothouse.tui.launch; print('textual' in sys.modules, 'PIL' in sys.modules)")
    assert out.strip() == "False False"


def test_painting_pictures_asks_the_terminal_nothing() -> None:
    out = python(
        """
        import os, pty, select, sys
        primary, secondary = pty.openpty()
        real = sys.__stdout__
        sys.__stdout__ = os.fdopen(secondary, "w")
        from pilothouse.frames.geometry import Extent
        from pilothouse.tui.graphics import Graphics, painter_for
        from PIL import Image
        image = Image.new("RGB", (90, 54), "#336699")
        pieces = [len(painter_for(way, Extent(9, 18)).paint(image, Extent(10, 3)).pieces)
                  for way in (Graphics.KITTY, Graphics.SIXEL)]
        asked = bool(select.select([primary], [], [], 0.2)[0])
        print(pieces, asked, file=real)
        """
    )
    assert out.strip() == "[1, 1] False"
