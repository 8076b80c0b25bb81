"""The shop's pages as HTML: templates from `site/` filled with escaped text. Serves nothing."""

from __future__ import annotations

from functools import cache
from html import escape
from importlib.resources import files
from string import Template

from pilothouse.local import shop_goods as goods

HOSTILE = (
    "Odd \x1b]52;c;cHduZWQ=\x07\x1b[>0q\x1b]4;0;?\x07\x1b]0;owned\x07\x1b[c\x1b[6n\x1bP+q544e\x1b\\"
    "\x9b31m\x9d52;c;eA==\x9c\x90q\x9c \u202egnp.exe\u202c \u2066\u200b[bold]markup[/bold] end"
)
"""A title with OSC 52, XTVERSION, OSC 4, OSC 0, DA1, CPR and XTGETTCAP, C1 forms, bidi marks and markup."""
_BANDS = 16


@cache
def asset(name: str) -> str:
    """Read a file of the site."""
    return files("pilothouse.local").joinpath("site", name).read_text("utf-8")


def page(template: str, title: str, cart: list[tuple[goods.Good, str]], /, **values: str) -> str:
    """Fill a page's template, and the frame around it; values are HTML already."""
    main = Template(asset(f"{template}.html")).substitute(values)
    count = str(len(cart))
    return Template(asset("base.html")).substitute(title=escape(title), count=count, main=main)


def drawing(good: goods.Good, colour: str = "") -> str:
    """Draw a good in one of its colours, or in white."""
    attribute = f'class="k-{escape(colour)}"' if colour else 'fill="#fff"'
    return f'<svg {attribute} viewBox="0 0 200 150" aria-hidden="true">{good.drawing}</svg>'


def tiles(found: list[goods.Good]) -> str:
    """Show goods as tiles to click."""
    ids = list(goods.GOODS)
    return "".join(
        f'<a class="tile c{ids.index(good.id) % 4}" href="/product/{good.id}">{drawing(good)}'
        f"<b>{escape(good.name)}</b><span>{goods.money(good.cents)}</span></a>"
        for good in found
    )


def colours() -> str:
    """Offer the colours as big radio buttons."""
    return "".join(
        f'<label><input type="radio" name="colour" value="{colour}">'
        f'<span class="k-{colour}">{colour.capitalize()}</span></label>'
        for colour in goods.COLOURS
    )


def rows(cart: list[tuple[goods.Good, str]]) -> str:
    """List what is in the cart."""
    return "".join(
        f"<tr><td>{escape(good.name)}</td><td>{escape(colour)}</td><td>{goods.money(good.cents)}</td></tr>"
        for good, colour in cart
    )


def total(cart: list[tuple[goods.Good, str]]) -> str:
    """Word the cart's total."""
    return goods.money(sum(good.cents for good, _ in cart))


def bands() -> str:
    """Show numbered bands of colour, for scrolling."""
    return "".join(f'<div class="band c{n % 4}">Band {n + 1} of {_BANDS}</div>' for n in range(_BANDS))
