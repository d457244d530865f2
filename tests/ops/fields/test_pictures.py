"""Pictures of a run."""

from pathlib import Path

import numpy as np
import pytest
from matplotlib.image import imread

from ops.fields.file import FieldsFile
from ops.fields.pictures import draw_series, draw_slice
from tests.ops.fields.samples import make_file, make_picture


@pytest.fixture(name="run")
def make_run(tmp_path: Path) -> FieldsFile:
    return make_file(tmp_path / "run.h5")


def test_a_slice_shows_three_fields_and_the_ledge(run: FieldsFile, tmp_path: Path) -> None:
    picture = imread(draw_slice(run, tmp_path / "slice.png"))
    assert picture.shape[0] > 300
    assert picture.shape[1] > 1000
    assert len(np.unique(picture.reshape(-1, picture.shape[2]), axis=0)) > 50


def test_a_cell_without_ledge_or_bath_is_drawn_too(tmp_path: Path) -> None:
    run = make_file(tmp_path / "run.h5", ())
    series, fields = make_picture(0.0)
    fields["liquid_share"] = np.zeros_like(fields["liquid_share"])
    fields["alumina_wt_pct"] = np.full_like(fields["alumina_wt_pct"], np.nan)
    run.append(series, fields)
    assert draw_slice(run, tmp_path / "slice.png").stat().st_size > 10_000


def test_the_run_in_time_is_drawn(run: FieldsFile, tmp_path: Path) -> None:
    assert draw_series(run, tmp_path / "series.png").stat().st_size > 10_000
