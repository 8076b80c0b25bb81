"""What is known of each model: tools, thinking, limits, prices. A dated table as data, and its reading.

The table is `models.toml` beside this file; `models.toml` in the settings directory changes or adds to it. A
model that is in neither is taken for one of the newest generation, and is shown as unpriced, never as free.
"""

from __future__ import annotations

import datetime
import difflib
import functools
import re
import tomllib
from pathlib import Path
from typing import Any

import msgspec

from pilothouse.errors import SettingError
from pilothouse.paths import config_dir

TOOLSET = "computer_toolset_20260801"
EFFORTS = ("low", "medium", "high", "xhigh", "max")
THINKING = ("adaptive", "enabled", "between_tools", "disabled")
TABLE_NAME = "models.toml"
EOL_NOTICE_DAYS = 60
_TIERS = {"high": (2576, 4784), "standard": (1568, 1568)}
_MANY_IMAGES = 20
_MANY_IMAGES_EDGE_PX = 2000
"""A request with more than 20 pictures takes none wider or higher than this (model-api §2)."""
_DECORATION = re.compile(r"^(?:[a-z-]+\.)?anthropic[./]|(?:[-@]20\d{6}|-latest|-0)?(?:-v\d+(?::\d+)?)?$")

Json = dict[str, Any]


class Price(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """US dollars per million tokens."""

    input: float
    write_5m: float
    write_1h: float
    read: float
    output: float
    over_tokens: int = 0
    """Above this prompt size the `over` price holds for the whole request; 0 for never."""
    over: Price | None = None


class Model(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One model, as far as the loop must know it; the defaults are those of the newest generation."""

    name: str
    tools: tuple[str, ...] = (TOOLSET,)
    """Types of the computer tool that it takes, the newest first."""
    thinking: tuple[str, ...] = ("adaptive",)
    """Forms of thinking that it takes, the one we ask for first."""
    thinks: bool = True
    """Thinks when nothing is asked for."""
    unthinking_effort: str = ""
    """With thinking off no more effort than this is taken; empty for no such rule."""
    effort: str = "high"
    """What it uses when nothing is asked for; empty when that is not documented."""
    efforts: tuple[str, ...] = EFFORTS
    """What may be asked for; empty when it takes none."""
    context_tokens: int = 1_000_000
    max_output_tokens: int = 128_000
    vision: str = "high"
    images_max: int = 600
    append_only: bool = False
    """Any edit of earlier messages voids its thinking blocks: nothing may be pruned on our side."""
    edits: bool = True
    """The API clears old tool results and thinking when asked to."""
    compacts: bool = True
    """The API summarises the conversation when asked to."""
    system_messages: bool = True
    """Takes a system-role message after tool results (model-api §4, injecting B)."""
    token_efficient: bool = False
    eol: datetime.date | None = None
    price: Price | None = None
    known: bool = True
    """False for a model that no table names."""

    def picture_limits(self, images: int = _MANY_IMAGES + 1) -> tuple[int, int]:
        """Give the longest edge in pixels and the visual tokens that a picture may have.

        Args:
            images: How many pictures a request may hold; above 20 the API takes smaller ones only.
        """
        edge, tokens = _TIERS[self.vision]
        return (min(edge, _MANY_IMAGES_EDGE_PX) if images > _MANY_IMAGES else edge), tokens

    def farewell(self, today: datetime.date) -> str:
        """Say that the API has dropped this model, or soon will; empty when there is nothing to say."""
        if self.eol is None or (self.eol - today).days > EOL_NOTICE_DAYS:
            return ""
        done = self.eol <= today
        return f"{self.name} {'was' if done else 'will be'} retired on {self.eol.isoformat()}"


class Table(msgspec.Struct, frozen=True, kw_only=True):
    """The table of models, and the day it was drawn up."""

    dated: str
    models: dict[str, Model]


def table() -> Table:
    """Give the table of models, with what the person's own file changes.

    Raises:
        SettingError: That file can't be used; the sentence names it, the key and the nearest known one.
    """
    return _load(config_dir() / TABLE_NAME)


def lookup(name: str) -> Model:
    """Find a model; an unknown one is taken for the newest generation and has no price.

    Dates at its end and a platform's decorations (`us.anthropic.claude-…-v1:0`) do not matter.

    Raises:
        SettingError: The person's own table can't be used.
    """
    models = table().models
    found = models.get(name) or models.get(canonical(name))
    if found is not None:
        return msgspec.structs.replace(found, name=name)
    # What it takes is not known: only what every model takes is relied on.
    return Model(name=name, known=False, append_only=True, system_messages=False, effort="")


def canonical(name: str) -> str:
    """Strip a model's name of dates and platforms: `claude-opus-4-5-20251101` is `claude-opus-4-5`."""
    return _DECORATION.sub("", name)


@functools.lru_cache(maxsize=8)
def _load(own: Path) -> Table:
    shipped = _read(Path(__file__).with_name(TABLE_NAME))
    changes = _read(own) if own.is_file() else {}
    _check_keys(changes, ("dated", "model"), str(own), "")
    rows: dict[str, Json] = dict(shipped["model"])
    for name, row in _tables(changes.get("model", {}), str(own), "model").items():
        rows[name] = _merged(rows.get(name, {}), row)
    models = {name: _model(name, row, str(own)) for name, row in rows.items()}
    return Table(dated=str(changes.get("dated", shipped["dated"])), models=models)


def _read(path: Path) -> Json:
    try:
        return tomllib.loads(path.read_text("utf-8"))
    except OSError as error:
        raise SettingError(f"can't be read: {error.strerror or error}", str(path)) from None
    except UnicodeDecodeError as error:
        raise SettingError(f"byte {error.start} is not UTF-8", str(path)) from None
    except tomllib.TOMLDecodeError as error:
        raise SettingError(f"is not TOML: {error}", str(path)) from None


def _tables(given: Any, where: str, key: str) -> dict[str, Json]:
    if not isinstance(given, dict) or not all(isinstance(row, dict) for row in given.values()):
        raise SettingError("must hold one table for each model", f"{where}: {key}", "write [model.NAME]")
    return given


def _merged(row: Json, changes: Json) -> Json:
    """Lay changes over a row; a price is changed part by part, and new inputs get new cache prices."""
    merged = {**row, **changes}
    price = changes.get("price")
    if isinstance(price, dict) and isinstance(row.get("price"), dict):
        merged["price"] = {**row["price"], **price}
    return merged


def _model(name: str, row: Json, where: str) -> Model:
    known = [field for field in Model.__struct_fields__ if field not in ("name", "known")]
    _check_keys(row, known, where, f"model.{name}.")
    try:
        price = {"price": _price(row["price"], where, f"model.{name}.price.")} if "price" in row else {}
        model = msgspec.convert({**row, **price, "name": name}, Model)
    except msgspec.ValidationError as error:
        what, _, at = str(error).partition(" - at `$")
        raise SettingError(what, f"{where}: model.{name}{at.rstrip('`')}") from None
    _check_values(model, where)
    return model


def _price(given: Any, where: str, key: str) -> Any:
    """Fill in the cache prices that follow from the price of input."""
    if not isinstance(given, dict):
        return given
    _check_keys(given, Price.__struct_fields__, where, key)
    filled = dict(given)
    if isinstance(entry := given.get("input"), int | float):
        filled = {"write_5m": entry * 1.25, "write_1h": entry * 2, **given}
    if "over" in given:
        filled["over"] = _price(given["over"], where, f"{key}over.")
    return filled


def _check_keys(given: Json, known: Any, where: str, prefix: str) -> None:
    for key in given:
        if key not in known:
            raise SettingError(f"no key is called {key!r}", f"{where}: {prefix}{key}", nearest(key, known))


def _check_values(model: Model, where: str) -> None:
    choices: tuple[tuple[str, tuple[str, ...], Any], ...] = (
        ("vision", (model.vision,), tuple(_TIERS)),
        ("thinking", model.thinking, THINKING),
        ("efforts", model.efforts, EFFORTS),
        ("effort", (model.effort,) if model.effort else (), EFFORTS),
        ("unthinking_effort", (model.unthinking_effort,) if model.unthinking_effort else (), EFFORTS),
    )
    for key, given, known in choices:
        for value in given:
            if value not in known:
                at = f"{where}: model.{model.name}.{key}"
                raise SettingError(f"{value!r} is not known", at, nearest(value, known))
    for key in ("tools", "thinking"):
        if not getattr(model, key):
            raise SettingError("must not be empty", f"{where}: model.{model.name}.{key}")


def nearest(word: str, known: Any) -> str:
    """Name the known word that is most like this one, or all of them when none is."""
    close = difflib.get_close_matches(word, list(known), 1)
    return f"did you mean {close[0]}?" if close else f"known are {', '.join(known)}"


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
