"""Theme files: readable, contrasted, and softly refused."""

from __future__ import annotations

import re
from itertools import product
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from textual.color import Color

from pilothouse.errors import SettingError
from pilothouse.paths import bundled
from pilothouse.tui import themes
from pilothouse.tui.app import Bridge
from tests.tui.fake_runs import shop_script
from tests.tui.harness import bridge
from tests.tui.site import asking
from tests.tui.test_home import home

OURS = sorted(bundled("themes").glob("*.toml"))
DARK = bundled("themes") / "dark.toml"
SCREENS = Path(themes.__file__).parent / "screens"
STYLES = "".join(path.read_text() for path in sorted(SCREENS.glob("*.tcss")))
GROUNDS = ("background", "surface", "panel")
NAMES = ["pilothouse-contrast", "pilothouse-dark", "pilothouse-light", "pilothouse-terminal"]

Rgb = tuple[int, int, int]


class Palette(NamedTuple):
    """What a terminal with a dark ground makes of its sixteen colours, as far as the theme uses them."""

    ground: Rgb
    white: Rgb
    bright_red: Rgb
    bright_green: Rgb
    bright_yellow: Rgb
    bright_cyan: Rgb

    def of(self, name: str) -> Rgb:
        """Look a colour up by Textual's name, with or without its prefix."""
        name = name.removeprefix("ansi_")
        if name == "default":
            return self.white
        given: Rgb = getattr(self, name)
        return given


PALETTES = {
    "xterm": Palette((0, 0, 0), (229,) * 3, (255, 0, 0), (0, 255, 0), (255, 255, 0), (0, 255, 255)),
    "console": Palette((0, 0, 0), (170,) * 3, (255, 85, 85), (85, 255, 85), (255, 255, 85), (85, 255, 255)),
    "windows": Palette((12,) * 3, (204,) * 3, (231, 72, 86), (22, 198, 12), (249, 241, 165), (97, 214, 214)),
    "vscode": Palette((30,) * 3, (229,) * 3, (241, 76, 76), (35, 209, 139), (245, 245, 67), (41, 184, 219)),
}
"""As these terminals ship them."""


def luminance(rgb: Rgb) -> float:
    parts = [c / 255 / 12.92 if c / 255 <= 0.03928 else ((c / 255 + 0.055) / 1.055) ** 2.4 for c in rgb]
    return 0.2126 * parts[0] + 0.7152 * parts[1] + 0.0722 * parts[2]


def contrast(one: Rgb, other: Rgb) -> float:
    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def used_for_text() -> set[str]:
    """Every colour that the styles or the words on screen are written in."""
    used = set(re.findall(r"[^-]color: \$([\w-]+);", STYLES)) - {"background"}
    for path in Path(themes.__file__).parent.rglob("*.py"):
        used |= set(re.findall(r"[\"' ]\$(foreground|accent|error|warning|text-[a-z]+)\b", path.read_text()))
    return used


def inverted() -> set[str]:
    """Every colour that is a ground for text in the colour of the background."""
    blocks = re.findall(r"\{([^{}]*)\}", STYLES)
    inverse = [block for block in blocks if re.search(r"[^-]color: \$background;", " " + block)]
    grounds = [re.search(r"background: \$([\w-]+)", block) for block in inverse]
    assert all(grounds), inverse
    return {ground[1] for ground in grounds if ground}


@pytest.mark.parametrize("path", OURS, ids=lambda path: path.stem)
def test_inverted_text_is_readable(path: Path) -> None:
    theme = themes.load(path)
    if theme.ansi:
        return  # its background is the terminal's own: what it is inverted to is the terminal's too
    colours = theme.to_color_system().generate()
    least = 7.0 if theme.name == "pilothouse-contrast" else 4.5
    text = Color.parse(colours["background"]).rgb
    found = {name: round(contrast(text, Color.parse(colours[name]).rgb), 2) for name in inverted()}
    assert {name: ratio for name, ratio in found.items() if ratio < least} == {}


@pytest.mark.parametrize("path", OURS, ids=lambda path: path.stem)
def test_every_text_colour_is_readable_on_every_ground(path: Path) -> None:
    theme = themes.load(path)
    colours = theme.to_color_system().generate()
    least = 7.0 if theme.name == "pilothouse-contrast" else 4.5
    poor = []
    for text, ground in product(sorted(used_for_text()), GROUNDS):
        if theme.ansi:
            assert colours[ground] in {"ansi_default", "transparent"}, ground
            pairs = [(palette.of(colours[text]), palette.ground) for palette in PALETTES.values()]
        else:
            pairs = [(Color.parse(colours[text]).rgb, Color.parse(colours[ground]).rgb)]
        worst = min(contrast(*pair) for pair in pairs)
        if worst < least:
            poor.append((text, ground, round(worst, 2)))
    assert poor == []


def seen_pairs(app: Bridge) -> set[tuple[Any, Any]]:
    """Every pair of colours in which something is written on the screen, pictures and lines apart."""
    pairs = set()
    for strip in app.screen._compositor.render_strips():
        for segment in strip:
            style = segment.style
            words = any(character.isalnum() for character in segment.text)
            if words and style is not None and style.color is not None:
                front, back = style.color, style.bgcolor
                pairs.add((back, front) if style.reverse else (front, back))
    return pairs


def rgb_of(colour: Any, palette: Palette, *, ground: bool) -> Rgb:
    if colour is None or colour.is_default:
        return palette.ground if ground else palette.white
    if colour.triplet is not None:
        return (colour.triplet.red, colour.triplet.green, colour.triplet.blue)
    names = {7: "white", 9: "bright_red", 10: "bright_green", 11: "bright_yellow", 14: "bright_cyan"}
    return (0, 0, 0) if colour.number == 0 else palette.of(names[colour.number])


def poor_on_screen(app: Bridge, theme: str) -> list[tuple[str, Any, Any, float]]:
    poor = []
    for front, back in seen_pairs(app):
        for palette in PALETTES.values():
            got = contrast(rgb_of(front, palette, ground=False), rgb_of(back, palette, ground=True))
            if got < 4.5:
                poor.append((theme, front, back, round(got, 2)))
    return poor


RUN_SCENES: dict[str, tuple[str, ...]] = {
    "panes": (),
    "composer": ("i",),
    "abort": ("x",),
    "approval": ("n",),
    "reject": ("n", "r"),
    "palette": ("ctrl+p",),
    "help": ("question_mark",),
}


@pytest.mark.parametrize("scene", RUN_SCENES)
async def test_what_is_written_on_the_run_screen_is_readable_in_every_theme(scene: str) -> None:
    async with bridge(asking()) as seen:
        await seen.press(*RUN_SCENES[scene])
        poor = []
        for name in NAMES:
            seen.app.theme = name
            await seen.pilot.pause()
            poor += poor_on_screen(seen.app, name)
        assert poor == []


@pytest.mark.parametrize("keys", [(), ("D",), ("/", "x"), ("ctrl+p",), ("ctrl+g",), ("ctrl+n", "ctrl+y")])
async def test_what_is_written_on_the_other_screens_is_readable_in_every_theme(keys: tuple[str, ...]) -> None:
    async with home() as seen:
        await seen.press("end", *keys)
        poor = []
        for name in NAMES:
            seen.app.theme = name
            await seen.pilot.pause()
            poor += poor_on_screen(seen.app, name)
        assert poor == []


def test_the_four_themes_are_there_and_the_default_is_one_of_them() -> None:
    found, problems = themes.load_all()
    assert problems == []
    assert sorted(theme.name for theme in found) == NAMES
    assert themes.DEFAULT in NAMES


async def test_a_theme_is_switched_in_the_palette_and_named_shortly_at_the_start() -> None:
    async with bridge(shop_script(), theme="contrast") as seen:
        assert seen.app.theme == "pilothouse-contrast"
        await seen.press("ctrl+p", *"theme light", "enter")
        assert seen.app.theme == "pilothouse-light"
        assert not seen.screen.drawer.opened


async def test_a_theme_is_taken_into_use_as_it_is_saved_and_a_bad_one_costs_a_toast(tmp_path: Path) -> None:
    mine = tmp_path / "mine.toml"
    text = DARK.read_text().replace("pilothouse-dark", "mine")
    mine.write_text(text)
    async with bridge(shop_script(), theme="mine", theme_directories=(bundled("themes"), tmp_path)) as seen:
        mine.write_text(text.replace("#1f2733", "#402020"))
        await seen.until(lambda: seen.app.get_css_variables()["panel"].lower() == "#3f2020")
        await seen.until(lambda: seen.screen.query_one("#status").styles.background.hex.lower() == "#3f2020")
        mine.write_text("name = ")
        await seen.until(lambda: any("mine.toml" in toast for toast in seen.toasts))
        assert seen.app.theme == "mine"
        assert seen.app.get_css_variables()["panel"].lower() == "#3f2020"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("name = ", "Invalid value"),
        ('name = "x"\ndark = true', "primary"),
        (DARK.read_text().replace('primary = "#6cb6ff"', 'primary = "bluish"'), "no colour"),
        (DARK.read_text() + "\n[fonts]\nx = 1", "fonts"),
        (DARK.read_text() + '\ntext-error = "blurple"', "no colour"),
        (DARK.read_text() + '\ntext-error = "red; } Screen { display: none"', "no variable"),
    ],
    ids=[
        "no toml",
        "a colour is missing",
        "no colour",
        "an unknown table",
        "a variable",
        "styles in a variable",
    ],
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


async def test_a_bad_theme_that_nobody_asked_for_costs_a_toast_after_the_first_frame(tmp_path: Path) -> None:
    (tmp_path / "mine.toml").write_text("[[[")
    directories = (bundled("themes"), tmp_path)
    async with bridge(shop_script(), theme_directories=directories) as seen:
        await seen.until(lambda: bool(seen.toasts))
        assert len(seen.toasts) == 1
        assert "mine.toml" in seen.toasts[0]
        assert len(seen.app.theme_entries()) == len(OURS)


def test_a_persons_theme_of_our_name_comes_before_ours_however_its_file_is_called(
    tmp_path: Path,
) -> None:
    (tmp_path / "zebra.toml").write_text(DARK.read_text().replace('name = "pilothouse-dark"', 'name = "x"'))
    (tmp_path / "mine.toml").write_text(re.sub(r'primary = "[^"]*"', 'primary = "#123456"', DARK.read_text()))
    found = themes.find("dark", (bundled("themes"), tmp_path))
    assert found is not None
    assert (found.name, found.primary) == ("pilothouse-dark", "#123456")
    assert themes.find("nobody's", (bundled("themes"), tmp_path)) is None


async def test_of_two_files_with_one_theme_the_later_holds_as_ever(tmp_path: Path) -> None:
    for file, ground in (("dark.toml", "#111111"), ("zebra.toml", "#222222")):
        text = re.sub(r'(?m)^background = "[^"]*"', f'background = "{ground}"', DARK.read_text())
        (tmp_path / file).write_text(text)
    async with bridge(shop_script(), theme_directories=(bundled("themes"), tmp_path)) as seen:
        keys = seen.screen.query_one("#keys")
        await seen.until(lambda: keys.styles.background.hex == "#222222")


async def test_a_persons_own_theme_is_used(tmp_path: Path) -> None:
    mine = DARK.read_text().replace("pilothouse-dark", "mine")
    (tmp_path / "mine.toml").write_text(mine)
    directories = (bundled("themes"), tmp_path)
    async with bridge(shop_script(), theme="mine", theme_directories=directories) as seen:
        assert seen.app.theme == "mine"
