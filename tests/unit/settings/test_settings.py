from __future__ import annotations

import tempfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pilothouse.engine.spec import BrowserOptions, ModelOptions, RunSpec
from pilothouse.errors import SettingError
from pilothouse.model import catalogue, client, generations, providers
from pilothouse.settings import kinds, page, table
from pilothouse.settings.file import SettingsFile, lines_of, read_file
from pilothouse.settings.given import Given, Source
from pilothouse.settings.resolve import Settings, resolve
from pilothouse.settings.specs import bridge_options, run_spec
from pilothouse.settings.table import BY_NAME, SETTINGS

NOT_CHOSEN = {"run", "task", "headless", "allow_root", "model_api", "scenario", "shop", "local_backend"}
"""Fields of the spec that are about one run, or about the demo."""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "settings.toml"


def written(path: Path, text: str) -> SettingsFile:
    path.write_text(text, "utf-8")
    return read_file(path)


def refusal(path: Path, text: str) -> tuple[str, str, str]:
    with pytest.raises(SettingError) as caught:
        written(path, text)
    error = caught.value
    return error.what, error.where.removeprefix(str(path)), error.way_out


def clash(options: dict[str, object], file: SettingsFile | None = None) -> str:
    with pytest.raises(SettingError) as caught:
        resolve(options, {}, file or SettingsFile(path="none"))
    return str(caught.value)


def test_the_choices_are_those_of_the_modules_that_know_them() -> None:
    """The table may not import them: viewers read it, and load neither side."""
    assert table.EFFORTS == catalogue.EFFORTS
    assert BY_NAME["thinking"].kind == kinds.Choice(catalogue.THINKING)
    assert BY_NAME["thinking-display"].kind == kinds.Choice(client.DISPLAYS)
    assert tuple(generations.GENERATIONS) == table.TOOL_VERSIONS
    assert sorted(table.PROVIDERS) == sorted(providers.PROVIDERS)


def test_every_field_of_the_spec_is_one_setting() -> None:
    fields = {name for name in RunSpec.__struct_fields__ if not name.endswith("_options")} - NOT_CHOSEN
    fields |= {f"model_options.{name}" for name in ModelOptions.__struct_fields__}
    fields |= {f"browser_options.{name}" for name in BrowserOptions.__struct_fields__}
    filled = [field for setting in SETTINGS if setting.section != table.BRIDGE for field in setting.into]
    assert sorted(filled) == sorted(fields)


def test_every_option_of_the_bridge_is_one_setting_and_none_of_them_reaches_a_run() -> None:
    filled = [field for setting in SETTINGS if setting.section == table.BRIDGE for field in setting.into]
    assert sorted(filled) == sorted(table.BridgeOptions.__struct_fields__)
    settings = resolve({}, {"PILOTHOUSE_THEME": "light", "PILOTHOUSE_MOUSE": "0"}, SettingsFile(path="none"))
    assert bridge_options(settings) == table.BridgeOptions(theme="light", mouse=False)
    assert run_spec(settings, run="r", task="t", headless=False) == RunSpec(run="r", task="t")


def test_without_any_choice_the_spec_is_the_default_one() -> None:
    settings = resolve({}, {}, SettingsFile(path="none"))
    assert run_spec(settings, run="r", task="t", headless=False) == RunSpec(run="r", task="t")


def test_what_is_chosen_reaches_the_spec(path: Path) -> None:
    (path.parent / "prompt.md").write_text("Be brief.\n")
    file = written(
        path,
        """
        model = "claude-sonnet-5-5"
        system-prompt = "prompt.md"
        history-bytes = "4MB"
        idle-timeout = 30
        viewport = "1024x768"
        allow-host = ["example.com"]
        tag = { team = "web" }
        stealth = true
        idle = "1h"
        """,
    )
    assert run_spec(resolve({}, {}, file), run="r", task="t", headless=True) == RunSpec(
        run="r",
        task="t",
        headless=True,
        model="claude-sonnet-5-5",
        idle_s=3600,
        model_options=ModelOptions(system="Be brief.", history_max_bytes=4_000_000, idle_timeout_s=30),
        browser_options=BrowserOptions(
            width_px=1024, height_px=768, allow_hosts=("example.com",), tags={"team": "web"}, stealth=True
        ),
    )


def test_options_beat_the_environment_that_beats_the_preset_that_beats_the_file(path: Path) -> None:
    file = written(
        path,
        'effort = "low"\nmax-tokens = 1\nidle = 1\nupload = "inline"\n'
        '[preset.careful]\neffort = "medium"\nmax-tokens = 2\nidle = 2\n',
    )
    environ = {"PILOTHOUSE_EFFORT": "high", "PILOTHOUSE_MAX_TOKENS": "3", "PILOTHOUSE_IDLE": ""}
    settings = resolve({"preset": "careful", "effort": "max"}, environ, file)
    assert settings == Settings(
        preset="careful",
        given={
            "effort": Given("max", Source.OPTION, "--effort"),
            "max-tokens": Given(3, Source.ENVIRONMENT, "PILOTHOUSE_MAX_TOKENS"),
            "idle": Given(2.0, Source.PRESET, f"{path}:8: idle"),
            "upload": Given("inline", Source.FILE, f"{path}:4: upload"),
        },
    )


def test_a_preset_is_chosen_by_the_environment_too(path: Path) -> None:
    file = written(path, '[preset.quick]\nmodel = "claude-haiku-5-5"\n')
    assert resolve({}, {"PILOTHOUSE_PRESET": "quick"}, file)["model"] == "claude-haiku-5-5"


def test_an_unknown_preset_names_the_nearest(path: Path) -> None:
    file = written(path, "[preset.careful]\n")
    assert (
        clash({"preset": "carful"}, file) == "--preset: there is no preset 'carful' (did you mean careful?)"
    )


@pytest.mark.parametrize("name", ["limits", "policy"])
def test_what_comes_later_may_wait_in_a_preset_and_is_refused_when_it_is_chosen(
    path: Path, name: str
) -> None:
    file = written(path, f"[preset.careful]\neffort = 'low'\n[preset.careful.{name}]\nusd = 1\n")
    assert resolve({}, {}, file)["effort"] == ""
    assert f"{path}:1: {name} come with a later version" in clash({"preset": "careful"}, file)
    assert refusal(path, f"\n[{name}]\n")[1] == ":2"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("efort = 'low'", ("there is no setting 'efort'", ":1", "did you mean effort?")),
        ("\n\n[preset.a]\nmax_tokens = 5", (
            "there is no setting 'max_tokens'", ":4", "did you mean max-tokens?")),
        ("zebra = 1", ("there is no setting 'zebra'", ":1", "pilothouse config lists the settings")),
        ("effort = 'hgh'", ("'hgh' is not known", ":1: effort", "give low, medium, high, xhigh or max")),
        ("\nmax-tokens = 'many'", (
            "'many' is no whole number", ":2: max-tokens", "give a whole number from 1 to 128000")),
        ("stealth = 'true'", ("'true' is neither", ":1: stealth", "give true or false, without quotes")),
        ("thinking-budget = 5", (
            "5 is out of range",
            ":1: thinking-budget",
            "give a whole number from 1024 to 128000, or 0 for none")),
        ("effort = \n", ("is no TOML: Invalid value", ":1", "mend that line")),
        ("preset = 1", ("preset is no table", ":1", "write [preset.NAME], with settings below it")),
        ("[preset]\na = 1", ("a preset is a table", ":2", "write [preset.a], with settings below it")),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)  # fmt: skip
def test_a_mistake_in_the_file_is_named_with_its_line(
    path: Path, text: str, expected: tuple[str, str, str]
) -> None:
    assert refusal(path, text) == expected


@pytest.mark.parametrize(
    "line",
    [
        'anthropic-api-key = "abc"',
        'ANTHROPIC_API_KEY = "abc"',
        'kernel_key = "abc"',
        'password = "abc"',
        'system-suffix = "use sk-ant-api03-abcdefghijklmnopqrstuvwxyz"',
    ],
)
def test_a_key_in_the_file_is_refused_and_never_repeated(path: Path, line: str) -> None:
    what, where, way_out = refusal(path, f"\n{line}\n")
    assert what == "keys are never kept in a settings file"
    assert where.startswith(":2: ")
    assert way_out == "set ANTHROPIC_API_KEY and KERNEL_API_KEY in the environment"


def test_a_key_of_the_environment_is_known_wherever_it_is_put(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KERNEL_API_KEY", "plain-looking-value-1234")
    assert refusal(path, "profile = 'plain-looking-value-1234'")[0].startswith("keys are never")


def test_a_mistake_in_the_environment_names_the_variable() -> None:
    with pytest.raises(SettingError, match="PILOTHOUSE_MAX_TOKENS: 'lots' is no whole number"):
        resolve({}, {"PILOTHOUSE_MAX_TOKENS": "lots"}, SettingsFile(path="none"))
    with pytest.raises(SettingError, match=r"PILOTHOUSE_MODLE.*did you mean PILOTHOUSE_MODEL\?"):
        resolve({}, {"PILOTHOUSE_MODLE": "x"}, SettingsFile(path="none"))


def test_a_file_that_is_not_there_says_nothing(tmp_path: Path) -> None:
    gone = tmp_path / "gone" / "settings.toml"
    assert read_file(gone) == SettingsFile(path=str(gone))


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(SettingError, match="can't be read: Is a directory"):
        read_file(tmp_path)
    binary = tmp_path / "settings.toml"
    binary.write_bytes(b"\xff\xfe")
    with pytest.raises(SettingError, match="byte 0 is not UTF-8"):
        read_file(binary)


def test_a_prompt_that_is_not_there_is_named_with_who_asked_for_it() -> None:
    settings = resolve({"system_prompt": "/nowhere/p.md"}, {}, SettingsFile(path="none"))
    with pytest.raises(SettingError, match=r"--system-prompt: /nowhere/p\.md can't be read: No such file"):
        run_spec(settings, run="r", task="t", headless=True)


def test_lines_are_found_across_tables_dots_and_long_strings() -> None:
    text = 'a = 1\nlong = """\nb = 2\n"""\n[preset.x]\n"c" = 3\nd.e = 4\n[preset."y z".tag]\n'
    assert lines_of(text) == {
        ("a",): 1,
        ("long",): 2,
        ("preset", "x"): 5,
        ("preset", "x", "c"): 6,
        ("preset", "x", "d"): 7,
        ("preset", "x", "d", "e"): 7,
        ("preset", "y z", "tag"): 8,
    }


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (
            {"existing_browser": "a", "pool": "b"},
            "existing-browser can't be had together with the other (leave it out, or leave out --pool)",
        ),
        ({"save_profile": True}, "there is no profile to save (name one with --profile)"),
        ({"browser": "local", "region": "eu-west"}, "--region: region is for Kernel's browsers"),
        ({"browser": "local", "existing_browser": "a"}, "existing-browser is for Kernel's browsers"),
        ({"existing_browser": "a", "allow_host": ["b.com"]}, "a browser that is already there"),
        ({"existing_browser": "a", "viewport": "800x600"}, "leave out --existing-browser"),
        ({"pool": "a", "stealth": True}, "stealth is the pool's to decide"),
    ],
    ids=lambda value: "+".join(value) if isinstance(value, dict) else "",
)
def test_what_contradicts_itself_is_one_sentence(options: dict[str, object], sentence: str) -> None:
    assert sentence in clash(options)


@pytest.mark.parametrize("name", ["profile", "proxy"])
@pytest.mark.parametrize("value", ["work", "name:abcdefghijklmnopqrstuvwx", "id:short"])
def test_a_profile_or_a_proxy_may_say_whether_it_is_a_name(name: str, value: str) -> None:
    assert resolve({name: value}, {}, SettingsFile(path="none"))[name] == value
    assert "give its id or name" in clash({name: f"other:{value}"})


def test_an_existing_browser_may_be_given_a_page_to_show() -> None:
    options = {"existing_browser": "a", "start_url": "https://a.example/", "telemetry": True}
    settings = resolve(options, {}, SettingsFile(path="none"))
    assert settings["start-url"] == "https://a.example/"
    assert settings["telemetry"] is True


def test_a_weaker_source_gives_way_to_a_stronger_one(path: Path) -> None:
    file = written(path, 'region = "eu-west"\npool = "p"\n')
    settings = resolve({"browser": "local"}, {}, file)
    assert settings.given == {"browser": Given("local", Source.OPTION, "--browser")}
    assert {name: aside.given.where for name, aside in settings.set_aside.items()} == {
        "pool": f"{path}:2: pool",
        "region": f"{path}:1: region",
    }
    taken = resolve({"existing_browser": "mine"}, {}, file)
    assert (taken["existing-browser"], taken["pool"], taken["region"]) == ("mine", "", "")


LINES = st.sampled_from(
    [
        "effort = 'low'",
        "effort = 5",
        "[preset.a]",
        "[preset]",
        "preset = 1",
        "a.b = 1",
        '"""',
        "tag = {}",
        "[[x]]",
    ]
)


@given(st.lists(LINES | st.text(max_size=20), max_size=6).map("\n".join))
def test_any_file_is_settings_or_one_sentence(text: str) -> None:
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory) / "settings.toml"
        path.write_bytes(text.encode("utf-8", "surrogatepass"))
        try:
            read_file(path)
        except SettingError as error:
            assert str(error).startswith(str(path))


def test_the_page_has_the_table_of_settings() -> None:
    text = (Path(__file__).parents[3] / "docs" / "settings.md").read_text()
    begin, end = text.index(page.BEGIN), text.index(page.END) + len(page.END)
    assert text[begin:end] == page.render()
