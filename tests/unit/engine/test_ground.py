"""Where the run stands, as far as approval asks."""

from __future__ import annotations

from typing import Any

from pilothouse.engine.ground import SEEN_MAX, TOUCHED_MAX, VISITED_MAX, Ground
from pilothouse.engine.policy import Mode, Policy, decide
from pilothouse.engine.policy_rules import RECENT_MAX, Effect, Proposal

SHOP = "https://shop.example.com/"


def do(member: str, **given: Any) -> Proposal:
    return Proposal(member=member, input=given)


def verdict(ground: Ground, proposal: Proposal) -> Effect:
    where = ground.context(policy=Policy(), mode=Mode.ASK_RISKY, now_ns=0)
    return decide(proposal, where).effect


def test_the_first_host_is_known_and_the_next_is_asked_about_once() -> None:
    ground = Ground().framed("a", SHOP)
    click = do("left_click", coordinate=[1, 1])
    assert verdict(ground, click) is Effect.ALLOW
    ground = ground.let(click, 0).framed("b", "https://other.test/x")
    assert verdict(ground, click) is Effect.ASK
    assert verdict(ground.let(click, 1), click) is Effect.ALLOW


def test_looking_around_makes_nothing_known() -> None:
    ground = Ground().framed("a", SHOP).framed("b", "https://other.test/")
    assert ground.let(do("screenshot"), 0).visited == ("shop.example.com",)
    assert ground.let(do("screenshot"), 0).seen == ()


def test_a_drag_made_by_hand_is_a_drag() -> None:
    ground = Ground().framed("a", SHOP).let(do("mouse_move", coordinate=[10, 10]), 0)
    down = ground.let(do("left_mouse_down"), 1)
    assert (down.button_held, down.cursor) == (True, (10, 10))
    far = down.let(do("mouse_move", coordinate=[500, 500]), 2)
    assert verdict(far, do("left_mouse_up")) is Effect.ASK
    near = down.let(do("mouse_move", coordinate=[12, 12]), 2)
    assert verdict(near, do("left_mouse_up")) is Effect.ALLOW
    assert not near.let(do("left_mouse_up"), 3).button_held


def test_what_was_touched_counts_on_its_host_alone() -> None:
    ground = Ground().framed("a", SHOP).let(do("left_click", coordinate=[5, 5]), 0)
    assert ground.framed("b", SHOP + "cart").touched == ((5, 5),)
    assert ground.framed("b", "https://other.test/").touched == ()


def test_a_screen_is_seen_once_something_was_done_on_it() -> None:
    ground = Ground().framed("a", SHOP)
    context = ground.context(policy=Policy(), mode=Mode.AUTO, now_ns=0)
    after = ground.let(do("key", text="a"), 0).context(policy=Policy(), mode=Mode.AUTO, now_ns=0)
    assert (context.is_new_screen, after.is_new_screen) == (True, False)


def test_the_oldest_is_forgotten() -> None:
    ground = Ground()
    for n in range(SEEN_MAX + 50):
        click = do("left_click", coordinate=[n, n])
        ground = ground.framed(str(n), f"https://h{n}.test/").let(click, n)
    for _ in range(TOUCHED_MAX + 50):
        ground = ground.let(do("left_click", coordinate=[1, 1]), 0)
    sizes = (len(ground.seen), len(ground.visited), len(ground.touched), len(ground.tally.recent))
    assert sizes == (SEEN_MAX, VISITED_MAX, TOUCHED_MAX, min(RECENT_MAX, SEEN_MAX + TOUCHED_MAX + 100))
