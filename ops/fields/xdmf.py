"""Says to ParaView what the HDF5 file of a run holds: one XDMF file beside it, by reference."""

from pathlib import Path
from xml.etree import ElementTree as Xml

from ops.fields.file import FieldsFile


def write_xdmf(fields_file: FieldsFile) -> Path:
    """Write `run.xdmf` beside `run.h5`: every picture in time, every field, no number twice.

    Args:
        fields_file: of the run.

    Returns:
        The path of the new file.
    """
    edges, _ = fields_file.read_grid()
    times = fields_file.read_series()["t_s"]
    counts = [len(axis) - 1 for axis in edges]
    # XDMF names dimensions from the slowest to the fastest, which is x.
    nodes = " ".join(str(count + 1) for count in reversed(counts))
    boxes = " ".join(str(count) for count in reversed(counts))
    source = fields_file.path.name
    root = Xml.Element("Xdmf", Version="3.0")
    collection = Xml.SubElement(
        Xml.SubElement(root, "Domain"),
        "Grid",
        Name="cell",
        GridType="Collection",
        CollectionType="Temporal",
    )
    for number, t_s in enumerate(times):
        grid = Xml.SubElement(collection, "Grid", Name=f"{number:05d}", GridType="Uniform")
        Xml.SubElement(grid, "Time", Value=f"{t_s:.9g}")
        Xml.SubElement(grid, "Topology", TopologyType="3DRectMesh", Dimensions=nodes)
        geometry = Xml.SubElement(grid, "Geometry", GeometryType="VXVYVZ")
        for axis, count in zip("xyz", counts, strict=True):
            _refer(geometry, f"{source}:/grid/{axis}_edges_m", str(count + 1), "Float", 8)
        _attribute(grid, "material", f"{source}:/grid/material", boxes, "Char", 1)
        for name in fields_file.read_fields(number):
            _attribute(grid, name, f"{source}:/fields/{number:05d}/{name}", boxes, "Float", 4)
    Xml.indent(root)
    path = fields_file.path.with_suffix(".xdmf")
    Xml.ElementTree(root).write(path, encoding="utf-8", xml_declaration=True)
    return path


def _attribute(
    grid: Xml.Element, name: str, place: str, dimensions: str, number_type: str, precision: int
) -> None:
    attribute = Xml.SubElement(grid, "Attribute", Name=name, AttributeType="Scalar", Center="Cell")
    _refer(attribute, place, dimensions, number_type, precision)


def _refer(
    parent: Xml.Element, place: str, dimensions: str, number_type: str, precision: int
) -> None:
    item = Xml.SubElement(
        parent,
        "DataItem",
        Dimensions=dimensions,
        NumberType=number_type,
        Precision=str(precision),
        Format="HDF",
    )
    item.text = place
