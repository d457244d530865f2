"""What an evaluation found, in sentences."""

from typing import Final

import numpy as np

from ops.evaluate.options import ControllerName
from ops.evaluate.statistics import Interval
from ops.evaluate.summary import Findings, find_estimate_errors

# What a baseline must come out at, or it is none; design values for the reference cell, kWh/kg.
EXPECTED_KWH_PER_KG: Final = {
    ControllerName.TUNED: (13.0, 13.5),
    ControllerName.LEGACY: (14.2, 14.9),
}
_HEADLINE: Final = (
    ("energy_kwh_per_kg", "specific energy"),
    ("ghg_t_per_t", "greenhouse gases"),
    ("anode_effects_per_pot_day", "anode effects"),
    ("throughput_kg_per_pot_day", "throughput"),
)
_NONE_SEEN: Final = 3.0  # rule of three: the most that is likely at 95 % where nothing was counted
_STEADY_PCT: Final = 0.5  # design value: of energy, from the first counted day to the last


def summary_sentences(findings: Findings) -> list[str]:
    """Return what the changes are, and whether the baselines are what they should be."""
    sentences = []
    for name in findings.options.baselines:
        parts = [f"{word} {_change(findings.change[name][figure])}" for figure, word in _HEADLINE]
        sentences.append(f"Against {name.value}: {', '.join(parts)}.")
    violations = findings.hard_violations[ControllerName.MPC]
    sentences.append(
        f"{violations or 'No'} setpoint{'' if violations == 1 else 's'} of the MPC beyond a hard "
        "bound."
    )
    for name in findings.options.baselines:
        low, high = EXPECTED_KWH_PER_KG[name]
        found = findings.absolute[name]["energy_kwh_per_kg"].mean or 0.0
        if findings.options.stress.shift_pct == 0.0 and not low <= found <= high:
            sentences.append(
                f"The baseline {name.value} stands at {found:.2f} kWh/kg, outside the {low:g} to "
                f"{high:g} that it should: the comparison with it says little."
            )
    return sentences


def limit_sentences(findings: Findings) -> list[str]:
    """Return what the MPC stands at and what keeps it there: heat, gap, faults, drift."""
    ours = findings.absolute[ControllerName.MPC]
    control = findings.plant.control
    mean = {name: found.mean or 0.0 for name, found in ours.items()}
    sentences = [
        f"Heat: a cell under the MPC loses {mean['heat_loss_kw']:.0f} kW and stands at "
        f"{mean['superheat_c_mean']:.1f} °C of superheat behind {mean['ledge_cm_mean']:.1f} cm of "
        f"ledge"
        + "".join(
            f"; under {name.value} {findings.absolute[name]['heat_loss_kw'].mean:.0f} kW, "
            f"{findings.absolute[name]['superheat_c_mean'].mean:.1f} °C and "
            f"{findings.absolute[name]['ledge_cm_mean'].mean:.1f} cm"
            for name in findings.options.baselines
        )
        + f". Its low bound is {control.superheat_low_c:g} °C: below, the ledge grows and alumina "
        "dissolves slowly.",
        f"Gap: the true anode-cathode distance is {mean['acd_cm_mean']:.2f} cm in the mean, sd "
        f"{mean['acd_cm_sd']:.2f} over cells and time. The MPC's floor is "
        f"{control.acd_low_cm:g} cm plus {control.certainty_factor:g} standard deviations of its "
        f"estimate (at most {control.certainty_limit_cm:g} cm); the metal pad begins to roll near "
        f"{findings.plant.cell.gap.noise_onset_acd_cm:g} cm, which costs current efficiency.",
    ]
    errors = find_estimate_errors(findings.records[ControllerName.MPC])
    if errors:
        alumina, gap = errors["alumina_wt_pct"], errors["acd_cm"]
        sentences.append(
            f"Estimate: alumina is off by {alumina['rms']:.2f} wt% and the gap by "
            f"{gap['rms']:.2f} cm (root mean square). For {100.0 * alumina['astray_share']:.1f} % "
            f"of pot time alumina is off by more than {alumina['astray_beyond']:g} wt%: voltage "
            "has its minimum near 4 wt%, and beyond it the estimate may take a rich cell for a "
            "lean one."
        )
    count = sum(float(r.production.anode_effects) for r in findings.records[ControllerName.MPC])
    after = sum(r.anode_effects_after_faults for r in findings.records[ControllerName.MPC])
    if count:
        sentences.append(
            f"Anode effects: {after} of the MPC's {count:.0f} came within three hours of a feeder "
            "that had lost half of its dose."
        )
    else:
        pot_days = findings.options.pot_days
        sentences.append(
            f"Anode effects: none of the MPC's in {pot_days:g} pot-days. An interval of a count "
            "that is 0 for every seed has no width, but with 95 % confidence there are no more "
            f"than {_NONE_SEEN / pot_days:.2g} per pot-day."
        )
    for name in findings.options.controllers:
        days = np.array([r.daily_kwh_per_kg for r in findings.records[name]])
        if days.ndim == 2 and days.shape[1] > 1:
            drift = 100.0 * (days[:, -1].mean() / days[:, 0].mean() - 1.0)
            if abs(drift) > _STEADY_PCT:
                sentences.append(
                    f"The {name.value} line was not settled: its energy moved by {drift:+.1f} % "
                    "from the first counted day to the last."
                )
    return sentences


def _change(found: Interval) -> str:
    if found.mean is None:
        return "not comparable, for there is nothing to compare with"
    if found.low is None or found.high is None:
        return f"{found.mean:+.1f} %"
    return f"{found.mean:+.1f} % ({found.low:+.1f} to {found.high:+.1f})"
