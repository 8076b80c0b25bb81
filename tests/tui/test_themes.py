"""Theme files: readable, contrasted, and softly refused."""

from __future__ import annotations

import re
from itertools import product
from pathlib import Path

import pytest
from textual.color import Color

from pilothouse.errors import SettingError
from pilothouse.paths import bundled
from pilothouse.tui import themes
from tests.tui.fake_runs import shop_script
from tests.tui.harness import bridge

OURS = sorted(bundled("themes").glob("*.toml"))
STYLES = Path(themes.__file__).parent / "screens" / "run.tcss"
GROUNDS = ("background", "surface", "panel")


def luminance(color: Color) -> float:
    parts = [c / 12.92 if c <= 0.03928 else ((c + 0.055) / 1.055) ** 2.4 for c in color.normalized]
    return 0.2126 * parts[0] + 0.7152 * parts[1] + 0.0722 * parts[2]


def contrast(one: Color, other: Color) -> float:
    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("path", OURS, ids=lambda path: path.stem)
def test_every_text_colour_is_readable_on_every_ground(path: Path) -> None:
    colours = themes.load(path).to_color_system().generate()
    used = set(re.findall(r"[^-]color: \$([\w-]+);", STYLES.read_text()))
    used |= {"foreground", "accent", "error", "text-muted", "text-disabled", "text-primary", "text-success"}
    used |= {"text-warning", "text-error", "text-accent"}
    poor = [
        (text, ground, round(contrast(Color.parse(colours[text]), Color.parse(colours[ground])), 2))
        for text, ground in product(sorted(used), GROUNDS)
        if contrast(Color.parse(colours[text]), Color.parse(colours[ground])) < 4.5
    ]
    assert poor == []


def test_both_themes_are_there_and_the_default_is_one_of_them() -> None:
    found, problems = themes.load_all()
    assert problems == []
    assert {theme.name for theme in found} == {"pilothouse-dark", "pilothouse-light"}
    assert themes.DEFAULT in {theme.name for theme in found}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("name = ", "Invalid value"),
        ('name = "x"\ndark = true', "primary"),
        (OURS[0].read_text().replace('primary = "#6cb6ff"', 'primary = "bluish"'), "no colour"),
        (OURS[0].read_text() + "\n[fonts]\nx = 1", "fonts"),
    ],
    ids=["no toml", "a colour is missing", "no colour", "an unknown table"],
)
def test_a_bad_theme_is_one_sentence_that_names_the_file(tmp_path: Path, text: str, words: str) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(text)
    with pytest.raises(SettingError) as caught:
        themes.load(path)
    assert str(path) in str(caught.value)
    assert words in str(caught.value)


async def test_a_bad_theme_costs_one_toast_and_the_default_is_used(tmp_path: Path) -> None:
    (tmp_path / "mine.toml").write_text("[[[")
    directories = (bundled("themes"), tmp_path)
    async with bridge(shop_script(), theme="mine", theme_directories=directories) as seen:
        assert seen.app.theme == "pilothouse-dark"
        assert len(seen.toasts) == 1
        assert "mine.toml" in seen.toasts[0]
        assert "there is no theme 'mine'" in seen.toasts[0]


async def test_a_persons_own_theme_is_used(tmp_path: Path) -> None:
    mine = OURS[0].read_text().replace("pilothouse-dark", "mine")
    (tmp_path / "mine.toml").write_text(mine)
    directories = (bundled("themes"), tmp_path)
    async with bridge(shop_script(), theme="mine", theme_directories=directories) as seen:
        assert seen.app.theme == "mine"
