"""When the next frame may go: answers that come, come late, or never come."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from pilothouse.terminal.link import LinkFigures
from pilothouse.terminal.pacing import (
    FIRST_WINDOW,
    LEAST_WINDOW,
    NUMBERS,
    Pacer,
    number_at,
    place_of,
    question,
)


class Line:
    """A pacer on a clock that a test moves, and the backlog it is told of."""

    def __init__(self) -> None:
        self.now = 100.0
        self.backlog = 0
        self.pacer = Pacer(lambda: self.now, lambda: self.backlog)

    def paint(self, count: int = 500) -> tuple[int, int]:
        return self._place(self.pacer.mark(count, is_text=True))

    def send(self, count: int) -> tuple[int, int]:
        return self._place(self.pacer.mark(count, is_text=False))

    def _place(self, asked: str) -> tuple[int, int]:
        row, _, column = asked.split("\x1b[")[1].removesuffix("H").partition(";")
        return int(row), int(column)

    def answer(self, place: tuple[int, int]) -> bool:
        return self.pacer.answered(*place, self.now)


def test_a_second_frame_waits_for_the_answer_to_the_first() -> None:
    line = Line()
    first = line.paint()
    assert not line.pacer.may_paint()
    line.now += 0.2
    assert line.answer(first)
    assert line.pacer.may_paint()
    assert line.pacer.figures() == LinkFigures(rtt_ms=200.0, sent_kb_s=0.3, answers=True)


def test_pieces_of_pictures_go_until_the_line_is_full_and_text_between_them() -> None:
    line = Line()
    places = []
    while line.pacer.may_send():
        places.append(line.send(4_000))
    assert 3_000 * len(places) < FIRST_WINDOW <= line.pacer.waiting_bytes
    assert not line.pacer.may_paint()
    line.now += 0.3
    line.answer(places[0])
    assert line.pacer.may_paint()


def test_an_answer_stands_for_all_that_was_sent_before() -> None:
    line = Line()
    line.send(1_000)
    last = line.send(1_000)
    line.answer(last)
    assert line.pacer.waiting_bytes == 0
    assert line.pacer.settled


def test_a_lost_answer_is_given_up_and_its_late_arrival_is_not_taken_for_anothers() -> None:
    line = Line()
    line.answer(line.paint())
    lost = line.paint()
    line.now += 10
    assert line.pacer.expire()
    assert line.pacer.may_paint()
    line.paint()
    assert not line.answer(lost)
    assert not line.pacer.may_paint()


def test_a_terminal_that_never_answers_is_paced_by_what_it_has_taken() -> None:
    line = Line()
    line.paint()
    line.now += 10
    assert line.pacer.expire()
    assert not line.pacer.answers
    assert line.pacer.mark(500, is_text=True) == ""
    line.backlog = 5
    assert not line.pacer.may_paint()
    assert not line.pacer.may_send()
    line.backlog = 0
    assert line.pacer.may_paint()
    assert line.pacer.may_send()


def test_patience_grows_with_what_is_on_its_way() -> None:
    line = Line()
    line.send(80_000)
    line.now += 6
    assert not line.pacer.expire()


def test_a_terminal_that_says_where_its_own_cursor_is_still_acknowledges() -> None:
    line = Line()
    line.paint()
    assert line.answer((1, 1))
    assert line.pacer.may_paint()


def test_answers_nobody_asked_for_say_nothing() -> None:
    line = Line()
    assert not line.answer((4, 4))
    assert line.pacer.figures() == LinkFigures()


def test_a_resize_forgets_what_was_on_its_way() -> None:
    line = Line()
    lost = line.paint()
    line.pacer.resized()
    assert line.pacer.may_paint()
    line.paint()
    assert not line.answer(lost)


def test_the_window_follows_the_line() -> None:
    line = Line()
    for _ in range(12):
        places = []
        while line.pacer.may_send():
            places.append(line.send(line.pacer.piece_bytes))
        for place in places:
            line.now += line.pacer.piece_bytes / 30_000
            line.answer(place)
    assert 20_000 < line.pacer.link.rate < 40_000
    assert LEAST_WINDOW <= line.pacer.window < 60_000


@given(st.integers(0, NUMBERS - 1))
def test_every_number_has_a_place_of_its_own_that_fits_the_smallest_screen(number: int) -> None:
    row, column = place_of(number)
    assert 2 <= row <= 12
    assert 1 <= column <= 40
    assert number_at(row, column) == number
    assert question(number) == f"\x1b7\x1b[{row};{column}H\x1b[6n\x1b8"


def test_the_echo_of_a_key_may_follow_one_frame_that_is_on_its_way() -> None:
    line = Line()
    line.paint()
    assert not line.pacer.may_paint()
    assert line.pacer.may_paint(is_echo=True)
    line.paint(60)
    assert not line.pacer.may_paint(is_echo=True)


def test_no_echo_is_put_behind_a_line_that_is_full() -> None:
    line = Line()
    line.paint(FIRST_WINDOW)
    assert not line.pacer.may_paint(is_echo=True)
