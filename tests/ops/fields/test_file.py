"""The HDF5 file of a run, and what ParaView is told of it."""

from pathlib import Path
from xml.etree import ElementTree as Xml

import h5py
import numpy as np
import pytest

from ops.fields.file import FieldsFile
from ops.fields.quantities import FIELDS, SERIES
from ops.fields.xdmf import write_xdmf
from ops.mistakes import OperationError
from tests.ops.fields.samples import SHAPE, make_field, make_file


def test_what_is_written_is_read_back(tmp_path: Path) -> None:
    run = make_file(tmp_path / "run.h5")
    np.testing.assert_array_equal(run.read_fields(1)["temperature_c"], make_field(3600.0))
    assert list(run.read_series()) == sorted(SERIES)
    np.testing.assert_array_equal(run.read_series()["t_s"], [0.0, 3600.0])
    edges, material = run.read_grid()
    assert [len(axis) - 1 for axis in edges] == list(SHAPE)
    assert material.shape == SHAPE
    run.set_status("finished")
    assert run.read_about()["status"] == "finished"


def test_every_dataset_says_its_unit(tmp_path: Path) -> None:
    run = make_file(tmp_path / "run.h5")
    with h5py.File(run.path) as file:
        for name, quantity in FIELDS.items():
            assert file["fields/00001"][name].attrs["unit"] == quantity.unit
        for name, quantity in SERIES.items():
            assert file["series"][name].attrs["unit"] == quantity.unit
        assert list(file["grid/material"].attrs["names"]) == ["0 bath", "1 anode", "2 lining"]


def test_pictures_after_the_checkpoint_are_made_again(tmp_path: Path) -> None:
    run = make_file(tmp_path / "run.h5", (0.0, 60.0, 120.0))
    run.keep_until(60.0)
    np.testing.assert_array_equal(run.read_series()["t_s"], [0.0, 60.0])
    with pytest.raises(OperationError, match="has 2 pictures, none of number 2"):
        run.read_fields(2)


def test_a_file_that_is_none_is_named(tmp_path: Path) -> None:
    path = tmp_path / "no-run.h5"
    path.write_text("this is no HDF5")
    with pytest.raises(OperationError, match=r"no-run.h5 cannot be opened"):
        FieldsFile(path).read_series()


def test_paraview_finds_every_array_in_the_order_of_the_file(tmp_path: Path) -> None:
    run = make_file(tmp_path / "run.h5")
    tree = Xml.parse(write_xdmf(run))
    items = [item for item in tree.iter("DataItem") if item.text]
    assert len(items) == 2 * (3 + 1 + len(FIELDS))
    with h5py.File(run.path) as file:
        for item in items:
            name, place = str(item.text).split(":")
            assert name == "run.h5"
            shape = tuple(int(count) for count in item.attrib["Dimensions"].split())
            assert file[place].shape == shape
            assert file[place].dtype.itemsize == int(item.attrib["Precision"])
    assert [time.attrib["Value"] for time in tree.iter("Time")] == ["0", "3600"]
