"""How rows, search, filter and inspector look: pictures of their own, taken as in `test_snapshots`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.tui.fake_runs import Script, shop_script
from tests.tui.test_snapshots import Scene, troubled
from tests.unit.test_inspection import troubled_step

if TYPE_CHECKING:
    from collections.abc import Callable

    SnapCompare = Callable[..., bool]

ANSWER = """# What I found

The **red kettle** costs `€34.90`:

- it holds 1.7 litres
- it is in stock, says [its page](http://shop.example/kettle)

> Delivery within two days.

| colour | price |
|---|---|
| red | €34.90 |
| blue | €31.00 |
"""


def answered() -> Script:
    script = shop_script(ended=False, actions=2)
    script.start_turn()
    script.text(*ANSWER.splitlines(keepends=True))
    script.end_turn("end_turn")
    script.end()
    return script


def keys(text: str) -> tuple[str, ...]:
    return tuple(text)


SCENES = {
    "empty": Scene("f", "enter", script=Script),
    "busy-looking-back": Scene("1", "home", "down", "down", size=(120, 30)),
    "error": Scene("2", "up", "up", "o", size=(120, 40)),
    "history": Scene("2", "up", "o", script=troubled_step, size=(120, 36), graphics="off"),
    "search": Scene("slash", *keys("kettle"), "enter", "n", script=shop_script, replay=True),
    "search-asked": Scene("slash", *keys("red k"), size=(100, 30)),
    "filtered": Scene("f", *keys("failed"), "enter", script=shop_script, replay=True),
    "filter-completes": Scene("f", *keys("action member:le"), size=(100, 30)),
    "brief": Scene("w", "w", script=troubled),
    "markdown": Scene("end", "up", "up", "o", script=answered, size=(120, 44)),
    "inspector": Scene("2", "up", "enter", script=troubled_step, size=(140, 50), graphics="off"),
    "inspector-changed": Scene(".", ".", "enter", "d", "d", script=shop_script, replay=True),
    "inspector-narrow": Scene(".", "enter", script=shop_script, replay=True, size=(60, 24)),
    "inspector-wide": Scene("2", "up", "up", "up", "enter", size=(200, 60)),
}


@pytest.mark.parametrize("name", SCENES)
def test_looks_as_reviewed(name: str, snap_compare: SnapCompare) -> None:
    assert SCENES[name].compare(snap_compare)
