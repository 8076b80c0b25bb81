"""What the demonstration shop sells, and what is in a cart. No HTML beyond the goods' own drawings."""

from __future__ import annotations

import msgspec

COLOURS = ("red", "blue", "green")
CART_MAX = 20


class Good(msgspec.Struct, frozen=True, kw_only=True):
    """One thing to buy."""

    id: str
    name: str
    cents: int
    blurb: str
    drawing: str
    """SVG shapes in a box of 200 x 150."""


GOODS: dict[str, Good] = {
    good.id: good
    for good in (
        Good(
            id="kettle",
            name="Storm Kettle",
            cents=4900,
            blurb="A stove-top kettle with a broad base, for water that boils while the ship rolls.",
            drawing='<path d="M55 60h90l18 70H37z"/><path d="M70 60q30-70 60 0" fill="none" '
            'stroke="#0b2a4a" stroke-width="10"/><path d="M150 80l34-20v16l-26 30z"/>',
        ),
        Good(
            id="lantern",
            name="Deck Lantern",
            cents=3400,
            blurb="A lantern for deck and table. One charge lasts a whole night watch.",
            drawing='<path d="M70 40h60v90H70z"/><path d="M60 28h80v14H60zM60 126h80v14H60z" fill="#0b2a4a"/>'
            '<circle cx="100" cy="85" r="22" fill="#ffd54f"/>',
        ),
        Good(
            id="mug",
            name="Harbour Mug",
            cents=1200,
            blurb="A heavy enamel mug that stands where it is put.",
            drawing='<path d="M50 40h80v90H50z"/><path d="M130 58h26v48h-26" fill="none" '
            'stroke="#0b2a4a" stroke-width="12"/>',
        ),
        Good(
            id="chair",
            name="Folding Chair",
            cents=8900,
            blurb="Canvas and ash. Folds flat, carries on one shoulder.",
            drawing='<path d="M60 20l20 0 20 60h50v16H90z"/><path d="M95 96l-30 44M140 96l20 44" '
            'stroke="#0b2a4a" stroke-width="10"/>',
        ),
    )
}


def money(cents: int) -> str:
    """Word an amount in euros."""
    return f"€{cents // 100}.{cents % 100:02d}"


def find(query: str) -> list[Good]:
    """Find goods whose name or description holds every word asked for."""
    words = query.lower().split()
    return [
        good for good in GOODS.values() if all(word in f"{good.name} {good.blurb}".lower() for word in words)
    ]


def read_cart(cookie: str) -> list[tuple[Good, str]]:
    """Read a cart from its cookie; what is not known is left out."""
    pairs = (entry.partition(".") for entry in cookie.split("_"))
    return [(GOODS[item], colour) for item, _, colour in pairs if item in GOODS and colour in COLOURS][
        :CART_MAX
    ]


def write_cart(cart: list[tuple[Good, str]]) -> str:
    """Word a cart as a cookie."""
    return "_".join(f"{good.id}.{colour}" for good, colour in cart[-CART_MAX:])
