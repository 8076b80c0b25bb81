"""What a person wishes for in a browser: refused where nobody could keep it, worded as Kernel has it."""

import pytest

from pilothouse.browser import wishes
from pilothouse.engine.spec import BrowserOptions
from pilothouse.errors import UsageError


@pytest.mark.parametrize(
    ("options", "kind", "sentence"),
    [
        (BrowserOptions(existing="a", pool="b"), "kernel", "either an existing one or from a pool"),
        (BrowserOptions(existing="a"), "local", "starts and ends with the run"),
        (BrowserOptions(existing="a", allow_hosts=("x",)), "kernel", "allowed hosts: an existing browser"),
        (BrowserOptions(pool="a", stealth=True), "kernel", "stealth: a browser from a pool is as it is"),
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
    wishes.check(BrowserOptions(existing="a", replay_video=True), "kernel")


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
