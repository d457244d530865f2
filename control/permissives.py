"""What must hold for a cell to be moved by us, each as a fact of this moment."""

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Permissives:
    """What must hold for AUTO, each as a fact of this moment."""

    has_fresh_samples: bool
    has_plant_link: bool
    has_plant_heartbeat: bool
    has_readback: bool
    has_estimate: bool
    is_free_of_anode_effect: bool

    def missing(self) -> tuple[str, ...]:
        """Return an operator's sentence for each one that does not hold."""
        return tuple(
            sentence for name, sentence in _PERMISSIVE_SENTENCES.items() if not getattr(self, name)
        )


_PERMISSIVE_SENTENCES: Final = {
    "has_fresh_samples": "no fresh samples of the cell",
    "has_plant_link": "no connection to SCADA",
    "has_plant_heartbeat": "the heartbeat of the plant stands still",
    "has_readback": "the plant does not show its setpoints",
    "has_estimate": "no estimate of the cell yet",
    "is_free_of_anode_effect": "an anode effect is in progress",
}
