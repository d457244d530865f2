"""Pictures of a full-order run: the transverse slice at the cell's middle, and the run in time."""

from pathlib import Path
from typing import Any, Final

import matplotlib as mpl
import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from ops.fields.file import FieldsFile
from ops.fields.quantities import FIELDS, SERIES

_PANELS: Final = (
    ("temperature_c", "Temperature", "inferno"),
    ("potential_v", "Potential", "viridis"),
    ("alumina_wt_pct", "Dissolved alumina", "cividis"),
)
_CURVES: Final = (
    ("cell_voltage_v", "Cell voltage"),
    ("bath_temperature_c", "Bath temperature"),
    ("ledge_mm", "Ledge"),
    ("alumina_wt_pct", "Dissolved alumina"),
    ("excess_alf3_wt_pct", "Excess AlF3"),
    ("line_current_ka", "Cell current"),
)
_FROZEN_SHARE: Final = 0.5  # where the contour of the ledge is drawn

mpl.use("Agg")


def draw_slice(fields_file: FieldsFile, path: Path, number: int = -1) -> Path:
    """Draw temperature with the ledge's contour, potential and alumina across the cell.

    Args:
        fields_file: of the run.
        path: of the PNG.
        number: which picture of the run; -1 is the last.

    Returns:
        The path.
    """
    edges, material = fields_file.read_grid()
    fields = fields_file.read_fields(number)
    t_h = fields_file.read_series()["t_s"][number] / 3600.0
    x, z = edges[0], edges[2]
    figure = Figure(figsize=(15, 4.2), layout="constrained")
    for axes, (name, title, colours) in zip(figure.subplots(1, 3), _PANELS, strict=True):
        values = fields[name][:, 0, :]
        if name == "alumina_wt_pct":
            values = np.where(fields["liquid_share"][:, 0, :] > _FROZEN_SHARE, values, np.nan)
        mesh = axes.pcolormesh(x, z, np.ma.masked_invalid(values.T), cmap=colours, shading="flat")
        figure.colorbar(mesh, ax=axes, label=FIELDS[name].unit, pad=0.01, shrink=0.78)
        _outline(axes, x, z, material[:, 0, :])
        _contour_ledge(axes, x, z, fields["liquid_share"][:, 0, :])
        axes.set(title=title, xlabel="from the centre line / m", aspect="equal")
        axes.set_facecolor("0.92")
    figure.axes[0].set_ylabel("height / m")
    about = fields_file.read_about()
    figure.suptitle(
        f"{about.get('plant', '')} after {t_h:.3g} h: across the cell at its middle "
        "(white line: face of the ledge)"
    )
    figure.savefig(path, dpi=110)
    return path


def draw_series(fields_file: FieldsFile, path: Path) -> Path:
    """Draw what the cell did in time.

    Args:
        fields_file: of the run.
        path: of the PNG.

    Returns:
        The path.
    """
    series = fields_file.read_series()
    figure = Figure(figsize=(13, 6), layout="constrained")
    for axes, (name, title) in zip(np.ravel(figure.subplots(2, 3)), _CURVES, strict=True):
        axes.plot(series["t_s"] / 3600.0, series[name], color="#0b5fa5", linewidth=1.6)
        axes.set(title=title, ylabel=SERIES[name].unit, xlabel="time / h")
        axes.ticklabel_format(useOffset=False)
        axes.grid(alpha=0.3)
    figure.suptitle(str(fields_file.read_about().get("plant", "")))
    figure.savefig(path, dpi=110)
    return path


def _outline(
    axes: Any, x: NDArray[np.float64], z: NDArray[np.float64], material: NDArray[np.int8]
) -> None:
    """Thin lines where materials meet."""
    across = np.argwhere(material[1:, :] != material[:-1, :])
    axes.vlines(x[across[:, 0] + 1], z[across[:, 1]], z[across[:, 1] + 1], color="0.5", lw=0.5)
    upward = np.argwhere(material[:, 1:] != material[:, :-1])
    axes.hlines(z[upward[:, 1] + 1], x[upward[:, 0]], x[upward[:, 0] + 1], color="0.5", lw=0.5)


def _contour_ledge(
    axes: Any, x: NDArray[np.float64], z: NDArray[np.float64], liquid_share: NDArray[np.float64]
) -> None:
    if liquid_share.min() < _FROZEN_SHARE < liquid_share.max():
        centre_x, centre_z = 0.5 * (x[1:] + x[:-1]), 0.5 * (z[1:] + z[:-1])
        axes.contour(
            centre_x, centre_z, liquid_share.T, levels=[_FROZEN_SHARE], colors="white", linewidths=2
        )
