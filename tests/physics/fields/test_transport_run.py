"""The bath over hours: nothing lost, nothing below nothing, and failures that say what they are."""

from itertools import pairwise

import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from physics.fields.sdirk import RunStatus
from physics.fields.transport import (
    PORE_SHARE,
    TransportInputs,
    TransportState,
    compute_solutes_wt_pct,
    make_transport_state,
)
from physics.fields.transport_run import TransportRun, lead_inputs, run_transport
from tests.physics.fields.baths import SHAPE, make_bath, make_inputs

BATH = make_bath()
HOUR_S = 3600.0


def _start(alumina_wt_pct: float = 2.8) -> TransportState:
    return make_transport_state(BATH, alumina_wt_pct, 11.0, jnp.ones(SHAPE))


def _run(
    state: TransportState,
    begin: TransportInputs,
    end: TransportInputs,
    duration_s: float = HOUR_S,
    most_steps: int = 2000,
) -> TransportRun:
    drive = lead_inputs(begin, end, 0.0, duration_s)
    return run_transport(BATH, state, drive, 0.0, duration_s, 5.0, 2e-3, most_steps)


def _alumina_kg(state: TransportState) -> float:
    return float(state.dissolved_kg.sum() + state.undissolved_kg.sum() + state.sludge_kg.sum())


@pytest.mark.slow
def test_alumina_and_alf3_balance_over_a_day() -> None:
    """Under- and overfed, a feeder at rest, AlF3 added, the ledge to and fro, an anode effect."""
    state = _start()
    fed = used = added = lost = short = 0.0
    feeds = 0.0046 * np.array([1.0, 0.7, 0.7, 1.4, 1.4, 0.0, 0.0, 0.0] * 3)
    frozen = 0.5 - 0.5 * np.cos(np.linspace(0.0, 4.0 * np.pi, 25))
    for feed, (before, after) in zip(feeds, pairwise(frozen), strict=True):
        begin = make_inputs(BATH, float(feed), 0.0036, 2e-4, before)
        end = make_inputs(BATH, float(feed), 0.0036, 2e-4, after)
        run = _run(state, begin, end)
        assert int(run.status) == RunStatus.DONE
        state = run.state
        assert min(float(mass.min()) for mass in state) >= 0.0
        fed += HOUR_S * float(feed)
        used += HOUR_S * 0.0036 - float(run.shortfall_kg.sum())
        added += HOUR_S * 2e-4
        lost += float(run.alf3_lost_kg.sum())
        short += float(run.shortfall_kg.sum())
    gained = _alumina_kg(state) - _alumina_kg(_start())
    assert abs(gained - (fed - used)) <= 1e-12 * fed
    gained = float(state.alf3_kg.sum() - _start().alf3_kg.sum())
    assert abs(gained - (added - lost)) <= 1e-12 * float(state.alf3_kg.sum())
    assert short > 0.0


def test_freezing_drives_the_solutes_into_what_stays_liquid() -> None:
    """Half of the ledge's boxes freeze, then melt: AlF3 rises by what is left, and comes back."""
    liquid, frozen = make_inputs(BATH), make_inputs(BATH, frozen_share=1.0)
    run = _run(_start(), liquid, frozen)
    assert int(run.status) == RunStatus.DONE
    run = _run(run.state, frozen, frozen)  # the last of it finds its way
    bath_m3 = jnp.where(BATH.is_bath, BATH.volume_m3, 0.0)
    # frozen bath is not quite pure: its pores hold liquid
    kept = jnp.maximum(frozen.liquid_share, PORE_SHARE)
    expected = 11.0 * float(bath_m3.sum() / (bath_m3 * kept).sum())
    wt_pct = np.asarray(compute_solutes_wt_pct(BATH, run.state, frozen.liquid_share)[2])
    is_liquid = np.asarray(BATH.is_bath & (frozen.liquid_share > 0.5))
    np.testing.assert_allclose(wt_pct[is_liquid], expected, rtol=1e-3)
    assert float(run.state.alf3_kg[3:].sum()) < PORE_SHARE * float(run.state.alf3_kg.sum())

    run = _run(run.state, frozen, liquid)
    run = _run(run.state, liquid, liquid)
    wt_pct = np.asarray(compute_solutes_wt_pct(BATH, run.state, liquid.liquid_share)[2])
    np.testing.assert_allclose(wt_pct[np.asarray(BATH.is_bath)], 11.0, rtol=1e-3)


def test_a_shot_saturates_its_boxes_and_stops_dissolving() -> None:
    """Far more than the boxes below the feeder can hold: none dissolves beyond saturation."""
    shot = make_inputs(BATH, feed_kg_per_s=5.0)
    run = _run(_start(), shot, shot, 10.0)
    assert int(run.status) == RunStatus.DONE
    wt_pct = compute_solutes_wt_pct(BATH, run.state, shot.liquid_share)[0]
    assert 7.5 < float(wt_pct.max()) <= 8.0 + 1e-3
    dissolved = float(run.state.dissolved_kg.sum() - _start().dissolved_kg.sum())
    assert float(run.dissolved_kg.sum()) == pytest.approx(dissolved, rel=1e-9)
    assert dissolved < 0.4 * 50.0


def test_a_starved_anode_reports_its_shortfall() -> None:
    use = make_inputs(BATH, use_kg_per_s=0.5)
    run = _run(_start(0.5), use, use)
    assert int(run.status) == RunStatus.DONE
    left = float(run.state.dissolved_kg.sum())
    short = float(run.shortfall_kg.sum())
    assert 0.0 <= left < 0.2 * float(_start(0.5).dissolved_kg.sum())
    taken = 0.5 * HOUR_S - short
    assert left + taken == pytest.approx(float(_start(0.5).dissolved_kg.sum()), rel=1e-12)


def test_a_failure_is_a_status() -> None:
    quiet = make_inputs(BATH, use_kg_per_s=0.02)
    few = _run(_start(), quiet, quiet, HOUR_S, 2)
    assert int(few.status) == RunStatus.MOST_STEPS_USED
    assert 0.0 < float(few.time_s) < HOUR_S
    assert int(few.steps + few.rejected) == 2
    spoilt = quiet._replace(feed_kg_per_s=quiet.feed_kg_per_s.at[0, 0, 0].set(jnp.nan))
    run = _run(_start(), spoilt, spoilt)
    assert int(run.status) == RunStatus.NOT_FINITE
    np.testing.assert_array_equal(run.state.dissolved_kg, _start().dissolved_kg)


def test_other_numbers_compile_nothing_anew(compilations: list[str]) -> None:
    quiet = make_inputs(BATH, use_kg_per_s=0.001)
    frozen = make_inputs(BATH, 0.01, 0.002, 1e-4, 0.3)
    start, richer = _start(), _start(4.0)
    _run(start, quiet, quiet, 60.0)
    compilations.clear()
    run = _run(richer, quiet, frozen, 90.0, 50)
    _run(run.state, frozen, frozen, 30.0)
    assert not compilations


@settings(max_examples=8, deadline=None)
@given(
    st.floats(0.0, 0.5),
    st.floats(0.0, 0.5),
    st.floats(0.0, 1.0),
    st.floats(0.0, 1.0),
    st.floats(0.0, 8.0),
    st.floats(0.1, 600.0),
)
def test_no_mass_is_lost_or_below_nothing(
    feed: float, use: float, before: float, after: float, alumina: float, duration_s: float
) -> None:
    begin = make_inputs(BATH, feed, use, 0.0, before)
    end = make_inputs(BATH, feed, use, 0.0, after)
    start = make_transport_state(BATH, alumina, 11.0, begin.liquid_share)
    run = _run(start, begin, end, duration_s)
    assert int(run.status) == RunStatus.DONE
    assert min(float(mass.min()) for mass in run.state) >= 0.0
    taken = use * duration_s - float(run.shortfall_kg.sum())
    balance = _alumina_kg(run.state) - _alumina_kg(start) - (feed * duration_s - taken)
    assert abs(balance) <= 1e-11 * (1.0 + _alumina_kg(start) + (feed + use) * duration_s)
