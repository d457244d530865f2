"""The simulated line: richer than the model that controls it, and independent of it.

Cells are made of single anodes, two ledges, a bath whose mass and chemistry change, and a metal pad
that is tapped. They differ from their design and from each other; none of these figures and no
random stream is shared with the reduced model, only physical constants and published formulas.
"""

from physics.plant.disturbances import UNDISTURBED, Disturbances
from physics.plant.outputs import LaboratoryReport, PlantOutputs, PlantTruth
from physics.plant.parameters import PlantParameters
from physics.plant.start import init_plant
from physics.plant.state import PlantInputs, PlantState, make_inputs
from physics.plant.step import step_plant

__all__ = [
    "UNDISTURBED",
    "Disturbances",
    "LaboratoryReport",
    "PlantInputs",
    "PlantOutputs",
    "PlantParameters",
    "PlantState",
    "PlantTruth",
    "init_plant",
    "make_inputs",
    "step_plant",
]
