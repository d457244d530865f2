"""The measurements that the estimator reads, by name. Each name carries its unit.

Which node of a plant holds which of them is the business of the plant file's mapping.
"""

from typing import Final

CELL_SIGNALS: Final = (
    "cell_voltage_v",
    "bath_temperature_c",
    "alumina_fed_kg",  # running total of what the feeder says it dropped
    "beam_position_mm",  # anode beam, up is positive
    "voltage_noise_mv",  # standard deviation of the cell voltage in the last minute
)
LINE_SIGNALS: Final = ("line_current_ka",)
SIGNALS: Final = CELL_SIGNALS + LINE_SIGNALS

ANALYSED: Final = ("alumina_wt_pct", "excess_alf3_wt_pct", "bath_temperature_c")
"""What a laboratory says of a sample."""

SETPOINTS: Final = (
    "alumina_feed_rate_kg_per_h",
    "beam_position_mm",  # absolute target of the anode beam
)
"""The two inputs of the fast model. Every plant file has them."""

ALF3_SETPOINT: Final = "alf3_addition_kg_per_day"
OPTIONAL_SETPOINTS: Final = (ALF3_SETPOINT,)
"""What a plant file may have beside them; the slow half of the controller asks for it."""
