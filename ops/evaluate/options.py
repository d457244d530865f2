"""What is to be evaluated: the command line as figures, and the names of the controllers."""

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path


class ControllerName(StrEnum):
    """Who moves the cells."""

    MPC = "mpc"
    TUNED = "tuned"
    LEGACY = "legacy"


@dataclass(frozen=True, slots=True)
class Stress:
    """What the controllers are not told.

    Attributes:
        shift_pct: the plant's uncertain figures are off the plant file by so much.
        noise_factor: the noise of all instruments and of the laboratory, times the usual.
        missing_pct: share of the samples that never come.
    """

    shift_pct: float = 0.0
    noise_factor: float = 1.0
    missing_pct: float = 0.0


@dataclass(frozen=True, slots=True)
class EvaluateOptions:
    """Which closed loops are run.

    Attributes:
        plant_file: that the controllers know and the line is built after.
        cells, days, seeds: how many; the days after the burn-in count.
        burn_in_days: in which every controller comes to its own operating point.
        first_seed: the seeds are this and the next ones.
        baselines: what the MPC is compared with.
        stress: what is made harder.
        control_period_s: plant time between two decisions of the MPC.
    """

    plant_file: Path
    cells: int = 24
    days: float = 7.0
    seeds: int = 20
    burn_in_days: float = 1.0
    first_seed: int = 1
    baselines: tuple[ControllerName, ...] = (ControllerName.LEGACY, ControllerName.TUNED)
    stress: Stress = Stress()
    control_period_s: float = 240.0

    @property
    def controllers(self) -> tuple[ControllerName, ...]:
        """The MPC and the baselines."""
        return (ControllerName.MPC, *self.baselines)

    @property
    def pot_days(self) -> float:
        """Counted, for each controller."""
        return self.cells * self.days * self.seeds


def read_baselines(names: str) -> tuple[ControllerName, ...]:
    """Return the baselines of a list with commas, each once, in the order given.

    Raises:
        ValueError: a name that is no baseline, or none at all.
    """
    known = [name.value for name in ControllerName if name is not ControllerName.MPC]
    wanted = [name.strip() for name in names.split(",") if name.strip()]
    strange = [name for name in wanted if name not in known]
    if strange or not wanted:
        raise ValueError(
            f"{', '.join(strange) or 'nothing'} is no baseline. Remedy: give {' or '.join(known)}, "
            "or both with a comma between them"
        )
    return tuple(ControllerName(name) for name in dict.fromkeys(wanted))
