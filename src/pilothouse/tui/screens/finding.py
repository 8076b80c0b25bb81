"""Looking for rows: search, filter, markers, how much detail the lists show, and copying what was found."""

from __future__ import annotations

import re
import time
from typing import TYPE_CHECKING, Final

from pilothouse.errors import PilothouseError
from pilothouse.tui import words
from pilothouse.tui.actions import SEARCH_KEYS
from pilothouse.tui.markers import Markers
from pilothouse.tui.pace import IDLE_LIMITS_S
from pilothouse.tui.panes.picture import PicturePane
from pilothouse.tui.screens.inspecting import InspectingScreen
from pilothouse.tui.search import Search
from pilothouse.tui.sieve import BRIEF, DETAILS, FULL, Filter, parse_filter
from pilothouse.tui.widgets.lines import KeyBar

if TYPE_CHECKING:
    from typing import Any

    from pilothouse.tui.widgets.finders import Find, Sift
    from pilothouse.tui.widgets.rows import Rows


PIECE: Final = 200
LOOKING_S, RESTING_S = 0.01, 0.005
"""Rows are looked at in pieces, for so long at a time: a key waits no longer, however many rows there are."""


class FindingScreen(InspectingScreen, is_layer=True):
    """Adds the search, the filter and the markers to the run screen."""

    _pattern: re.Pattern[str]
    _search: Search | None = None
    _searched: Rows | None = None
    """The list that the search is in."""
    _to_match: int = 0
    """Where to go when it is known: to the next match (1), the one before (-1), the first from here (2)."""
    _at_match = -1
    """The match that was gone to last."""
    _sifts = ""
    """A filter that is at work: what it was given as."""
    _is_looking = False
    _detail = 0

    def __init__(self, *args: Any, **named: Any) -> None:
        super().__init__(*args, **named)
        self.markers = Markers(self.run_id)
        self._put_markers()

    # --- search -----------------------------------------------------------------------------------

    @property
    def searching(self) -> bool:
        """Say whether `n` means the next match."""
        return self._search is not None

    def meant(self, name: str) -> str:
        """Say which action a key's own one stands for now: `n` is the next match inside a search."""
        return "find.next" if name == "attend" and self.searching else name

    def do_find(self) -> None:
        """Ask what to search for; the inspector gives way to the rows."""
        if self.current_rows not in (self.transcript_rows, self.calls_rows):
            self.close_inspector()
        self._open("find")

    def on_find_given(self, message: Find.Given) -> None:
        """Search for what was written."""
        self._close()
        self.forget_search()
        if not message.text.strip():
            return
        ignore = re.IGNORECASE if message.text == message.text.lower() else 0
        self._pattern = re.compile(re.escape(message.text), ignore)
        self._searched = self.current_rows
        self._searched.seek(self._pattern)
        self._search_from(self._searched.cursor)
        self._go_to_match(2)

    def _search_from(self, start: int) -> None:
        if self._searched is not None:
            self._at_match = -1
            self._search = Search(self.sieve_of(self._searched), self._pattern, start)

    def do_find_next(self) -> None:
        """Go to the next match."""
        self._go_to_match(1)

    def do_find_previous(self) -> None:
        """Go to the match before."""
        self._go_to_match(-1)

    def _go_to_match(self, where: int) -> None:
        if self._search is not None:
            self._to_match = where
            self._go_looking()
            if self._to_match:
                self.refresh_all()  # says how far it has got

    def _show_match(self, rows: Rows, index: int) -> None:
        """Select a row that matches; a folded one is unfolded, for what matches may be hidden in it."""
        sieve = self.sieve_of(rows)
        if rows is self.transcript_rows and self.transcript.rows[sieve.behind(index)].folded:
            sieve.toggle(index)
            rows.changed_from(index)
        self.choose(rows, index, sieve.position(index))

    def forget_search(self) -> bool:
        """End the search; says whether there was one."""
        if self._searched is not None:
            self._searched.seek(None)
        was, self._search, self._searched = self.searching, None, None
        self._to_match, self._at_match = 0, -1
        self.say_found("")
        return was

    # --- looking, a while at a time ---------------------------------------------------------------

    def rows_changed(self, rows: Rows, first: int) -> None:
        """Take note of changes, in a search too."""
        super().rows_changed(rows, first)
        if self._search is not None and rows is self._searched:
            self._search.forget_from(first)
            self._look_soon()

    def _go_looking(self) -> None:
        """Look at rows for as long as a key can wait, and at the rest after a rest."""
        until_s = time.perf_counter() + LOOKING_S
        while self._look_at_some() and time.perf_counter() < until_s:
            pass
        self._tell_filter()
        self._tell_search()
        if self._is_sifting or self._is_searching:
            self._look_soon()

    def _look_soon(self) -> None:
        if not self._is_looking:
            self._is_looking = True
            self.set_timer(RESTING_S, self._go_on_looking)

    def _go_on_looking(self) -> None:
        self._is_looking = False
        self._go_looking()

    @property
    def _is_sifting(self) -> bool:
        return not (self.transcript_sieve.is_done and self.calls_sieve.is_done)

    @property
    def _is_searching(self) -> bool:
        return self._search is not None and not self._search.is_done

    def _look_at_some(self) -> bool:
        """Look at a few rows: of lists that are filtered, then of the search; says whether there were any."""
        for rows in (self.transcript_rows, self.calls_rows):
            if not (sieve := self.sieve_of(rows)).is_done:
                self.rows_changed(rows, sieve.go_on(PIECE))
                self._is_news = True
                return True
        if self._search is not None and not self._search.is_done:
            self._search.go_on(PIECE)
            return True
        return False

    def _tell_search(self) -> None:
        """Go to the match that was asked for once it is known; say how many there are."""
        search, rows = self._search, self._searched
        if search is None or rows is None:
            return
        if search.is_done and not search.count and not self._is_sifting:
            self.forget_search()
            self.say("nothing matches", "warning")
            return
        at = self._match(search, rows.cursor) if self._to_match else None
        self._at_match = self._at_match if at is None else at
        self._is_news |= self.found != (found := self._where(search))
        self.found = found
        if at is not None:
            self._to_match = 0
            self._show_match(rows, at)

    def _match(self, search: Search, cursor: int) -> int | None:
        if self._to_match < 0:
            return search.previous(cursor)
        return search.next(cursor if self._to_match == 2 else cursor + 1)

    def _where(self, search: Search) -> str:
        nth = f"{search.nth(self._at_match)} of " if search.is_done and self._at_match >= 0 else ""
        return f"{nth}{search.count} matches" + ("" if search.is_done else f", {search.done:.0%} searched")

    def show_keys(self) -> None:
        """Show in the footer what can be done here and now; in a search, how to go on with it."""
        super().show_keys()
        if self.searching and not self.drawer.keys and not self.has_class("-help"):
            self.query_one(KeyBar).put([(key.keys, key.short, True) for key in SEARCH_KEYS])

    # --- filter -----------------------------------------------------------------------------------

    def do_filter(self) -> None:
        """Ask which rows to show."""
        members = {call.member for call in self.calls.calls}
        self.drawer.sift.members = tuple(sorted(members))
        self._open("sift")

    def on_find_left(self) -> None:
        """Leave everything as it is."""
        self._close()

    on_sift_left = on_find_left

    def on_sift_given(self, message: Sift.Given) -> None:
        """Show only the rows that were asked for."""
        self._close()
        self.filter_rows(parse_filter(message.text), message.text.strip())

    def filter_rows(self, wanted: Filter, said: str) -> None:
        """Show only what is wanted, in both lists; nothing wanted shows all."""
        self.said_filter = said if not wanted.is_open else ""
        self._sifts = self.said_filter
        self._sieve_anew(wanted)

    def _tell_filter(self) -> None:
        """Say, once all rows have been looked at, that there are none; go to where one was."""
        if not self._sifts or self._is_sifting:
            return
        said, self._sifts = self._sifts, ""
        if not len(self.transcript_sieve) and not len(self.calls_sieve):
            self.say(f"no row is {said}", "warning")
        self._reveal()

    def _looked_for(self) -> list[str]:
        found, only = super()._looked_for()
        done = min(self.transcript_sieve.done, self.calls_sieve.done)
        return [found, f"{only}, {done:.0%} looked at" if done < 1 else only]

    def forget_filter(self) -> bool:
        """Show all rows again; says whether any were left out."""
        was = not self.transcript_sieve.filter.is_open
        if was:
            self.filter_rows(Filter(), "")
        return was

    def _sieve_anew(self, wanted: Filter | None = None, detail: str = "") -> None:
        for rows in (self.transcript_rows, self.calls_rows):
            sieve = self.sieve_of(rows)
            sieve.set(wanted, detail if rows is self.transcript_rows else "")
            rows.changed_from(0)
        self.forget_choice()
        self._search_from(0)
        self._go_looking()
        self._reveal()

    def _reveal(self) -> None:
        self.refresh_all()
        for rows in (self.transcript_rows, self.calls_rows):
            rows.reveal(rows.cursor)

    def do_detail(self) -> None:
        """Show the usual rows, everything, or only what matters most."""
        self._detail = (self._detail + 1) % len(DETAILS)
        detail = DETAILS[self._detail]
        self.transcript.unfold(unfolds=detail == FULL)
        self._sieve_anew(detail=detail)
        what = {FULL: "everything, thinking open", BRIEF: "no thinking, states or notes"}
        self.say(f"rows: {what.get(detail, 'the usual ones')}")

    # --- markers ----------------------------------------------------------------------------------

    def _put_markers(self) -> None:
        self.record.markers = self.markers.at
        self.transcript_sieve.markers = self.calls_sieve.markers = self.markers.at

    def do_marker_drop(self) -> None:
        """Mark this place for oneself, or take the marker here away."""
        position = self.playhead.position
        is_there = self.markers.toggle(position)
        try:
            self.markers.save()
        except (OSError, PilothouseError) as error:
            self.say(f"the markers can't be kept: {error}", "warning")
        step = self.record.step_at(position)
        said = f"at step {step}, {words.clock(self.record.times[position] / 1e9)}" if position >= 0 else ""
        self.say(f"marker {'dropped' if is_there else 'taken away'} {said}".rstrip())
        self.refresh_all()

    def do_marker_list(self) -> None:
        """Show only the rows with a marker, or all again."""
        if "marked" in self.transcript_sieve.filter.kinds:
            self.forget_filter()
        else:
            self.filter_rows(parse_filter("marked"), "marked")

    # --- replay -----------------------------------------------------------------------------------

    def do_speed_idle(self) -> None:
        """Cut waits of a replay to another length, or not at all."""
        at = IDLE_LIMITS_S.index(self.record.paced_s.limit_s)
        limit_s = IDLE_LIMITS_S[(at + 1) % len(IDLE_LIMITS_S)]
        self.record.paced_s.set_limit(limit_s)
        self.playhead.set_speed(self.playhead.speed)
        self.say("waits as long as they were" if limit_s > 1e6 else f"no wait is longer than {limit_s:g} s")
        self.show_status()

    # --- copying ----------------------------------------------------------------------------------

    _copied: tuple[int, int] = (-1, -1)
    """Position and how often something was copied there."""

    def next_copy(self) -> tuple[str, str]:
        """Give what `y` copies now, and its name: the row; pressed again it whole, then the address."""
        address = self.query_one(PicturePane).address
        rows = self.current_rows
        if self.here == "picture" and not rows.has_focus:
            return address, "the address"
        if rows.cursor < 0:
            return "", ""
        if rows not in (self.transcript_rows, self.calls_rows):
            return rows.source.text(rows.cursor), "the section"
        index = self.sieve_of(rows).behind(rows.cursor)
        times = self._copied[1] + 1 if self._copied[0] == self.playhead.position else 0
        self._copied = (self.playhead.position, times)
        whole = self.calls.whole(index) if rows is self.calls_rows else self.transcript.text(index)
        line = whole.partition("\n")[0]
        choices = [(line, "the row"), (whole, "all of the row"), (address, "the address")]
        return choices[times % len(choices)]
