"""The nodes of a server of ours as a file, for `potline scada` and `front` `--export-nodeset`."""

from pathlib import Path

from opcua.front.nodes import FRONT_URI
from opcua.front.nodeset import front_nodeset_xml
from opcua.nodes import NAMESPACE_URI
from opcua.nodeset import nodeset_xml
from ops.mistakes import OperationError
from ops.plantfile import PlantFile


def write_nodeset(path: Path, plant: PlantFile) -> str:
    """Write the NodeSet2 file of a plant's line, and return a sentence that says so.

    Raises:
        OperationError: the file cannot be written.
    """
    cells = plant.line.cell_count
    text = nodeset_xml(cells, plant.signals, plant.setpoints)
    return _write(path, text, NAMESPACE_URI, cells)


def write_front_nodeset(path: Path, plant: PlantFile) -> str:
    """Write the NodeSet2 file of the front of a plant's line, and return a sentence that says so.

    Raises:
        OperationError: the file cannot be written.
    """
    cells = plant.line.cell_count
    text = front_nodeset_xml(cells, plant.signals, plant.setpoints)
    return _write(path, text, FRONT_URI, cells)


def _write(path: Path, text: str, uri: str, cells: int) -> str:
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise OperationError(
            f"{path} cannot be written ({error}). Remedy: name a file in a folder that is there."
        ) from error
    return f"{path}: {uri}, its types and a line of {cells} cell{'s' * (cells != 1)}"
