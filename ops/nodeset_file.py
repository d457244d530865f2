"""The nodes of the simulated SCADA as a file, for `potline scada --export-nodeset`."""

from pathlib import Path

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
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise OperationError(
            f"{path} cannot be written ({error}). Remedy: name a file in a folder that is there."
        ) from error
    return f"{path}: {NAMESPACE_URI}, its types and a line of {cells} cell{'s' * (cells != 1)}"
