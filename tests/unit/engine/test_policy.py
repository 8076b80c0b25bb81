"""Which actions happen, which wait for a person, and which never happen."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pilothouse.engine.policy import Context, Mode, Verdict, always, args_sha256, decide, risks
from pilothouse.engine.policy_file import append_rule, parse_toml
from pilothouse.engine.policy_rules import (
    LOOKING,
    MEMBERS,
    MINUTE_NS,
    Effect,
    Policy,
    Proposal,
    Region,
    Rule,
    Tally,
    check_host,
    host_of,
    is_host,
    is_url,
)
from pilothouse.errors import UsageError
from pilothouse.safety import Redactor

SHOP = "https://shop.example.com/cart?n=1"
CLICK = Proposal(member="left_click", input={"coordinate": [100, 200]})
HOME = frozenset({"shop.example.com"})


def context(*rules: Rule, **more: Any) -> Context:
    regions = {"pay": Region(900, 600, 1280, 800), "menu": Region(0, 0, 200, 800)}
    given: dict[str, Any] = {"url": SHOP, "visited": HOME, "mode": Mode.AUTO} | more
    return Context(policy=Policy(rules=rules, regions=regions), **given)


def rule(effect: Effect, **says: Any) -> Rule:
    return Rule(**{"name": effect.value, "effect": effect, "why": f"because {effect.value}"} | says)


def effect(proposal: Proposal, where: Context) -> Effect:
    return decide(proposal, where).effect


def do(member: str, **given: Any) -> Proposal:
    return Proposal(member=member, input=given)


# ---------------------------------------------------------------------------------------------- modes


@pytest.mark.parametrize(
    ("mode", "harmless", "risky", "looking"),
    [
        (Mode.AUTO, "allow", "allow", "allow"),
        (Mode.ASK_RISKY, "allow", "ask", "allow"),
        (Mode.ASK_ALL, "ask", "ask", "allow"),
        (Mode.DENY_ALL, "deny", "deny", "allow"),
    ],
)
def test_the_mode_answers_for_what_no_rule_speaks_of(
    mode: Mode, harmless: str, risky: str, looking: str
) -> None:
    where = context(mode=mode)
    assert effect(CLICK, where) == harmless
    assert effect(do("key", text="Return"), where) == risky
    assert effect(do("screenshot"), where) == looking


def test_a_verdict_says_why_and_by_which_rule() -> None:
    no = rule(Effect.DENY, name="no paying", why="A person pays.", regions=("pay",))
    assert decide(do("left_click", coordinate=[1000, 700]), context(no)) == Verdict(
        effect=Effect.DENY, rule="no paying", why="A person pays."
    )
    assert decide(do("key", text="Return"), context(mode=Mode.ASK_RISKY)) == Verdict(
        effect=Effect.ASK, why="risky: the key submits", risks=("the key submits",)
    )


def test_what_a_rule_allows_is_still_called_risky() -> None:
    verdict = decide(do("key", text="Return"), context(rule(Effect.ALLOW), mode=Mode.ASK_RISKY))
    assert (verdict.effect, verdict.risky) == (Effect.ALLOW, True)


@given(st.lists(st.sampled_from(list(Effect)), max_size=6), st.sampled_from(list(Mode)))
def test_deny_beats_ask_beats_allow_in_any_order(effects: list[Effect], mode: Mode) -> None:
    rules = [rule(one, name=str(n)) for n, one in enumerate(effects)]
    got = effect(CLICK, context(*rules, mode=mode))
    for one in (Effect.DENY, Effect.ASK, Effect.ALLOW):
        if one in effects:
            assert got is one
            return
    assert got is effect(CLICK, context(mode=mode))


# ----------------------------------------------------------------------------------------- conditions


def test_rules_name_members_by_globs() -> None:
    where = context(rule(Effect.DENY, members=("*_click", "key")))
    denied = {member for member in MEMBERS if effect(do(member, coordinate=[1, 1]), where) is Effect.DENY}
    assert denied == {"left_click", "right_click", "middle_click", "double_click", "triple_click", "key"}


def test_a_rule_that_denies_a_region_means_any_end_of_a_drag_and_one_that_allows_means_both() -> None:
    across = do("left_click_drag", start_coordinate=[100, 100], coordinate=[1000, 700])
    inside = do("left_click_drag", start_coordinate=[100, 100], coordinate=[150, 100])
    deny = context(rule(Effect.DENY, regions=("pay",)))
    allow = context(rule(Effect.ALLOW, regions=("menu",)), mode=Mode.DENY_ALL)
    assert [effect(one, deny) for one in (across, inside)] == [Effect.DENY, Effect.ALLOW]
    assert [effect(one, allow) for one in (across, inside)] == [Effect.DENY, Effect.ALLOW]


def test_a_region_ends_before_its_right_and_lower_edge() -> None:
    where = context(rule(Effect.DENY, regions=("pay",)))
    places = ([900, 600], [1279, 799], [1280, 700], [899, 700])
    assert [effect(do("left_click", coordinate=at), where) for at in places] == [
        "deny",
        "deny",
        "allow",
        "allow",
    ]


@pytest.mark.parametrize(
    "given", [{}, {"coordinate": "12"}, {"coordinate": [1]}, {"coordinate": [10**400, 1]}]
)
def test_an_unknown_place_is_asked_about_and_never_allowed(given: dict[str, Any]) -> None:
    click = Proposal(member="left_click", input=given)
    assert effect(click, context(rule(Effect.DENY, regions=("pay",)))) is Effect.ASK
    assert effect(click, context(rule(Effect.ALLOW, regions=("menu",)), mode=Mode.DENY_ALL)) is Effect.DENY


def test_an_action_without_a_coordinate_happens_at_the_cursor() -> None:
    no = rule(Effect.DENY, regions=("pay",))
    for member in ("left_click", "left_mouse_down", "left_mouse_up", "scroll"):
        assert effect(do(member), context(no, cursor=(1000, 700))) is Effect.DENY
        assert effect(do(member), context(no, cursor=(10, 10))) is Effect.ALLOW
    assert effect(do("type", text="a"), context(no, cursor=(1000, 700))) is Effect.ALLOW


def test_a_pattern_is_searched_for_in_what_is_typed_pressed_or_held() -> None:
    where = context(rule(Effect.DENY, text=r"(?i)delete|\bctrl\b"))
    assert effect(do("type", text="please DELETE it"), where) is Effect.DENY
    assert effect(do("key", text="Delete"), where) is Effect.DENY
    assert effect(do("left_click", coordinate=[1, 1], text="ctrl"), where) is Effect.DENY
    assert effect(do("type", text="keep it"), where) is Effect.ALLOW


def test_padding_hides_nothing_from_a_pattern() -> None:
    where = context(rule(Effect.DENY, text="delete"))
    assert effect(do("type", text=" " * 20_001 + "delete"), where) is Effect.ASK


def test_an_unknown_address_is_asked_about_and_never_allowed() -> None:
    for says in ({"hosts": ("shop.example.com",)}, {"urls": ("https://shop.example.com/*",)}):
        assert effect(CLICK, context(rule(Effect.DENY, **says), url="")) is Effect.ASK
        assert effect(CLICK, context(rule(Effect.DENY, **says))) is Effect.DENY
        assert effect(CLICK, context(rule(Effect.ALLOW, **says), url="", mode=Mode.DENY_ALL)) is Effect.DENY
        assert effect(CLICK, context(rule(Effect.ALLOW, **says), mode=Mode.DENY_ALL)) is Effect.ALLOW


def test_a_certain_no_outweighs_an_unknown() -> None:
    where = context(rule(Effect.DENY, members=("key",), hosts=("shop.example.com",)), url="")
    assert effect(CLICK, where) is Effect.ALLOW


def test_a_rule_may_speak_of_screens_not_seen_before() -> None:
    new = rule(Effect.ASK, new_screen=True)
    assert effect(CLICK, context(new, frame_sha256="a")) is Effect.ASK
    assert effect(CLICK, context(new, frame_sha256="a", seen=frozenset({"a"}))) is Effect.ALLOW
    assert effect(CLICK, context(new)) is Effect.ASK


@pytest.mark.parametrize(
    ("done", "allowed", "asked"), [(2, "allow", "allow"), (3, "deny", "ask"), (9, "deny", "ask")]
)
def test_a_quota_is_kept_by_rules_that_allow_and_enforced_by_others(
    done: int, allowed: str, asked: str
) -> None:
    tally = Tally()
    for n in range(done):
        tally = tally.add("left_click", n)
    tally = tally.add("key", 0)
    for quota in ({"count": 3}, {"per_minute": 3}):
        says = {"members": ("left_click",)} | quota
        allow = context(rule(Effect.ALLOW, **says), tally=tally, now_ns=done, mode=Mode.DENY_ALL)
        ask = context(rule(Effect.ASK, **says), tally=tally, now_ns=done)
        assert (effect(CLICK, allow), effect(CLICK, ask)) == (allowed, asked)


def test_a_minute_passes() -> None:
    tally = Tally().add("left_click", 0).add("left_click", MINUTE_NS // 2)
    assert [tally.last_minute((), now) for now in (MINUTE_NS // 2, MINUTE_NS, 2 * MINUTE_NS)] == [2, 1, 0]
    later = tally.add("left_click", 2 * MINUTE_NS)
    assert (later.total(()), len(later.recent)) == (3, 1)


# ------------------------------------------------------------------------------------------ addresses


@pytest.mark.parametrize(
    ("url", "host"),
    [
        ("https://Shop.Example.COM./x", "shop.example.com"),
        ("https://shop.example.com@evil.test/", "evil.test"),
        ("https://bücher.example/", "xn--bcher-kva.example"),
        ("http://127.0.0.1:8080/", "127.0.0.1:8080"),
        ("https://shop.example.com:443/", "shop.example.com"),
        ("http://[::1]:9/", "[::1]:9"),
        ("about:blank", ""),
        ("chrome://settings", ""),
        ("http://[bad/", ""),
        ("http://x:99999999/", ""),
        ("", ""),
    ],
)
def test_an_address_has_one_written_host(url: str, host: str) -> None:
    assert host_of(url) == host


def test_a_star_means_what_is_below_a_host_and_nothing_that_ends_alike() -> None:
    hosts = ["example.com", "a.example.com", "b.a.example.com", "evil-example.com", "example.com.evil.test"]
    assert [is_host(host, ["*.example.com"]) for host in hosts] == [False, True, True, False, False]
    assert [is_host(host, ["Example.com"]) for host in hosts] == [True, False, False, False, False]
    assert is_host("127.0.0.1:80", ["127.0.0.1"])
    assert not is_host("127.0.0.1:80", ["127.0.0.1:81"])
    assert not is_host("", ["*"])


@pytest.mark.parametrize(
    "pattern", ["*example.com", "exa*mple.com", "a.*.com", "", "*.", "https://a.com", "a b"]
)
def test_a_host_that_would_mean_something_else_is_refused(pattern: str) -> None:
    with pytest.raises(UsageError, match="is no host"):
        check_host(pattern)


@pytest.mark.parametrize(
    ("url", "meant"),
    [
        ("https://shop.example.com/cart/2", True),
        ("https://shop.example.com/c%61rt", True),
        ("HTTPS://SHOP.example.com/cart", True),
        ("http://shop.example.com/cart", False),
        ("https://shop.example.com@evil.test/cart", False),
        ("https://evil.test/https://shop.example.com/cart", False),
        ("https://shop.example.com/help", False),
        ("http://[bad", False),
    ],
)
def test_an_address_is_compared_part_by_part(url: str, meant: bool) -> None:
    assert is_url(url, ["https://shop.example.com/cart*"]) is meant


def test_off_the_list_of_hosts_every_action_is_asked_about() -> None:
    off = {
        "url": "https://evil.test/",
        "allow_hosts": ("shop.example.com",),
        "visited": frozenset({"evil.test"}),
    }
    assert decide(CLICK, context(**off)).why == "evil.test is off the list of hosts"
    assert effect(CLICK, context(**off)) is Effect.ASK
    assert effect(CLICK, context(rule(Effect.ALLOW), **off)) is Effect.ASK
    assert effect(CLICK, context(rule(Effect.ALLOW, hosts=("evil.test",)), **off)) is Effect.ALLOW
    assert effect(CLICK, context(mode=Mode.DENY_ALL, **off)) is Effect.DENY
    assert effect(do("screenshot"), context(**off)) is Effect.ALLOW
    settings = context(url="chrome://settings", allow_hosts=("shop.example.com",))
    assert decide(CLICK, settings).why == "a chrome address is off the list of hosts"


# ---------------------------------------------------------------------------------------------- risky


@pytest.mark.parametrize(
    ("proposal", "more", "risk"),
    [
        (do("type", text="hello\n"), {}, "the text presses Enter"),
        (do("type", text="hello\rmore"), {}, "the text presses Enter"),
        (do("key", text="Return"), {}, "the key submits"),
        (do("key", text="ctrl+a KP_Enter"), {}, "the key submits"),
        (do("key", text="ctrl+Enter"), {}, "the key submits"),
        (do("hold_key", text="space", duration=1), {}, "the key submits"),
        (do("key", text=" "), {}, "the key submits"),
        (CLICK, {"url": "https://new.test/"}, "nothing was done on new.test before"),
        (CLICK, {"url": "file:///etc/passwd"}, "the page is a file address"),
        (CLICK, {"url": "chrome://settings"}, "the page is a chrome address"),
        (do("type", text="evil.test/pay"), {}, "the text names evil.test, where nothing was done before"),
        (
            do("type", text="see http://evil.test"),
            {},
            "the text names evil.test, where nothing was done before",
        ),
        (do("type", text="javascript:alert(1)"), {}, "the text is a javascript address"),
        (do("type", text="x" * 20_001), {}, "the text is too long to be looked through"),
        (
            do("type", text="my hunter2hunter2"),
            {"redactor": Redactor(["hunter2hunter2"])},
            "it may give away a secret",
        ),
        (do("type", text="AKIAABCDEFGHIJKLMNOP"), {}, "it may give away a secret"),
        (do("type", text="<password>"), {"placeholders": ("<password>",)}, "it may give away a secret"),
        (do("key", text="ctrl+s"), {}, "the keys save the page: a download"),
        (do("key", text="cmd+shift+s"), {}, "the keys save the page: a download"),
        (do("key", text="ctrl+o"), {}, "the keys open a file"),
        (do("type", text="/home/me/.ssh/id_ed25519"), {}, "the text names a file"),
        (do("type", text="C:\\secret.txt"), {}, "the text names a file"),
        (CLICK, {"dialog": "download"}, "a download has begun in the browser"),
        (CLICK, {"dialog": "upload"}, "the browser has an upload open"),
        (
            do("left_click_drag", start_coordinate=[1, 1], coordinate=[500, 500]),
            {},
            "it drags onto unknown ground",
        ),
        (do("left_click_drag"), {}, "it drags onto unknown ground"),
        (do("left_mouse_up"), {"button_held": True, "cursor": (500, 500)}, "it drags onto unknown ground"),
    ],
)
def test_the_risky_list(proposal: Proposal, more: dict[str, Any], risk: str) -> None:
    assert risks(proposal, context(**more)) == (risk,)
    assert effect(proposal, context(mode=Mode.ASK_RISKY, **more)) is Effect.ASK


@pytest.mark.parametrize(
    ("proposal", "more"),
    [
        (CLICK, {}),
        (CLICK, {"url": ""}),
        (CLICK, {"url": "about:blank"}),
        (CLICK, {"url": "chrome://newtab/"}),
        (CLICK, {"url": "https://new.example.com/", "allow_hosts": ("*.example.com",)}),
        (do("type", text="Two tickets. One adult, one child"), {}),
        (do("type", text="me@mail.test"), {}),
        (do("type", text="shop.example.com/help"), {}),
        (do("key", text="ctrl+a"), {}),
        (do("key", text="s"), {}),
        (do("scroll", coordinate=[1, 1], scroll_direction="down", scroll_amount=3), {}),
        (
            do("left_click_drag", start_coordinate=[1, 1], coordinate=[500, 500]),
            {"touched": ((510.0, 520.0),)},
        ),
        (do("left_mouse_up"), {"cursor": (500, 500)}),
    ],
)
def test_what_is_not_risky(proposal: Proposal, more: dict[str, Any]) -> None:
    assert risks(proposal, context(**more)) == ()


# ------------------------------------------------------------------------------ whatever comes in


values = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=40)
inputs = st.dictionaries(
    st.sampled_from(["coordinate", "start_coordinate", "text", "region", "scroll_direction", "repeat"]),
    values | st.lists(values, max_size=4),
    max_size=4,
)
proposals = st.builds(Proposal, member=st.sampled_from(MEMBERS) | st.text(max_size=8), input=inputs)
contexts = st.builds(
    context,
    st.builds(
        rule,
        st.sampled_from(list(Effect)),
        members=st.sampled_from([(), ("*click*",), ("type",)]),
        regions=st.sampled_from([(), ("pay",), ("menu", "pay")]),
        text=st.sampled_from(["", "a", r"\Ax"]),
        hosts=st.sampled_from([(), ("*.example.com",)]),
        count=st.integers(0, 2),
    ),
    url=st.text(max_size=20) | st.just(SHOP),
    mode=st.sampled_from(list(Mode)),
    cursor=st.none() | st.tuples(st.floats(0, 1280), st.floats(0, 800)),
    button_held=st.booleans(),
)


@given(proposals, contexts)
def test_every_proposal_gets_the_same_verdict_twice(proposal: Proposal, where: Context) -> None:
    verdict = decide(proposal, where)
    assert verdict == decide(proposal, where)
    assert verdict.why


@given(proposals, contexts)
def test_nothing_but_looking_is_allowed_by_deny_all_and_a_rule_that_denies(
    proposal: Proposal, where: Context
) -> None:
    everything = rule(Effect.DENY)
    strict = context(everything, mode=Mode.DENY_ALL, url=where.url)
    assert effect(proposal, strict) is Effect.DENY
    without = context(mode=Mode.DENY_ALL, url=where.url)
    assert effect(proposal, without) is (Effect.ALLOW if proposal.member in LOOKING else Effect.DENY)


# --------------------------------------------------------------------------------------------- always


coordinates = st.lists(st.integers(0, 1279), min_size=2, max_size=2)
texts = st.text(st.characters(blacklist_categories=["Cs"]), max_size=60)
proper = st.one_of(
    st.builds(
        lambda member, at: do(member, coordinate=at),
        st.sampled_from(["left_click", "double_click"]),
        coordinates,
    ),
    st.builds(
        lambda at, text: do("left_click", coordinate=at, text=text),
        coordinates,
        st.sampled_from(["ctrl", "shift"]),
    ),
    st.builds(lambda a, b: do("left_click_drag", start_coordinate=a, coordinate=b), coordinates, coordinates),
    st.builds(lambda text: do("type", text=text), texts),
    st.builds(lambda text: do("key", text=text), st.sampled_from(["Return", "ctrl+s", "a b"])),
)


@given(proper, st.sampled_from(["", SHOP, "https://bücher.example/"]))
def test_always_writes_a_rule_that_allows_the_action_and_can_be_read(proposal: Proposal, url: str) -> None:
    asked = context(url=url, mode=Mode.ASK_ALL)
    policy = parse_toml(always(proposal, asked))
    after = Context(policy=policy, url=url, mode=Mode.ASK_ALL, visited=HOME)
    assert effect(proposal, after) is Effect.ALLOW
    assert decide(proposal, after).rule == policy.rules[0].name


@given(proper, proper)
def test_always_allows_nothing_further_off(proposal: Proposal, other: Proposal) -> None:
    policy = parse_toml(always(proposal, context()))
    where = Context(policy=policy, url=SHOP, mode=Mode.DENY_ALL, visited=HOME)
    if (other.member, other.text) != (proposal.member, proposal.text):
        assert effect(other, where) is Effect.DENY
    elsewhere = Context(policy=policy, url="https://evil.test/", mode=Mode.DENY_ALL)
    assert effect(proposal, elsewhere) is Effect.DENY


def test_always_is_as_narrow_as_the_action() -> None:
    assert always(do("left_click", coordinate=[640, 60]), context()) == (
        '[regions."always left_click at 640,60 on shop.example.com"]\n'
        "box = [616, 36, 664, 84]\n"
        "\n"
        "[[rule]]\n"
        'name = "always left_click at 640,60 on shop.example.com"\n'
        'effect = "allow"\n'
        'why = "A person said always."\n'
        'members = ["left_click"]\n'
        'regions = ["always left_click at 640,60 on shop.example.com"]\n'
        'text = "\\\\A\\\\z"\n'
        'hosts = ["shop.example.com"]\n'
    )


def test_always_shows_what_a_person_could_not_see() -> None:
    written = always(do("type", text="a\x1b[2J\u202e\x9b"), context())
    assert written.isprintable() is False  # newlines alone
    assert all(line.isprintable() for line in written.splitlines())


def test_a_secret_never_goes_into_a_rule() -> None:
    with pytest.raises(UsageError, match="can't hold a secret"):
        always(do("type", text="hunter2hunter2"), context(redactor=Redactor(["hunter2hunter2"])))


def test_always_needs_to_know_where() -> None:
    with pytest.raises(UsageError, match="not known"):
        always(do("left_click"), context())


def test_rules_are_added_to_a_file_one_by_one() -> None:
    text = '[regions]\nmenu = [0, 0, 10, 10]\n\n[[rule]]\nname = "x"\neffect = "deny"\nwhy = "y"\n'
    for at in ([640, 60], [10, 10]):
        text = append_rule(text, always(do("left_click", coordinate=at), context()))
    policy = parse_toml(text)
    assert [one.effect for one in policy.rules] == ["deny", "allow", "allow"]
    with pytest.raises(UsageError):
        append_rule(text, always(do("left_click", coordinate=[10, 10]), context()))


def test_the_hash_of_arguments_is_of_the_member_too_and_of_no_order() -> None:
    assert args_sha256("key", {"a": 1, "b": [2]}) == args_sha256("key", {"b": [2], "a": 1})
    assert (
        len({args_sha256("key", {"a": 1}), args_sha256("type", {"a": 1}), args_sha256("key", {"a": 2})}) == 3
    )
