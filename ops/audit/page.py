"""A month of an audit as one HTML file that needs nothing else."""

from collections import Counter
from collections.abc import Iterable
from html import escape
from typing import Any, Final

from ops.audit.month import MonthFacts, percentile
from ops.report_shell import fill_page
from stream.audit.entries import OBEYED
from ui.drawing import figure

_WIDTH: Final = 1080
_MOST_ROWS: Final = 15
_SERIES: Final = (("verified", "#4f7a94"), ("failed", "#b3261e"), ("other", "#c8640f"))


def month_page(month: str, facts: MonthFacts, verdict: list[str], is_sound: bool) -> str:
    """Return the page.

    Args:
        month: `2026-11`.
        facts: what was counted.
        verdict: sentences of the verification; `is_sound`: whether it found nothing.
    """
    return fill_page(
        _MAIN,
        title=f"Audit of {month}",
        where=f"Audit of {month}",
        pictures={"writes": _writes(facts)},
        month=month,
        colour="#56626a" if is_sound else "#b3261e",
        verdict=_paragraphs(verdict),
        summary=_paragraphs(month_sentences(facts)),
        commands=_table(
            ("person", "role", "outcome", "commands"),
            [(*who, f"{count:,}") for who, count in facts.commands.most_common(_MOST_ROWS)],
        ),
        refusals=_counts("why a command was refused", facts.refusals),
        sheds=_counts("why a cell was handed back", facts.sheds),
        failures=_counts("why a write failed", facts.failures),
    )


def month_sentences(facts: MonthFacts) -> list[str]:
    """Return what a reader wants to know first, a sentence a line."""
    verified = sum(day.verified for day in facts.days.values())
    share = f" ({100.0 * verified / facts.writes:.2f} %)" if facts.writes else ""
    lines = [
        f"{facts.records:,} records; starts of the guard: {facts.starts}, plant files in force: "
        f"{len(facts.configurations)}.",
        f"{facts.writes:,} writes to the plant, {verified:,} verified by its own read-back{share}.",
    ]
    if facts.write_s:
        lines.append(
            f"From intent to result: half within {percentile(facts.write_s, 0.5):.2f} s, 99 % "
            f"within {percentile(facts.write_s, 0.99):.2f} s."
        )
    if facts.without_result:
        lines.append(f"{len(facts.without_result):,} intents have no result in this month.")
    if facts.without_intent:
        lines.append(f"{len(facts.without_intent):,} results have no intent in this month.")
    obeyed = sum(count for (_, _, what), count in facts.commands.items() if what == OBEYED)
    lines.append(
        f"{facts.commands.total():,} commands by people, {obeyed:,} obeyed; cells were handed back "
        f"{facts.sheds.total():,} times."
    )
    return lines


def _writes(facts: MonthFacts) -> Any:
    days = sorted(facts.days)
    plot = figure(
        width=_WIDTH, height=220, y_axis_label="writes a day", x_axis_label="day (UTC)", tools=""
    )
    source = {"day": days} | {
        name: [getattr(facts.days[day], name) for day in days] for name, _ in _SERIES
    }
    plot.vbar_stack(
        [name for name, _ in _SERIES], x="day", width=0.8, source=source,
        color=[colour for _, colour in _SERIES],
        legend_label=["verified", "failed", "expired or unknown"],
    )  # fmt: skip
    plot.x_range.start, plot.x_range.end = 0.4, 31.6
    plot.y_range.start = 0
    plot.xaxis.ticker = list(range(1, 32))
    plot.add_layout(plot.legend[0], "right")
    return plot


def _paragraphs(lines: Iterable[str]) -> str:
    return "".join(f"<p>{escape(line)}</p>" for line in lines)


def _counts(heading: str, counts: Counter[str]) -> str:
    rows = [(reason or "–", f"{count:,}") for reason, count in counts.most_common(_MOST_ROWS)]
    return _table((heading, "times"), rows)


def _table(heads: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    body = ""
    for row in rows:
        cells = "".join(f"<td>{escape(cell)}</td>" for cell in row[:-1])
        body += f'<tr>{cells}<td class="num">{escape(row[-1])}</td></tr>'
    if not body:
        return f'<p class="muted">{escape(heads[0])}: none</p>'
    head = "".join(f"<th>{escape(word)}</th>" for word in heads[:-1])
    return f'<table><tr>{head}<th class="num">{escape(heads[-1])}</th></tr>{body}</table>'


_MAIN: Final = """<h1>Audit of {month}</h1>
<section style="border-left: 6px solid {colour}"><h2>Is it whole?</h2>{verdict}</section>
<section><h2>What was written</h2>{summary}{writes}{failures}</section>
<section><h2>Who said what</h2>{commands}{refusals}</section>
<section><h2>What was handed back to local control</h2>{sheds}</section>
"""
