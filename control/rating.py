"""What an operating point is worth: energy, greenhouse gases and anode effects of a steady cell.

The cell is the reduced model's at rest: gap, alumina and AlF3 are held, the bath's temperature and
the ledge follow from the heat balance. Alumina swings around its target as the controller makes it
(a triangle, evenly spread between its ends) and is off it besides, as a normal deviate; voltage and
efficiency are means over the swing. How often anode effects come is told by
`control.anode_effects`.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from numpy.typing import NDArray

from control.anode_effects import (
    HOURS_PER_DAY,
    SWING_NODES,
    Disturbances,
    anode_effect_rate,
    compute_deviate_wt_pct,
)
from control.kpis import GRIDS, Production, compute_kpis
from physics.design import PlantDesign
from physics.operating_point import (
    OperatingInputs,
    OperatingPoint,
    compute_operating_point,
    make_operating_inputs,
)
from physics.parameters import CellParameters
from physics.reduced.model import make_reduced_parameters
from physics.voltage import compute_noise_mv

F64 = NDArray[np.float64]

TARGETS: Final = ("acd_cm", "alumina_wt_pct", "alumina_swing_wt_pct", "excess_alf3_wt_pct")
GAP, ALUMINA, SWING, ALF3 = range(len(TARGETS))
_BISECTIONS: Final = 40  # of 150 K: to less than a nanokelvin
_COLDEST_C, _HOTTEST_C = 890.0, 1040.0
BATCH: Final = 128  # points at once, always as many, so that one program serves all


class Steady(NamedTuple):
    """A cell at rest under its targets; scalars or (n,).

    Attributes:
        cell_voltage_v, current_efficiency: means over the swing, without anode effects.
        deviate_wt_pct: sd of alumina beside its swing.
        rich_slope_v_per_wt_pct: of voltage by alumina at the rich end of the swing: below 0 on the
            lean side of the minimum, where a voltage that rises means a cell that runs lean.
    """

    cell_voltage_v: Array
    current_efficiency: Array
    bath_temperature_c: Array
    superheat_c: Array
    ledge_cm: Array
    saturation_wt_pct: Array
    voltage_noise_mv: Array
    deviate_wt_pct: Array
    rich_slope_v_per_wt_pct: Array
    anode_effects_per_pot_day: Array


@dataclass(frozen=True, slots=True)
class Rated:
    """Operating points and what they are worth, each column (n,).

    Attributes:
        targets: (n, 4) in the order of `TARGETS`.
        figures: energy_kwh_per_kg, ghg_t_per_t and its parts, anode_effects_per_pot_day, and the
            fields of `Steady`, by name.
    """

    targets: F64
    figures: dict[str, F64]

    def __len__(self) -> int:
        return len(self.targets)

    def take(self, rows: NDArray[np.intp]) -> "Rated":
        """Return some of the points."""
        return Rated(self.targets[rows], {n: column[rows] for n, column in self.figures.items()})


OBJECTIVES: Final = ("energy_kwh_per_kg", "ghg_t_per_t", "anode_effects_per_pot_day")


class Rater:
    """Rates operating points of one plant.

    Args:
        design: of the plant.
        disturbances: what makes anode effects.
        grid: whose electricity the greenhouse gases count; a name of `control.kpis.GRIDS`.

    Raises:
        ValueError: no such grid.
    """

    def __init__(
        self,
        design: PlantDesign,
        disturbances: Disturbances | None = None,
        grid: str = GRIDS[0].name,
    ) -> None:
        names = [factor.name.lower() for factor in GRIDS]
        if grid.lower() not in names:
            raise ValueError(f"no grid {grid!r}. Remedy: one of {', '.join(names)}")
        self.grid = grid.lower()
        self.design = design
        self.disturbances = disturbances or Disturbances()
        self._parameters = make_reduced_parameters(design)
        self._inputs = make_operating_inputs(design)
        self._metal_kg_per_kah = float(self._parameters.metal_kg_per_coulomb) * 3.6e6
        nominal = compute_operating_point(self._parameters, self._inputs)
        self._nominal_superheat_c = nominal.superheat_c
        self._many: Callable[[Array], Steady] = jax.jit(jax.vmap(self.steady))

    def steady(self, targets: Array) -> Steady:
        """Return where a cell comes to rest under its targets, (4,); for JAX to trace."""
        return settle(
            self._parameters, self._inputs, self.disturbances, self._nominal_superheat_c, targets
        )

    def objectives(self, targets: Array) -> Array:
        """Return what is to be small, (3,) in the order of `OBJECTIVES`; for JAX to trace."""
        figures = self._account(self.steady(targets)._asdict())
        values: Array = jnp.stack([figures[name] for name in OBJECTIVES])
        return values

    def rate(self, targets: F64) -> Rated:
        """Rate operating points, (n, 4) in the order of `TARGETS`."""
        count = len(targets)
        padded = np.resize(targets, (-(-count // BATCH) * BATCH, len(TARGETS)))
        parts = [self._many(jnp.asarray(part)) for part in np.split(padded, len(padded) // BATCH)]
        columns = {
            name: np.concatenate([np.asarray(getattr(part, name)) for part in parts])[:count]
            for name in Steady._fields
        }
        figures = self._account(columns)
        names = ("ghg_process_t_per_t", "ghg_pfc_t_per_t", "ghg_electricity_t_per_t", *OBJECTIVES)
        return Rated(
            np.array(targets, dtype=np.float64),
            columns | {name: np.asarray(figures[name]) for name in names},
        )

    def _account(self, columns: Mapping[str, Any]) -> dict[str, Any]:
        """The figures of a pot-day, by the account that evaluations are judged by; elementwise."""
        current_ka = self.design.line.current_ka
        effects, voltage_v = columns["anode_effects_per_pot_day"], columns["cell_voltage_v"]
        charge_kah = current_ka * HOURS_PER_DAY
        minutes = effects * self.disturbances.duration_min
        beyond_kwh = current_ka * (self.disturbances.voltage_v - voltage_v) * minutes / 60.0
        # The account is arithmetic alone, so that it takes arrays as it takes numbers.
        kpis: dict[str, Any] = compute_kpis(
            Production(
                pot_days=1.0,
                metal_kg=self._metal_kg_per_kah * charge_kah * columns["current_efficiency"],
                energy_kwh=charge_kah * voltage_v + beyond_kwh,
                charge_kah=charge_kah,
                anode_effects=effects,
                anode_effect_minutes=minutes,
            ),
            self._metal_kg_per_kah,
        )
        if self.grid != GRIDS[0].name:
            kpis["ghg_t_per_t"] = kpis[f"ghg_{self.grid}_t_per_t"]
            rest = kpis["ghg_process_t_per_t"] + kpis["ghg_pfc_t_per_t"]
            kpis["ghg_electricity_t_per_t"] = kpis["ghg_t_per_t"] - rest
        return kpis


def settle(
    parameters: CellParameters,
    inputs: OperatingInputs,
    disturbances: Disturbances,
    nominal_superheat_c: Array,
    targets: Array,
) -> Steady:
    """Find where a cell comes to rest under its targets.

    Args:
        parameters: of the reduced cell.
        inputs: current and the rest of the bath.
        disturbances: for the deviate of alumina and for anode effects.
        nominal_superheat_c: at which alumina dissolves as the parameters say.
        targets: (4,) in the order of `TARGETS`.

    Returns:
        Scalars; the temperature at an end of its range where no heat balance is within.
    """
    inputs = inputs._replace(
        acd_cm=targets[GAP], alumina_wt_pct=targets[ALUMINA], excess_alf3_wt_pct=targets[ALF3]
    )

    def at(temperature_c: Array, alumina_wt_pct: Array) -> OperatingPoint:
        return compute_operating_point(
            parameters,
            inputs._replace(bath_temperature_c=temperature_c, alumina_wt_pct=alumina_wt_pct),
        )

    # The hotter, the more it loses: one temperature balances, and halving cannot miss it.
    def halve(_: int, ends: tuple[Array, Array]) -> tuple[Array, Array]:
        low, high = ends
        middle = 0.5 * (low + high)
        gains = at(middle, targets[ALUMINA]).heat.net_w() > 0.0
        return jnp.where(gains, middle, low), jnp.where(gains, high, middle)

    ends = (jnp.asarray(_COLDEST_C), jnp.asarray(_HOTTEST_C))
    low, high = jax.lax.fori_loop(0, _BISECTIONS, halve, ends)
    temperature_c = 0.5 * (low + high)
    mean = at(temperature_c, targets[ALUMINA])
    nodes, weights = np.polynomial.legendre.leggauss(SWING_NODES)
    swung = jax.vmap(lambda node: at(temperature_c, targets[ALUMINA] + targets[SWING] * node))(
        jnp.asarray(nodes)
    )
    share = jnp.asarray(weights / 2.0)
    efficiency = jnp.sum(share * swung.current_efficiency)

    def slope(node: Array) -> Array:
        alumina = targets[ALUMINA] + targets[SWING] * node
        found: Array = jax.grad(lambda w: at(temperature_c, w).cell_voltage_v)(alumina)
        return found

    slopes = jax.vmap(slope)(jnp.asarray(nodes))
    differs = jnp.sum(share * (slopes - jnp.sum(share * slopes)) ** 2)
    deviate = compute_deviate_wt_pct(disturbances, differs)
    use_kg_per_h = (
        3.6e6 * parameters.oxide_kg_per_coulomb * inputs.current_ka * efficiency
    )  # kA and hours
    fall_wt_pct_per_h = (
        100.0 * disturbances.fault_lost_share * use_kg_per_h / parameters.bath_mass_kg
    )
    # In proportion to superheat, from the plant file's figure at its nominal point: a design value.
    dissolving_h = parameters.undissolved_fraction / (3600.0 * parameters.dissolution_per_s)
    delay_h = dissolving_h * nominal_superheat_c / jnp.maximum(mean.superheat_c, 1.0)
    return Steady(
        cell_voltage_v=jnp.sum(share * swung.cell_voltage_v),
        current_efficiency=efficiency,
        bath_temperature_c=temperature_c,
        superheat_c=mean.superheat_c,
        ledge_cm=mean.steady_ledge_cm,
        saturation_wt_pct=mean.saturation_wt_pct,
        voltage_noise_mv=compute_noise_mv(parameters, targets[GAP]),
        deviate_wt_pct=deviate,
        rich_slope_v_per_wt_pct=slope(jnp.ones(())),
        anode_effects_per_pot_day=anode_effect_rate(
            disturbances,
            targets[ALUMINA] - parameters.anode_effect_alumina_wt_pct,
            targets[SWING],
            deviate,
            fall_wt_pct_per_h,
            delay_h,
        ),
    )
