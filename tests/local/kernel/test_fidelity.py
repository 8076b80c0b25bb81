"""What we say of our likeness to Kernel is said once: the page and the server agree."""

from __future__ import annotations

from pathlib import Path

from pilothouse.local.fidelity import markdown

PAGE = Path(__file__).parents[3] / "docs" / "local.md"


def test_the_page_has_the_table_that_the_server_serves() -> None:
    lines = PAGE.read_text("utf-8").splitlines(keepends=True)
    start = lines.index("| area | here | Kernel |\n")
    table = markdown().splitlines(keepends=True)
    assert lines[start : start + len(table)] == table, "put fidelity.markdown() in its place"
    assert not lines[start + len(table)].startswith("|")
