"""Recorded histories in files: what is read, and every mistake as a sentence."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.feather
import pyarrow.parquet
import pytest

from ops.history import cut_recording, make_history, read_recording, write_recording
from ops.mistakes import ConfigurationError
from ops.plantfile import PlantFile, load_plant
from ops.settings import DEFAULT_PLANT

ROWS = 120


@pytest.fixture(scope="module")
def plant() -> PlantFile:
    return load_plant(DEFAULT_PLANT)


def table(cells: int = 1, **changes: object) -> pa.Table:
    """Two hours of readings a minute apart, of one cell after the other."""
    minute = np.arange(ROWS)
    columns: dict[str, object] = {
        "t_plant_s": 60.0 * minute,
        "line_current_ka": np.full(ROWS, 300.0),
        "alumina_fed_kg": 3.0 * minute,
        "beam_position_mm": np.full(ROWS, 200.0),
        "cell_voltage_v": np.full(ROWS, 4.2),
        "bath_temperature_c": 956.0 + 0.5 * (-1.0) ** minute,
        **changes,
    }
    parts = [pa.table({"cell": [number] * ROWS, **columns}) for number in range(1, cells + 1)]
    return pa.concat_tables(parts)


def written(folder: Path, content: pa.Table, suffix: str = ".parquet") -> Path:
    path = folder / f"history{suffix}"
    writers = {
        ".parquet": pyarrow.parquet.write_table,
        ".csv": pyarrow.csv.write_csv,
        ".arrow": pyarrow.feather.write_feather,
    }
    writers[suffix](content, path)
    return path


def mistakes(path: Path, plant: PlantFile, cell: int | None = None) -> str:
    with pytest.raises(ConfigurationError) as caught:
        make_history(read_recording(path, cell, plant.signals), plant.signals, 4.2)
    return str(caught.value)


@pytest.mark.parametrize("suffix", [".parquet", ".csv", ".arrow"])
def test_the_same_history_in_any_columnar_file(
    tmp_path: Path, plant: PlantFile, suffix: str
) -> None:
    ledge = [None] * ROWS
    ledge[31] = 12.5
    content = table(2, ledge_cm=pa.array(ledge, pa.float64()), remark=["none"] * ROWS)
    recording = read_recording(written(tmp_path, content, suffix), 2, plant.signals)
    assert "remark" not in recording.columns
    assert len(recording.columns["t_plant_s"]) == ROWS
    assert np.nansum(recording.columns["ledge_cm"]) == 12.5
    history = make_history(recording, plant.signals, 4.2)
    assert history.hours == 2.0


def test_times_may_be_timestamps(tmp_path: Path, plant: PlantFile) -> None:
    begin = datetime(2026, 7, 1, tzinfo=UTC)
    content = table(t_plant_s=[begin + timedelta(minutes=m) for m in range(ROWS)])
    recording = read_recording(written(tmp_path, content), None, plant.signals)
    assert recording.columns["t_plant_s"][:3].tolist() == [0.0, 60.0, 120.0]


def test_what_is_written_is_read_again(tmp_path: Path, plant: PlantFile) -> None:
    columns = read_recording(written(tmp_path, table()), 1, plant.signals).columns
    write_recording(tmp_path / "kept" / "cell.parquet", 9, columns)
    again = read_recording(tmp_path / "kept" / "cell.parquet", 9, plant.signals)
    for name, column in columns.items():
        np.testing.assert_array_equal(again.columns[name], column)


def test_a_stretch_can_be_cut_out(tmp_path: Path, plant: PlantFile) -> None:
    recording = read_recording(written(tmp_path, table()), None, plant.signals)
    cut = cut_recording(recording, 0.5, 1.0)
    assert cut.columns["t_plant_s"][[0, -1]].tolist() == [1800.0, 3600.0]
    assert len(cut_recording(recording, None, None).columns["t_plant_s"]) == ROWS


def test_single_readings_beyond_the_instrument_are_left_out_and_counted(
    tmp_path: Path, plant: PlantFile
) -> None:
    voltage = np.full(ROWS, 4.2)
    voltage[[3, 50]] = [-1.0, 900.0]
    recording = read_recording(
        written(tmp_path, table(cell_voltage_v=voltage)), None, plant.signals
    )
    assert recording.left_out == {"cell_voltage_v": 2}
    assert np.isnan(recording.columns["cell_voltage_v"][[3, 50]]).all()


def test_every_missing_column_is_named_with_the_likely_one(
    tmp_path: Path, plant: PlantFile
) -> None:
    content = table().rename_columns(
        [{"cell_voltage_v": "cell_volts_v"}.get(n, n) for n in table().column_names]
    )
    text = mistakes(written(tmp_path, content.drop_columns(["beam_position_mm"])), plant)
    assert "cell_voltage_v" in text
    assert "Is it cell_volts_v?" in text
    assert "beam_position_mm" in text


def test_a_column_in_another_unit_is_refused(tmp_path: Path, plant: PlantFile) -> None:
    content = table(cell_voltage_v=np.full(ROWS, 4200.0), bath_temperature_c=np.full(ROWS, 1229.0))
    text = mistakes(written(tmp_path, content), plant)
    assert "cell_voltage_v = 4200" in text
    assert "bath_temperature_c = 1229" in text
    assert "unit of its name" in text


def test_rows_out_of_order_are_refused(tmp_path: Path, plant: PlantFile) -> None:
    times = 60.0 * np.arange(ROWS)
    times[[40, 41]] = times[[41, 40]]
    assert "does not rise at row 41" in mistakes(written(tmp_path, table(t_plant_s=times)), plant)


def test_an_empty_column_is_refused(tmp_path: Path, plant: PlantFile) -> None:
    content = table(bath_temperature_c=np.full(ROWS, np.nan))
    assert "has no readings" in mistakes(written(tmp_path, content), plant)


def test_a_gap_in_what_drives_the_model_is_refused(tmp_path: Path, plant: PlantFile) -> None:
    current = np.full(ROWS, 300.0)
    current[30:90] = np.nan
    text = mistakes(written(tmp_path, table(line_current_ka=current)), plant)
    assert "line_current_ka is missing from" in text
    assert "--begin-h" in text


@pytest.mark.parametrize("cell", [None, 7])
def test_the_cell_must_be_one_of_the_file(
    tmp_path: Path, plant: PlantFile, cell: int | None
) -> None:
    text = mistakes(written(tmp_path, table(3)), plant, cell)
    assert "The file has: 1, 2, 3" in text


def test_words_where_numbers_belong_are_refused(tmp_path: Path, plant: PlantFile) -> None:
    content = table(line_current_ka=["high"] * ROWS)
    assert "line_current_ka = string" in mistakes(written(tmp_path, content), plant)


def test_files_that_cannot_be_read_are_one_sentence(tmp_path: Path, plant: PlantFile) -> None:
    assert "no columnar file" in mistakes(tmp_path / "history.xlsx", plant)
    assert "cannot be read" in mistakes(tmp_path / "none.parquet", plant)
    broken = tmp_path / "broken.parquet"
    broken.write_bytes(b"no parquet")
    assert "cannot be read" in mistakes(broken, plant)
    assert "has no rows" in mistakes(written(tmp_path, table().slice(0, 0)), plant)
