"""The bath of the simulated cells as masses: what freezes, melts, dissolves, is lost or used.

The ledge and the bath frozen under new anodes are cryolite: freezing takes neither alumina nor AlF3
out of the melt, so a growing ledge makes the rest more acid and lowers its own liquidus.
"""

from typing import Final, NamedTuple

import jax.numpy as jnp
from jax import Array

from physics.plant.parameters import PlantParameters
from physics.plant.state import BathState
from physics.properties import compute_liquidus_c, compute_saturation_wt_pct

_HIGHEST_ALUMINA_WT_PCT: Final = 15.0  # design value: the formulas mean nothing beyond, as below
_HIGHEST_ALF3_WT_PCT: Final = 30.0
_DISSOLUTION_BAND_WT_PCT: Final = 1.0  # design value: nearer to saturation less dissolves at once
_DISSOLUTION_SUPERHEAT_C: Final = 6.0  # design value: at which the rate constant holds
_ALF3_LOSS_PER_C: Final = 0.02  # design value: a hotter bath fumes more
_VIOLENT_FRACTION: Final = 0.1  # design value: an anode effect stirs, most dissolves at once
_VIOLENT_FACTOR: Final = 5.0  # design value: and the rest faster


class Composition(NamedTuple):
    """Weight per cent of the molten bath; each (C,)."""

    alumina_wt_pct: Array
    alf3_wt_pct: Array
    caf2_wt_pct: Array
    mgf2_wt_pct: Array
    lif_wt_pct: Array


class BathView(NamedTuple):
    """What follows from a bath's masses and temperature; each (C,)."""

    composition: Composition
    liquidus_c: Array
    superheat_c: Array
    saturation_wt_pct: Array


class AluminaFlows(NamedTuple):
    """Kilograms that move in a substep; each (C,)."""

    at_once_kg: Array
    slowly_kg: Array
    settling_kg: Array
    returning_kg: Array

    def dissolving_kg(self) -> Array:
        """What goes into solution, which takes heat."""
        return self.at_once_kg + self.slowly_kg + self.returning_kg


def view_bath(parameters: PlantParameters, bath: BathState) -> BathView:
    """Composition, liquidus and saturation of every bath."""
    nature = parameters.nature
    per_kg = 100.0 / bath.bath_kg
    composition = Composition(
        alumina_wt_pct=jnp.clip(per_kg * bath.alumina_kg, 0.0, _HIGHEST_ALUMINA_WT_PCT),
        alf3_wt_pct=jnp.clip(per_kg * bath.alf3_kg, 0.0, _HIGHEST_ALF3_WT_PCT),
        caf2_wt_pct=per_kg * nature.caf2_kg,
        mgf2_wt_pct=per_kg * nature.mgf2_kg,
        lif_wt_pct=per_kg * nature.lif_kg,
    )
    liquidus_c = compute_liquidus_c(*composition)
    return BathView(
        composition=composition,
        liquidus_c=liquidus_c,
        superheat_c=bath.bath_temperature_c - liquidus_c,
        saturation_wt_pct=compute_saturation_wt_pct(bath.bath_temperature_c, *composition[1:]),
    )


def move_alumina(
    parameters: PlantParameters,
    bath: BathState,
    view: BathView,
    feed_kg: Array,
    is_violent: Array,
    dt_s: Array,
) -> AluminaFlows:
    """How much alumina changes its place in a substep.

    Lumps dissolve by surface: in proportion to what is missing to saturation, and faster in a
    hotter bath.

    Args:
        parameters: of the line.
        bath: masses before.
        view: of the same bath.
        feed_kg: alumina that falls into the bath, (C,).
        is_violent: where an anode effect stirs, (C,).
        dt_s: substep.

    Returns:
        Kilograms in the substep. Source: design value; the rate constant is Illingworth's.
    """
    cell = parameters.cell
    missing = view.saturation_wt_pct - view.composition.alumina_wt_pct
    share = jnp.where(is_violent, _VIOLENT_FRACTION, cell.undissolved_fraction)
    at_once = (1.0 - share) * feed_kg * jnp.clip(missing / _DISSOLUTION_BAND_WT_PCT, 0.0, 1.0)
    # At the reference, a third of saturation is dissolved.
    surface = jnp.clip(1.5 * missing / view.saturation_wt_pct, 0.0, 1.5)
    warmth = jnp.clip(0.5 + 0.5 * view.superheat_c / _DISSOLUTION_SUPERHEAT_C, 0.3, 2.0)
    rate_per_s = cell.dissolution_per_s * surface * warmth
    rate_per_s = rate_per_s * jnp.where(is_violent, _VIOLENT_FACTOR, 1.0)
    left = jnp.maximum(missing, 0.0) / view.saturation_wt_pct
    return AluminaFlows(
        at_once_kg=at_once,
        slowly_kg=bath.undissolved_kg * jnp.minimum(rate_per_s * dt_s, 0.5),
        settling_kg=bath.undissolved_kg * cell.settling_per_s * dt_s,
        returning_kg=bath.sludge_kg * cell.sludge_return_per_s * left * dt_s,
    )


def compute_alf3_loss_kg(
    parameters: PlantParameters, bath: BathState, view: BathView, feed_kg: Array
) -> Array:
    """AlF3 that soda in the alumina neutralises and that leaves as fume, (C,).

    A share of the alumina fed, growing with temperature and acidity. Source: design value.
    """
    acidity = view.composition.alf3_wt_pct / parameters.built.nominal_alf3_wt_pct
    warmth = 1.0 + _ALF3_LOSS_PER_C * (
        bath.bath_temperature_c - parameters.built.nominal_temperature_c
    )
    return parameters.nature.alf3_loss_share * feed_kg * acidity * jnp.clip(warmth, 0.2, 3.0)
