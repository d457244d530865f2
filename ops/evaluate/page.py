"""The report of an evaluation as one HTML file that needs nothing else: words, tables, pictures."""

from html import escape
from typing import Final

from control.kpis import FACTORS
from ops.evaluate.options import ControllerName
from ops.evaluate.pictures import draw_pictures
from ops.evaluate.summary import COMPARED, Findings, spread
from ops.evaluate.words import limit_sentences, summary_sentences
from ops.report_shell import fill_page


def report_page(findings: Findings) -> str:
    """Return the page."""
    options = findings.options
    return fill_page(
        _MAIN,
        title=f"Evaluation on {findings.plant.name}",
        where=f"{findings.plant.name} · evaluation",
        pictures=draw_pictures(findings),
        origin=escape(
            f"{options.seeds} seeds of {options.cells} cells, {options.days:g} days each after a "
            f"burn-in of {options.burn_in_days:g}: {options.pot_days:g} pot-days for each "
            f"controller. A decision of the MPC every {options.control_period_s:g} s."
        ),
        summary="".join(f"<p>{escape(s)}</p>" for s in summary_sentences(findings)),
        limits="".join(f"<p>{escape(s)}</p>" for s in limit_sentences(findings)),
        heads=_heads(findings),
        rows="".join(_row(findings, *row) for row in COMPARED),
        events=_events(findings),
        factors="".join(
            f"<tr><td>{escape(f.name)}</td><td class='num'>{f.value:.5g}</td>"
            f"<td>{escape(f.unit)}</td><td class='muted'>{escape(f.source)}</td></tr>"
            for f in FACTORS
        ),
    )


def _heads(findings: Findings) -> str:
    names = [name.value for name in findings.options.controllers]
    heads = [f"<th class='num'>{escape(name)}</th>" for name in names]
    for name in findings.options.baselines:
        heads.append(f"<th class='num'>mpc less {escape(name.value)}</th>")
        heads.append("<th class='num'>in %</th>")
    return "".join(heads)


def _row(findings: Findings, figure: str, meaning: str, unit: str, digits: int) -> str:
    cells = [spread(findings.absolute[n][figure], digits) for n in findings.options.controllers]
    for name in findings.options.baselines:
        cells.append(spread(findings.paired[name][figure], digits, signed=True))
        cells.append(spread(findings.change[name][figure], 1, signed=True))
    cells = [_lighter(cell) for cell in cells]
    label = f"{escape(meaning)} <span class='muted'> {escape(unit)}</span>"
    return (
        f"<tr><td style='min-width:250px'>{label}</td>"
        + "".join(f"<td class='num'>{c}</td>" for c in cells)
        + "</tr>"
    )


def _lighter(words: str) -> str:
    """Return an interval whose ends stand below its mean, so that more columns find room."""
    mean, bracket, ends = words.partition(" (")
    return f"{mean}<br><span class='muted'>({ends}</span>" if bracket else mean


def _events(findings: Findings) -> str:
    rows = []
    for name, runs in findings.records.items():
        count = int(sum(run.production.anode_effects for run in runs))
        after = sum(run.anode_effects_after_faults for run in runs)
        rows.append(
            f"<tr><td>{name.value}</td><td class='num'>{count}</td><td class='num'>{after}</td>"
            f"<td class='num'>{findings.hard_violations[name]}</td></tr>"
        )
    decisions = sorted(
        (words, count)
        for run in findings.records[ControllerName.MPC]
        for words, count in run.counts.items()
    )
    total: dict[str, int] = {}
    for words, count in decisions:
        total[words] = total.get(words, 0) + count
    said = "; ".join(f"{words} {count}" for words, count in total.items())
    return (
        "<table><thead><tr><th>controller</th><th class='num'>anode effects</th>"
        "<th class='num'>within 3 h of a feeder fault</th>"
        "<th class='num'>setpoints beyond a hard bound</th></tr></thead>"
        f"<tbody>{''.join(rows)}</tbody></table>"
        f"<p class='muted'>What became of the MPC's decisions and moves: {escape(said)}.</p>"
    )


_MAIN: Final = """<h1>What the controller is worth</h1>
<section>{summary}<p class="muted">{origin}</p></section>
<section><h2>What limits it</h2>{limits}</section>
<section><h2>Change against the baselines</h2>
<p class="muted">Per cent, 95 % interval over paired seeds.</p>{changes}</section>
<section><h2>Every figure</h2>
<p class="muted">Mean over the seeds and 95 % interval. Differences are paired by seed.</p>
<table><thead><tr><th></th>{heads}</tr></thead><tbody>{rows}</tbody></table></section>
<section><h2>Energy and efficiency by seed</h2>{seeds}</section>
<section><h2>Greenhouse gases</h2>{gases}
<table><thead><tr><th>factor</th><th class="num">value</th><th>unit</th><th>source</th></tr></thead>
<tbody>{factors}</tbody></table>
<p class="muted">Anode effects below the alarm voltage emit as well and are in no slope: few anode
effects are not few perfluorocarbons.</p></section>
<section><h2>Anode effects and bounds</h2>{events}</section>
<section><h2>Distributions</h2>
<p class="muted">All cells and minutes outside anode effects.</p>{distributions}</section>
<section><h2>Means of the line</h2>
<p class="muted">By the hour, mean over cells and seeds; the burn-in is shaded.</p>{hours}</section>
<section><h2>One cell of the first seed</h2>{example}</section>
"""
