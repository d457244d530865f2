"""Engineering units as OPC UA writes them: UNECE common code, numeric id, symbol, name.

Source: OPC 10000-8 (units by UNECE Recommendation 20): the id of a unit is its common code, the
bytes of its characters read as one big-endian number.
"""

from dataclasses import dataclass
from typing import Final

UNIT_NAMESPACE: Final = "http://www.opcfoundation.org/UA/units/un/cefact"


@dataclass(frozen=True, slots=True)
class Unit:
    """One unit of UNECE Recommendation 20."""

    common_code: str
    symbol: str
    name: str

    @property
    def unit_id(self) -> int:
        """The id by the rule of OPC 10000-8."""
        return int.from_bytes(self.common_code.encode("ascii"), "big")


VOLT: Final = Unit("VLT", "V", "volt")
MILLIVOLT: Final = Unit("2Z", "mV", "millivolt")
KILOAMPERE: Final = Unit("B22", "kA", "kiloampere")
DEGREE_CELSIUS: Final = Unit("CEL", "°C", "degree Celsius")
KILOGRAM: Final = Unit("KGM", "kg", "kilogram")
KILOGRAM_PER_HOUR: Final = Unit("E93", "kg/h", "kilogram per hour")
KILOGRAM_PER_DAY: Final = Unit("F30", "kg/d", "kilogram per day")
MILLIMETRE: Final = Unit("MMT", "mm", "millimetre")
PERCENT: Final = Unit("P1", "%", "percent")
MILLISECOND: Final = Unit("C26", "ms", "millisecond")
SECOND: Final = Unit("SEC", "s", "second [unit of time]")
MEGAWATT: Final = Unit("MAW", "MW", "megawatt")
