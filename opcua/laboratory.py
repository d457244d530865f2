"""What the plant shows of its laboratory, made reports: each sample of a cell once."""

import asyncio
import logging
import math
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Final

from asyncua import ua

from opcua.mapping import Mapping
from opcua.resolve import Readable, ResolvedLaboratory
from opcua.scans import column_of
from stream.laboratory import report_id_of
from stream.records import LaboratoryReport

_log = logging.getLogger(__name__)
_FIRST_WAIT_S: Final = 0.2
_LONGEST_WAIT_S: Final = 5.0
_REPORTED_BY: Final = "plant"
_LATEST_S: Final = 9e9  # the year 2255; what is later fits no count of nanoseconds

PublishReport = Callable[[LaboratoryReport], Awaitable[None]]
"""Returns when the broker has the report; an `OSError` means "not now"."""


@dataclass(frozen=True, slots=True)
class ShownSample:
    """The newest sample of a cell as the plant shows it; a value is None where it shows none."""

    cell: int
    drawn_plant_s: float
    values: tuple[tuple[str, float | None], ...]


@dataclass(frozen=True, slots=True)
class LaboratoryReader:
    """Knows which nodes make a look at the laboratory."""

    nodes: ResolvedLaboratory
    cells: tuple[int, ...]

    @property
    def node_ids(self) -> list[ua.NodeId]:
        """The nodes of one Read."""
        return [node_id for part in self._parts for node_id in part.node_ids]

    @property
    def _parts(self) -> tuple[Readable, ...]:
        return (self.nodes.drawn, *self.nodes.values)

    def look(self, answers: Sequence[ua.DataValue], now_ns: int) -> list[ShownSample]:
        """Return the sample of every cell that has one."""
        columns, at = [], 0
        for part in self._parts:
            end = at + len(part.node_ids)
            columns.append(column_of(part, answers[at:end], len(self.cells), now_ns).value)
            at = end
        names = [part.row.name for part in self.nodes.values]
        samples = []
        for i, cell in enumerate(self.cells):
            drawn_s, *found = (float(column[i]) for column in columns)
            values = [value if math.isfinite(value) else None for value in found]
            # 0, or what a DateTime is before it is set, is no time of a sample.
            if 0.0 < drawn_s < _LATEST_S and any(v is not None for v in values):
                samples.append(ShownSample(cell, drawn_s, tuple(zip(names, values, strict=True))))
        return samples


class LaboratoryDesk:
    """Publishes new samples, one after the other; whoever looks at the plant never waits for it.

    A sample counts once it was seen alike in two looks: a plant may write its time before its
    values. After a restart all that is shown is published again; the loop knows what it has had.
    """

    def __init__(
        self,
        mapping: Mapping,
        sections: Sequence[Sequence[int]],
        publish: PublishReport | None,
    ) -> None:
        self._section = {cell: at for at, cells in enumerate(sections) for cell in cells}
        self._is_utc = mapping.clock.plant_time is None
        self._publish = publish
        self._seen: dict[int, ShownSample] = {}
        self._told: dict[int, float] = {}  # cell -> time of the sample that was published last
        self._waiting: dict[int, LaboratoryReport] = {}  # one a cell: a newer takes its place
        self._filled = asyncio.Event()
        self.published = 0

    def see(self, samples: Sequence[ShownSample], now_ns: int) -> None:
        """Queue what is new.

        Args:
            samples: as the plant shows them.
            now_ns: wall time.
        """
        if self._publish is None:
            return
        for sample in samples:
            is_settled = self._seen.get(sample.cell) == sample
            self._seen[sample.cell] = sample
            if is_settled and self._told.get(sample.cell) != sample.drawn_plant_s:
                self._told[sample.cell] = sample.drawn_plant_s
                self._waiting[sample.cell] = self._report(sample, now_ns)
                self._filled.set()

    async def run(self) -> None:
        """Publish until cancelled.

        Raises:
            Exception: whatever `publish` raises besides `OSError`: a bug.
        """
        wait_s = _FIRST_WAIT_S
        while True:
            await self._filled.wait()
            if not self._waiting or self._publish is None:
                self._filled.clear()
                continue
            cell, report = next(iter(self._waiting.items()))
            try:
                await self._publish(report)
            except OSError as exc:
                _log.warning("Report %s not published (%s).", report.report_id, exc)
                await asyncio.sleep(wait_s)
                wait_s = min(2.0 * wait_s, _LONGEST_WAIT_S)
                continue
            wait_s = _FIRST_WAIT_S
            self.published += 1
            if self._waiting.get(cell) is report:
                del self._waiting[cell]

    def _report(self, sample: ShownSample, now_ns: int) -> LaboratoryReport:
        values = dict(sample.values)
        drawn_s = sample.drawn_plant_s
        return LaboratoryReport(
            report_id=report_id_of(sample.cell, drawn_s, _REPORTED_BY),
            section=self._section[sample.cell],
            cell=sample.cell,
            t_drawn_plant_s=drawn_s,
            # A clock of the plant's own may run at another speed than the wall's.
            t_drawn_ns=int(drawn_s * 1e9) if self._is_utc else None,
            alumina_wt_pct=values.get("alumina_wt_pct"),
            excess_alf3_wt_pct=values.get("excess_alf3_wt_pct"),
            bath_temperature_c=values.get("bath_temperature_c"),
            reported_by=_REPORTED_BY,
            t_reported_ns=now_ns,
        )
