"""What is known of models is one dated table, as data; a person's own file changes it, or is refused."""

import datetime
from pathlib import Path

import pytest

from pilothouse.errors import SettingError
from pilothouse.local.messages_models import MODELS as SERVED
from pilothouse.model.catalogue import THINKING, Tokens, cost_usd, lookup, table
from pilothouse.model.generations import GENERATIONS


@pytest.fixture
def own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The person's own table, still to be written."""
    monkeypatch.setenv("PILOTHOUSE_CONFIG_DIR", str(tmp_path))
    return tmp_path / "models.toml"


def test_a_turn_of_the_default_model() -> None:
    tokens = Tokens(input=1_000_000, cache_read=1_000_000, cache_write_5m=1_000_000, output=1_000_000)
    assert cost_usd("claude-opus-5-5", tokens) == pytest.approx(4 + 0.20 + 5 + 20)


def test_a_large_prompt_costs_the_higher_band_for_the_whole_request() -> None:
    small, large = Tokens(input=100_000), Tokens(input=100_001)
    assert cost_usd("claude-haiku-5-5", small) == pytest.approx(0.01)
    assert cost_usd("claude-haiku-5-5", large) == pytest.approx(0.0500005)


def test_an_unknown_model_is_of_the_newest_generation_and_has_no_price() -> None:
    model = lookup("claude-next-9")
    assert (model.known, model.price, model.tools) == (False, None, ("computer_toolset_20260801",))
    assert (model.append_only, model.system_messages) == (True, False)  # what is safe with any model
    assert cost_usd("claude-next-9", Tokens(input=5)) is None


@pytest.mark.parametrize(
    "name",
    [
        "claude-opus-4-5-20251101",
        "us.anthropic.claude-opus-4-5-20251101-v1:0",
        "anthropic.claude-opus-4-5",
        "claude-opus-4-5@20251101",
        "claude-opus-4-5-latest",
    ],
)
def test_dates_and_platforms_do_not_matter(name: str) -> None:
    model = lookup(name)
    assert (model.name, model.known, model.tools) == (name, True, ("computer_20251124",))
    assert model.price == lookup("claude-opus-4-5").price


@pytest.mark.parametrize("name", SERVED)
def test_the_table_and_the_strict_server_agree(name: str) -> None:
    """Two tables, kept apart on purpose: a slip in one shows against the other."""
    model, served = lookup(name), SERVED[name]
    assert model.known
    assert set(model.tools) == set(served.tools)
    assert set(model.thinking) <= set(served.thinking)
    assert model.system_messages == served.system_messages
    assert set(model.efforts) == served.efforts
    assert model.append_only == served.bound
    assert (model.context_tokens, model.max_output_tokens) == (served.context, served.max_output)
    assert (model.vision == "high") == served.high_vision
    assert model.images_max == served.max_images


@pytest.mark.parametrize("name", table().models)
def test_every_row_is_complete(name: str) -> None:
    model = table().models[name]
    assert model.price is not None
    assert (
        model.price.read
        < model.price.input
        < model.price.write_5m
        < model.price.write_1h
        < model.price.output
    )
    assert set(model.tools) <= set(GENERATIONS)
    assert list(model.tools) == [kind for kind in GENERATIONS if kind in model.tools]  # the newest first
    assert set(model.thinking) <= set(THINKING)
    assert model.images_max == (600 if model.context_tokens == 1_000_000 else 100)
    assert not model.append_only or name.split("-", 2)[2] in ("5-1", "5-2", "5-5")
    assert not model.effort or model.effort in model.efforts


def test_a_picture_is_limited_by_tier_and_by_how_many_there_may_be() -> None:
    assert lookup("claude-opus-5-5").picture_limits(20) == (2576, 4784)
    assert lookup("claude-opus-5-5").picture_limits(60) == (2000, 4784)
    assert lookup("claude-haiku-4-5").picture_limits(60) == (1568, 1568)


def test_a_model_near_its_end_says_so() -> None:
    model = lookup("claude-sonnet-4-5-20250929")
    assert model.farewell(datetime.date(2026, 9, 1)) == ""
    assert "will be retired on 2026-11-30" in model.farewell(datetime.date(2026, 11, 1))
    assert "was retired on 2026-11-30" in model.farewell(datetime.date(2026, 11, 30))


def test_a_person_changes_a_price_and_adds_a_model(own: Path) -> None:
    own.write_text(
        'dated = "2027-01-01"\n[model.claude-opus-5-5.price]\nread = 0.4\n'
        "[model.claude-opus-6]\ncontext_tokens = 2_000_000\nprice = { input = 2, output = 8, read = 0.1 }\n"
    )
    changed, added = lookup("claude-opus-5-5").price, lookup("claude-opus-6")
    assert changed is not None
    assert (changed.input, changed.read, table().dated) == (4, 0.4, "2027-01-01")
    assert added.price is not None
    assert (added.known, added.context_tokens, added.price.write_5m) == (True, 2_000_000, 2.5)


@pytest.mark.parametrize(
    ("text", "where", "way_out"),
    [
        ("[modle.claude-opus-5]\n", "modle", "did you mean model?"),
        ("[model.claude-opus-5]\ncontxt_tokens = 1\n", "model.claude-opus-5.contxt_tokens", "context_tokens"),
        ("[model.claude-opus-5.price]\nouput = 1\n", "model.claude-opus-5.price.ouput", "output"),
        ('[model.claude-opus-5]\nvision = "hihg"\n', "model.claude-opus-5.vision", "high"),
        ('[model.claude-opus-5]\nthinking = ["adaptiv"]\n', "model.claude-opus-5.thinking", "adaptive"),
        ('[model.claude-opus-5]\nimages_max = "many"\n', "model.claude-opus-5.images_max", ""),
        ("[model.claude-opus-5]\ntools = []\n", "model.claude-opus-5.tools", ""),
        ("[model.claude-new.price]\ninput = 1\n", "model.claude-new.price", ""),
        ("model = 3\n", "model", "[model.NAME]"),
        ("[model\n", "", ""),
    ],
)
def test_a_mistake_in_it_is_one_sentence_with_file_key_and_way_out(
    own: Path, text: str, where: str, way_out: str
) -> None:
    own.write_text(text)
    with pytest.raises(SettingError) as refused:
        lookup("claude-opus-5")
    assert refused.value.where.startswith(str(own))
    assert refused.value.where.endswith(where)
    assert way_out in refused.value.way_out
