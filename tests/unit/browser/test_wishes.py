"""What a person wishes for in a browser: refused where nobody could keep it, worded as Kernel has it."""

from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from pilothouse.browser import wishes
from pilothouse.engine.browser_rules import EXISTING, LOCAL, NEW, POOL, RULES
from pilothouse.engine.spec import BrowserOptions
from pilothouse.errors import SettingError, UsageError
from pilothouse.settings.given import Given, Source
from pilothouse.settings.resolve import Settings, harmonised
from pilothouse.settings.table import SETTINGS, Setting


@pytest.mark.parametrize(
    ("options", "kind", "sentence"),
    [
        (BrowserOptions(existing="a", pool="b"), "kernel", "either an existing one or from a pool"),
        (BrowserOptions(existing="a"), "local", "starts and ends with the run"),
        (BrowserOptions(existing="a", allow_hosts=("x",)), "kernel", "allowed hosts: an existing browser"),
        (BrowserOptions(pool="a", stealth=True), "kernel", "stealth: a browser from a pool is as it is"),
        (BrowserOptions(existing="a", tags={"b": "c"}), "kernel", "tags: an existing browser is as it is"),
        (BrowserOptions(existing="a", width_px=640), "kernel", "a width: an existing browser is as it is"),
        (BrowserOptions(profile="a"), "local", "a profile: a browser on this machine is as it is"),
        (BrowserOptions(proxy="a"), "local", "a proxy: a browser on this machine is as it is"),
        (BrowserOptions(pool="a"), "local", "a pool: a browser on this machine is as it is"),
        (BrowserOptions(region="mars"), "kernel", "mars: there is no such region"),
        (BrowserOptions(save_profile=True), "kernel", "there is no profile to save"),
        (BrowserOptions(tags={str(n): "x" for n in range(48)}), "kernel", "at most 47 tags"),
    ],
)
def test_a_wish_that_nobody_could_keep_is_refused(options: BrowserOptions, kind: str, sentence: str) -> None:
    with pytest.raises(UsageError, match=sentence):
        wishes.check(options, kind)


def test_wishes_that_can_be_kept_pass() -> None:
    wishes.check(BrowserOptions(stealth=True, region="us-west", profile="a", save_profile=True), "kernel")
    wishes.check(BrowserOptions(pool="a", profile="b", telemetry=True, replay_video=True), "kernel")
    wishes.check(BrowserOptions(existing="a", replay_video=True, telemetry=True, start_url="b"), "kernel")
    wishes.check(BrowserOptions(kiosk=True, tags={"a": "b"}, allow_hosts=("c",), width_px=640), "local")


def test_every_wish_has_its_rule_in_the_one_table() -> None:
    assert set(RULES) == set(BrowserOptions.__struct_fields__)


WISHED = {
    "width_px": 640,
    "height_px": 480,
    "start_url": "https://a.example/",
    "allow_hosts": ("a.example",),
    "tags": {"a": "b"},
    "region": "eu-west",
    "settle": "delays",
    **dict.fromkeys(("profile", "proxy", "invocation", "existing", "pool"), "a"),
    **dict.fromkeys(("stealth", "headless", "kiosk", "save_profile", "replay_video", "telemetry"), True),
}


@pytest.mark.parametrize("source", [NEW, LOCAL, EXISTING, POOL])
@pytest.mark.parametrize("field", RULES)
def test_settings_and_the_engine_judge_a_wish_alike(source: str, field: str) -> None:
    kind = "local" if source == LOCAL else "kernel"
    chosen = {"existing": "a"} if source == EXISTING else {"pool": "a"} if source == POOL else {}
    wished = {field: WISHED[field], **({"profile": "a"} if field == "save_profile" else {}), **chosen}
    options = msgspec.convert(wished, BrowserOptions)
    given = {
        setting.name: Given(_value(setting, options), Source.OPTION, setting.flag)
        for setting in SETTINGS
        if any(path.removeprefix("browser_options.") in wished for path in setting.into)
    } | {"browser": Given(kind, Source.OPTION, "--browser")}

    def refused(judge: Callable[[], object]) -> bool:
        try:
            judge()
        except (UsageError, SettingError):
            return True
        return False

    by_engine = refused(lambda: wishes.check(options, kind))
    assert refused(lambda: harmonised(Settings(given=given))) is by_engine
    if field not in ("existing", "pool") and source != NEW:
        assert by_engine is (source not in RULES[field].kept_by or (field, source) == ("save_profile", LOCAL))


def _value(setting: Setting, options: BrowserOptions) -> Any:
    parts = tuple(getattr(options, path.removeprefix("browser_options.")) for path in setting.into)
    return parts if len(parts) > 1 else parts[0]


def test_a_plain_wish_asks_for_nothing_more() -> None:
    params = wishes.create_params(BrowserOptions(), "name", "run", "")
    assert set(params) == {"name", "tags", "timeout_seconds", "viewport"}


def test_profiles_and_proxies_are_named_or_given_by_id() -> None:
    def asked(text: str) -> list[object]:
        options = BrowserOptions(profile=text, proxy=text)
        params = wishes.create_params(options, "name", "run", "")
        return [params["profile"], params["proxy"]]

    identifier = "abcdefghijklmnopqrstuvwx"
    assert asked("home") == [{"name": "home"}] * 2
    assert asked(identifier) == [{"id": identifier}] * 2
    assert asked(f"name:{identifier}") == [{"name": identifier}] * 2
    assert asked("id:short") == [{"id": "short"}] * 2


def test_only_the_whole_of_our_tags_makes_a_browser_ours() -> None:
    ours = wishes.our_tags("run1")
    assert wishes.is_ours(ours | {"more": "x"}, "run1")
    assert not wishes.is_ours(ours, "run2")
    assert not wishes.is_ours({"app": "pilothouse", "run": "run1"}, "run1")
    assert not wishes.is_ours(None, "run1")
