"""What is known of each model: thinking form, message roles, image limits, prices. Dated data, no behaviour.

Source: model-api §2 and §5, read 2026-11-23. A model that is not listed gets the newest generation's defaults
and is shown as unpriced, never as free.
"""

from __future__ import annotations

import msgspec

TABLE_DATE = "2026-11-23"


class Price(msgspec.Struct, frozen=True, kw_only=True):
    """US dollars per million tokens."""

    input: float
    write_5m: float
    write_1h: float
    read: float
    output: float
    over_tokens: int = 0
    """Above this prompt size the `over` price holds for the whole request; 0 for never."""
    over: Price | None = None


class Model(msgspec.Struct, frozen=True, kw_only=True):
    """One model, as far as the loop must know it."""

    name: str
    price: Price | None = None
    system_messages: bool = True
    """Takes a system-role message after tool results (model-api §4, injecting B)."""
    context_tokens: int = 1_000_000
    max_output_tokens: int = 128_000
    images_max: int = 600
    append_only: bool = False
    """Any edit of earlier messages voids its thinking blocks: nothing may be pruned on our side."""
    edits: bool = True
    """The API clears old tool results and thinking when asked to."""
    compacts: bool = True
    """The API summarises the conversation when asked to."""


def _price(read: float, entry: float, output: float) -> Price:
    return Price(input=entry, write_5m=entry * 1.25, write_1h=entry * 2, read=read, output=output)


_HAIKU_5_5 = Price(
    input=0.10,
    write_5m=0.125,
    write_1h=0.20,
    read=0.01,
    output=0.50,
    over_tokens=100_000,
    over=Price(input=0.50, write_5m=0.625, write_1h=1.00, read=0.05, output=2.50),
)

MODELS: dict[str, Model] = {
    model.name: model
    for model in (
        Model(name="claude-fable-5-2", append_only=True, price=_price(0.20, 8, 40)),
        Model(name="claude-mythos-5-2", append_only=True, price=_price(0.20, 8, 40)),
        Model(name="claude-fable-5-1", append_only=True, price=_price(0.25, 10, 50)),
        Model(name="claude-mythos-5-1", append_only=True, price=_price(0.25, 10, 50)),
        Model(name="claude-fable-5", price=_price(1.00, 10, 50)),
        Model(name="claude-mythos-5", price=_price(1.00, 10, 50)),
        Model(name="claude-opus-5-5", append_only=True, price=_price(0.20, 4, 20)),
        Model(name="claude-opus-5", price=_price(0.50, 5, 25)),
        Model(name="claude-opus-4-8", price=_price(0.50, 5, 25)),
        Model(name="claude-sonnet-5-5", append_only=True, price=_price(0.10, 2, 10)),
        Model(name="claude-sonnet-5", price=_price(0.20, 2, 10), system_messages=False),
        Model(name="claude-haiku-5-5", append_only=True, price=_HAIKU_5_5),
    )
}
"""The models that take `computer_toolset_20260801`; older generations need an adapter of their own."""


def lookup(name: str) -> Model:
    """Find a model; an unknown one is taken for the newest generation and has no price."""
    return MODELS.get(name) or Model(name=name, system_messages=False, append_only=True)


class Tokens(msgspec.Struct, frozen=True, kw_only=True):
    """What one request used."""

    input: int = 0
    cache_read: int = 0
    cache_write_5m: int = 0
    cache_write_1h: int = 0
    output: int = 0
    thinking: int = 0

    @property
    def prompt(self) -> int:
        """Size of the whole prompt."""
        return self.input + self.cache_read + self.cache_write_5m + self.cache_write_1h


def cost_usd(model: str, tokens: Tokens) -> float | None:
    """Price one request in dollars; None for a model without a price."""
    price = lookup(model).price
    if price is None:
        return None
    if price.over is not None and tokens.prompt > price.over_tokens:
        price = price.over
    micro = (
        price.input * tokens.input
        + price.write_5m * tokens.cache_write_5m
        + price.write_1h * tokens.cache_write_1h
        + price.read * tokens.cache_read
        + price.output * tokens.output
    )
    return micro / 1e6
