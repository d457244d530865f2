"""Places, quantities, snapshots, line figures: what is computed before anything is drawn."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from control.events import Priority
from control.modes import Mode
from tests.ui.line_story import SECOND_NS, LineStory, make_event, make_mode_event
from ui.fold import fold_accepted, fold_estimates, fold_event, fold_proposal
from ui.kpis import line_kpis, quantiles_ms
from ui.layout import LineLayout, place_squares
from ui.markup import age, analogue_bar, badge, chip, sparkline, text
from ui.panels.map import colour_of
from ui.picture import Picture, init_picture
from ui.quantities import (
    MAP_QUANTITIES,
    QUANTITIES,
    TREND_QUANTITIES,
    band,
    deviation,
    fitted,
    trend_columns,
)
from ui.snapshot import Snapshot, blank_snapshot, take_snapshot
from ui.store import Reading

LAYOUT = LineLayout("REF", "aluminium", ((1, 2, 3), (4, 5)))
NOW_NS = 1_790_000_000 * SECOND_NS
BY_NAME = {quantity.name: quantity for quantity in QUANTITIES}


def snapshot_of(*, dead: frozenset[int] = frozenset(), now_ns: int = NOW_NS) -> Snapshot:
    picture = init_picture(LAYOUT.sections, trend_columns())
    for number, cells in enumerate(LAYOUT.sections):
        story = LineStory(number, cells, dead=dead)
        picture = fold_accepted(picture, story.accepted(0, NOW_NS))
        picture = fold_estimates(picture, story.estimate(0, NOW_NS))
    picture = fold_event(picture, make_mode_event(2, Mode.MANUAL, NOW_NS))
    stale = make_event("samples_stale", NOW_NS, number=1, active=True, age_s=6.0)
    return looked_at(fold_event(picture, stale), now_ns=now_ns)


def looked_at(picture: Picture, *, now_ns: int = NOW_NS, link: str = "") -> Snapshot:
    reading = Reading(
        life=1,
        written_ns=NOW_NS,
        versions={},
        line=picture.line,
        sections=dict(enumerate(picture.sections)),
        trends=dict(enumerate(picture.trends)),
        history=dict(enumerate(picture.history)),
    )
    return take_snapshot(LAYOUT, reading, number=1, now_ns=now_ns, max_age_s=5.0, link=link)


@given(st.integers(1, 300))
def test_every_cell_has_a_square_of_its_own_inside_the_drawing(count: int) -> None:
    squares = place_squares(count)
    assert len({(round(x, 6), round(y, 6)) for x, y in zip(squares.x, squares.y, strict=True)}) == (
        count
    )
    assert (squares.x > 0).all()
    assert (squares.x < squares.columns).all()
    assert (squares.y >= 0.5 - 1e-9).all()
    assert (squares.y <= squares.height - 0.5 + 1e-9).all()
    assert squares.columns <= 25


@given(st.integers(2, 300))
def test_first_and_last_cell_face_each_other_as_in_a_potroom(count: int) -> None:
    squares = place_squares(count)
    if count % 2 == 0:
        assert squares.x[0] == squares.x[-1]
    assert squares.y[0] > squares.y[-1]


def test_layout_knows_section_and_place_of_every_cell() -> None:
    assert LAYOUT.cells == (1, 2, 3, 4, 5)
    assert LAYOUT.place[4] == (1, 0)
    assert LAYOUT.index[5] == 4


def test_names_of_pages_and_trends_are_quantities() -> None:
    assert set(MAP_QUANTITIES) <= BY_NAME.keys()
    assert set(TREND_QUANTITIES) <= BY_NAME.keys()
    assert len(trend_columns()) == len(set(trend_columns()))


def test_bands_of_the_plant_replace_those_of_the_table_but_not_relative_ones() -> None:
    bands = {"alumina": (1.0, 2.0), "bath_temperature_c": (900.0, 950.0), "voltage": (0.0, 1.0)}
    plant = {quantity.name: quantity for quantity in fitted(bands)}
    assert (plant["alumina"].low, plant["alumina"].high) == (1.0, 2.0)
    assert (plant["temperature"].low, plant["temperature"].high) == (900.0, 950.0)
    assert plant["voltage"] == BY_NAME["voltage"]
    assert plant["noise"] == BY_NAME["noise"]


@given(st.lists(st.floats(-10, 20), min_size=1, max_size=20))
def test_deviation_is_zero_in_the_band_and_never_beyond_one(values: list[float]) -> None:
    quantity = BY_NAME["alumina"]
    off = deviation(quantity, np.array(values))
    inside = [(quantity.low <= v <= quantity.high) for v in values]
    assert (np.abs(off) <= 1).all()
    assert [d == 0 for d in off[inside]] == [True] * sum(inside)
    assert all(np.sign(d) == (-1 if v < quantity.low else 1)
               for d, v, ok in zip(off, values, inside, strict=True) if not ok)  # fmt: skip


def test_relative_quantity_is_compared_with_the_median_of_the_line() -> None:
    quantity = BY_NAME["voltage"]
    value = np.array([4.2, 4.2, 4.2, 4.9, np.nan])
    low, high = band(quantity, value)
    assert (low, high) == pytest.approx((4.08, 4.32))
    off = deviation(quantity, value)
    assert off[3] == 1.0
    assert off[0] == 0.0
    assert np.isnan(off[4])
    assert np.isnan(band(quantity, np.array([np.nan]))).all()


def test_text_of_a_quantity_has_its_decimals_and_a_dash_for_nothing() -> None:
    assert BY_NAME["voltage"].text(4.2) == "4.200"
    assert BY_NAME["voltage"].text(float("nan")) == "–"


def test_what_nobody_measures_or_estimates_is_shown_as_the_plant_holds_it() -> None:
    quantity = BY_NAME["alf3"]
    assert quantity.column == "applied.alf3_addition_kg_per_day"
    assert {quantity.column, "asked.alf3_addition_kg_per_day"} <= set(trend_columns())
    others = tuple(one for one in QUANTITIES if one is not quantity)
    assert not any("alf3_addition" in column for column in trend_columns(others))


def test_snapshot_lays_sections_out_as_one_line() -> None:
    snapshot = snapshot_of()
    first = LineStory(1, (4, 5)).accepted(0, NOW_NS).value[-1, 0, 0]
    assert snapshot.of(4, "measured.cell_voltage_v") == first
    assert snapshot.modes == (None, Mode.MANUAL, None, None, None)
    assert snapshot.data_age_s == pytest.approx(0.15)
    assert not snapshot.is_stale.any()
    assert np.isnan(snapshot.value("estimate.of_nothing")).all()


def test_snapshot_ages_and_marks_stale_cells() -> None:
    snapshot = snapshot_of(dead=frozenset({2}))
    assert snapshot.is_stale.tolist() == [False, True, False, False, False]
    assert np.isinf(snapshot.age_s[1])
    assert snapshot.old("measured.cell_voltage_v").tolist() == snapshot.is_stale.tolist()
    assert snapshot.old("estimate.alumina_wt_pct")[1]
    assert not snapshot.old("measured.line_current_ka").any()
    assert snapshot.old("measured.of_nothing").all()
    assert snapshot_of(now_ns=NOW_NS + 6 * SECOND_NS).is_stale.all()


def test_estimates_age_though_the_cells_live_on() -> None:
    picture = init_picture(LAYOUT.sections, trend_columns())
    for number, cells in enumerate(LAYOUT.sections):
        story = LineStory(number, cells)
        picture = fold_estimates(picture, story.estimate(0, NOW_NS))
        for step in range(10):
            now_ns = NOW_NS + step * SECOND_NS
            picture = fold_accepted(picture, story.accepted(step, now_ns))
    snapshot = looked_at(picture, now_ns=NOW_NS + 9 * SECOND_NS)
    assert not snapshot.is_stale.any()
    assert snapshot.old("estimate.alumina_wt_pct").all()
    assert np.isnan(snapshot.fresh("estimate.alumina_wt_pct")).all()
    assert np.isnan(line_kpis(snapshot).energy_kwh_per_kg)
    assert np.isfinite(line_kpis(snapshot).mean_voltage_v)


def test_modes_are_old_when_the_guard_answers_no_proposal_or_says_nothing_for_long() -> None:
    story = LineStory(0, (1, 2, 3))
    picture = init_picture(LAYOUT.sections, trend_columns())
    picture = fold_event(picture, make_mode_event(2, Mode.MANUAL, NOW_NS))
    assert not looked_at(picture, now_ns=NOW_NS + 300 * SECOND_NS).is_mode_old.any()
    assert looked_at(picture, now_ns=NOW_NS + 400 * SECOND_NS).is_mode_old.all()
    assert looked_at(picture, link="No Redis").is_mode_old.all()
    picture = fold_proposal(picture, story.proposal(0, 1, NOW_NS))
    assert not looked_at(picture, now_ns=NOW_NS + 10 * SECOND_NS).is_mode_old.any()
    silent = looked_at(picture, now_ns=NOW_NS + 20 * SECOND_NS)
    assert silent.is_mode_old.all()
    assert line_kpis(silent).are_modes_old
    later = make_mode_event(3, Mode.MANUAL, NOW_NS + 5 * SECOND_NS, number=8)
    picture = fold_event(picture, later)  # it lives, whatever became of the proposal
    assert not looked_at(picture, now_ns=NOW_NS + 20 * SECOND_NS).is_mode_old.any()
    picture = fold_proposal(picture, story.proposal(1, 1, NOW_NS + 30 * SECOND_NS))
    assert not looked_at(picture, now_ns=NOW_NS + 40 * SECOND_NS).is_mode_old.any()
    assert looked_at(picture, now_ns=NOW_NS + 50 * SECOND_NS).is_mode_old.all()


def test_sections_that_do_not_fit_the_line_are_left_out() -> None:
    other = init_picture(((1, 2),), trend_columns()).sections[0]
    reading = Reading(1, NOW_NS, {}, init_picture((), ()).line, {0: other}, {})
    snapshot = take_snapshot(LAYOUT, reading, number=1, now_ns=NOW_NS, max_age_s=5.0)
    assert snapshot.is_stale.all()
    assert snapshot.modes == (None,) * 5


def test_line_figures() -> None:
    kpis = line_kpis(snapshot_of())
    snapshot = snapshot_of()
    voltage = snapshot.value("measured.cell_voltage_v")
    assert kpis.current_ka == pytest.approx(300.2)
    assert kpis.mean_voltage_v == pytest.approx(voltage.mean())
    assert kpis.power_mw == pytest.approx(voltage.sum() * 0.3002)
    assert kpis.power_cells == 5
    assert kpis.energy_kwh_per_kg == pytest.approx(13.4, abs=0.3)
    assert kpis.modes == {None: 4, Mode.MANUAL: 1}
    assert kpis.alarms == {Priority.HIGH: 1}


def test_stale_cells_count_for_nothing_in_the_line_figures() -> None:
    kpis = line_kpis(snapshot_of(dead=frozenset({2})))
    assert kpis.current_ka == pytest.approx(300.2)
    assert (kpis.power_cells, kpis.stale_cells) == (4, 1)
    blank = line_kpis(blank_snapshot(LAYOUT))
    assert np.isnan([blank.current_ka, blank.power_mw, blank.energy_kwh_per_kg]).all()
    assert blank.data_age_s == float("inf")


def test_quantiles() -> None:
    assert quantiles_ms(tuple(float(i) for i in range(101))) == (50.0, 95.0, 99.0)
    assert np.isnan(quantiles_ms(())).all()


def test_colours_go_from_blue_over_grey_to_orange() -> None:
    assert colour_of(-1.0) == "#2b6cb0"
    assert colour_of(0.0) == "#cbd1d4"
    assert colour_of(1.0) == "#c8640f"


def test_words_from_elsewhere_are_harmless() -> None:
    assert text("<script>alert('x')</script>&") == (
        "&lt;script&gt;alert(&#x27;x&#x27;)&lt;/script&gt;&amp;"
    )


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0.44, "0.4 s"), (9.96, "10 s"), (60, "60 s"), (180, "3 min"), (7200, "2.0 h"),
     (float("inf"), "never")],
)  # fmt: skip
def test_age_is_said_as_people_say_it(seconds: float, words: str) -> None:
    assert age(seconds) == words


def test_priorities_differ_by_shape_letter_and_colour() -> None:
    marks = {priority: badge(priority) for priority in Priority}
    assert len(set(marks.values())) == len(Priority)
    assert "<rect" in marks[Priority.HIGH]
    assert ">1<" in marks[Priority.HIGH]
    assert "<path" in marks[Priority.MEDIUM]
    assert "<circle" in marks[Priority.LOW]


def test_auto_is_quiet_and_other_modes_stand_out() -> None:
    assert 'class="chip"' in chip(Mode.AUTO)
    assert 'class="chip off"' in chip(Mode.MANUAL)
    assert 'class="chip bad"' in chip(Mode.SHED)
    assert "no mode yet" in chip(None)
    assert "AUTO?" in chip(Mode.AUTO, is_old=True)


def test_analogue_bar_colours_what_is_outside_and_survives_nothing() -> None:
    assert "#2b6cb0" in analogue_bar(1.0, 2.0, 4.0, 0.5)
    assert "#c8640f" in analogue_bar(9.0, 2.0, 4.0, 0.5, sd=0.1, setpoint=3.0)
    inside = analogue_bar(3.0, 2.0, 4.0, 0.5)
    assert "#2b6cb0" not in inside
    assert "<path" not in analogue_bar(float("nan"), 2.0, 4.0, 0.5)
    assert "<rect" not in analogue_bar(3.0, float("nan"), 4.0, 0.5)


def test_sparkline_leaves_gaps_out_and_needs_two_points() -> None:
    drawn = sparkline(np.array([1.0, np.nan, 2.0]), span=0.1)
    assert drawn.count(",") == 2
    assert "polyline" not in sparkline(np.array([np.nan, 1.0]), span=0.1)
