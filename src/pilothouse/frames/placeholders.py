"""Kitty's Unicode placeholders: cells that show a part of a picture the terminal was sent before.

The order of the marks is the protocol's (https://sw.kovidgoyal.net/kitty/graphics-protocol/, Unicode
placeholders): the n-th stands for row or column n of a picture.
"""

from __future__ import annotations

from typing import Final, NamedTuple

PLACEHOLDER: Final = "\U0010eeee"
_CODES: Final = """
305 30d 30e 310 312 33d 33e 33f 346 34a 34b 34c 350 351 352 357 35b 363 364 365 366 367 368 369 36a
36b 36c 36d 36e 36f 483 484 485 486 487 592 593 594 595 597 598 599 59c 59d 59e 59f 5a0 5a1 5a8 5a9
5ab 5ac 5af 5c4 610 611 612 613 614 615 616 617 657 658 659 65a 65b 65d 65e 6d6 6d7 6d8 6d9 6da 6db
6dc 6df 6e0 6e1 6e2 6e4 6e7 6e8 6eb 6ec 730 732 733 735 736 73a 73d 73f 740 741 743 745 747 749 74a
7eb 7ec 7ed 7ee 7ef 7f0 7f1 7f3 816 817 818 819 81b 81c 81d 81e 81f 820 821 822 823 825 826 827 829
82a 82b 82c 82d 951 953 954 f82 f83 f86 f87 135d 135e 135f 17dd 193a 1a17 1a75 1a76 1a77 1a78 1a79
1a7a 1a7b 1a7c 1b6b 1b6d 1b6e 1b6f 1b70 1b71 1b72 1b73 1cd0 1cd1 1cd2 1cda 1cdb 1ce0 1dc0 1dc1 1dc3
1dc4 1dc5 1dc6 1dc7 1dc8 1dc9 1dcb 1dcc 1dd1 1dd2 1dd3 1dd4 1dd5 1dd6 1dd7 1dd8 1dd9 1dda 1ddb 1ddc
1ddd 1dde 1ddf 1de0 1de1 1de2 1de3 1de4 1de5 1de6 1dfe 20d0 20d1 20d4 20d5 20d6 20d7 20db 20dc 20e1
20e7 20e9 20f0 2cef 2cf0 2cf1 2de0 2de1 2de2 2de3 2de4 2de5 2de6 2de7 2de8 2de9 2dea 2deb 2dec 2ded
2dee 2def 2df0 2df1 2df2 2df3 2df4 2df5 2df6 2df7 2df8 2df9 2dfa 2dfb 2dfc 2dfd 2dfe 2dff a66f a67c
a67d a6f0 a6f1 a8e0 a8e1 a8e2 a8e3 a8e4 a8e5 a8e6 a8e7 a8e8 a8e9 a8ea a8eb a8ec a8ed a8ee a8ef a8f0
a8f1 aab0 aab2 aab3 aab7 aab8 aabe aabf aac1 fe20 fe21 fe22 fe23 fe24 fe25 fe26 10a0f 10a38 1d185
1d186 1d187 1d188 1d189 1d1aa 1d1ab 1d1ac 1d1ad 1d242 1d243 1d244
"""
MARKS: Final = tuple(chr(int(code, 16)) for code in _CODES.split())
MOST_CELLS: Final = len(MARKS)
"""A picture has at most so many columns, and rows."""
EVERY: Final = 8
"""A cell without marks shows what follows its left neighbour's; so often one says itself where it is, in case
something else comes to lie on its neighbours."""
EDGE: Final = 4


class Part(NamedTuple):
    """What one cell shows."""

    picture: int
    row: int
    column: int


def written(parts: list[Part], *, at: int = 0, width: int = 0) -> list[str]:
    """Write cells side by side that show one row of one picture.

    A cell with marks is a text of its own: cut anywhere else, a text would lose its marks to its neighbour.

    Args:
        parts: The cells, ascending columns.
        at: The column of the pane where they begin.
        width: Columns of the pane; those at its right edge, where notices lie, are all marked.
    """
    texts: list[str] = []
    for n, part in enumerate(parts):
        if n == 0 or (at + n) % EVERY == 0 or at + n >= width - EDGE:
            texts.append(PLACEHOLDER + MARKS[part.row] + MARKS[part.column])
        elif texts[-1].endswith(PLACEHOLDER):
            texts[-1] += PLACEHOLDER
        else:
            texts.append(PLACEHOLDER)
    return texts
