"""A report as a page of Markdown, to be pasted into an issue. Nothing is found out here."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from pilothouse.probe.plan import Outcome

if TYPE_CHECKING:
    from pilothouse.probe.plan import Finding, Report

_MARKS = {
    Outcome.YES: "yes",
    Outcome.NO: "**no**",
    Outcome.DIFFERS: "**differs**",
    Outcome.FAILED: "failed",
    Outcome.SKIPPED: "skipped",
}


def markdown(report: Report) -> str:
    """Write the page."""
    sdks = ", ".join(f"{name} {number}" for name, number in report.sdks.items())
    lines = [
        f"# Probe of {report.date}",
        "",
        f"pilothouse {report.version}, {sdks}; {report.model}; {summary(report)}.",
        f"${report.cost_usd:.3f} of ${report.limit_usd:.2f}, {report.took_s:.0f} s; {_left(report)}.",
    ]
    if report.loopback:
        lines += ["", "**Asked of servers on the same machine: it says nothing about the real services.**"]
    for group in dict.fromkeys(finding.group for finding in report.findings):
        lines += ["", f"## {group.capitalize()}", "", "| question | answer | evidence | ms | believed from |"]
        lines += ["|---|---|---|---|---|"]
        lines += [_row(finding) for finding in report.findings if finding.group == group]
    return "\n".join(lines) + "\n"


def summary(report: Report) -> str:
    """Count the answers."""
    counted = Counter(finding.outcome for finding in report.findings)
    return (
        ", ".join(f"{counted[outcome]} {outcome}" for outcome in Outcome if counted[outcome])
        or "nothing asked"
    )


def _left(report: Report) -> str:
    made = f"{report.made} things made"
    if report.left:
        made = f"{made}, NOT deleted: {', '.join(report.left)}"
    if report.unsure:
        return f"{made}, never confirmed and maybe there: {', '.join(report.unsure)}"
    return made if report.left else f"{made}, all deleted"


def _row(finding: Finding) -> str:
    cells = (
        finding.question,
        _MARKS[finding.outcome],
        finding.evidence,
        str(finding.took_ms),
        finding.source,
    )
    return f"| {' | '.join(_cell(text) for text in cells)} |"


def _cell(text: str) -> str:
    """Keep a text within its cell: what a service said must not become Markdown of the page."""
    for character in "\\|`<[":
        text = text.replace(character, f"\\{character}")
    return text
