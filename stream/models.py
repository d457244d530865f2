"""From an estimate to what the controller plans with: states and a linear model of each cell."""

import numpy as np

from control.objective import ControlObjective
from control.prediction import OUTPUTS, CellModel
from physics.design import PlantDesign, nominal_feed_kg_per_h
from physics.reduced import model as reduced
from physics.signals import SETPOINTS
from stream.app import Worker
from stream.decide import Linearise
from stream.frames import F64, EstimateFrame
from stream.records import DECIDES, ModelRecord, encode
from stream.topics import MODELS

_BEAM = SETPOINTS.index("beam_position_mm")


def warm_up_lineariser(design: PlantDesign, step_s: float, size: int) -> None:
    """Compile what a section of so many cells needs."""
    any_cell = np.ones(size)
    reduced.linearise(design, np.ones((size, len(reduced.STATES))), any_cell, any_cell, step_s)


def make_lineariser(design: PlantDesign, objective: ControlObjective) -> Linearise:
    """Return the function that linearises all cells of an estimate at the objective's step."""
    states_index = {name: i for i, name in enumerate(reduced.STATES)}
    outputs_index = {name: i for i, name in enumerate(reduced.OUTPUTS)}
    feed_kg_per_h = nominal_feed_kg_per_h(design)

    def linearise(estimate: EstimateFrame, applied: F64) -> tuple[F64, list[CellModel]]:
        states = np.column_stack([estimate.values[name] for name in reduced.STATES])
        # The beam is where it was measured; the input acts by its difference from that.
        states[:, states_index["beam_position_mm"]] = applied[:, _BEAM]
        # A lean cell is on the steep side of the voltage's minimum, and leaves it as it is fed: its
        # slopes there would have the controller believe that feeding it freezes it.
        around = states.copy()
        alumina = states_index["alumina_wt_pct"]
        around[:, alumina] = np.maximum(around[:, alumina], objective.risk_alumina_wt_pct)
        linear = reduced.linearise(
            design,
            around,
            # What the feeder's share of it will do counts over hours, in which a cell is fed what
            # it uses, whatever it is fed just now.
            np.full(len(states), feed_kg_per_h),
            estimate.values["line_current_ka"],
            objective.step_s,
        )
        # What the estimator found beside the model's resistances goes on as it is.
        beside_v = (
            1e-3 * estimate.values["added_resistance_uohm"] * estimate.values["line_current_ka"]
        )
        shown = np.column_stack([estimate.values[name] for name in OUTPUTS])
        count = len(reduced.STATES)
        identity = np.eye(count)
        models = []
        for i in range(len(estimate.cells)):
            rows = linear.output_rows[i]
            offset = linear.output_offset[i]
            superheat, voltage = outputs_index["superheat_c"], outputs_index["cell_voltage_v"]
            models.append(
                CellModel(
                    A=linear.A[i],
                    B=linear.B[i],
                    c=linear.c[i],
                    C=np.stack(
                        [
                            identity[states_index["alumina_wt_pct"]],
                            rows[superheat],
                            identity[states_index["acd_cm"]],
                            identity[states_index["ledge_cm"]],
                            rows[voltage],
                        ]
                    ),
                    d=np.array([0.0, offset[superheat], 0.0, 0.0, offset[voltage] + beside_v[i]]),
                    kwh_per_kg_and_v=float(
                        estimate.values["energy_kwh_per_kg"][i]
                        / estimate.values["cell_voltage_v"][i]
                    ),
                    shown=shown[i],
                    critical_alumina_wt_pct=design.cell.bath.anode_effect_alumina_wt_pct,
                    nominal_feed_kg_per_h=feed_kg_per_h,
                    shot_kg=design.cell.feed.shot_kg,
                )
            )
        return states, models

    return linearise


async def announce(worker: Worker, plant_name: str, plant_hash: str) -> None:
    """Put on record which reduced model this worker runs."""
    await worker.outbox.send(
        MODELS.name,
        f"reduced-lumped/{plant_hash}".encode(),
        encode(
            ModelRecord(
                model_id=f"reduced-lumped/{plant_hash}",
                kind=DECIDES,
                plant_name=plant_name,
                plant_hash=plant_hash,
                parameters={"states": float(len(reduced.STATES))},
                t_created_ns=worker.clock_ns(),
            )
        ),
    )
