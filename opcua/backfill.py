"""Gets missed scans from the server's history."""

from collections.abc import Mapping, Sequence
from typing import Final

from asyncua import ua

from control.channel_faults import Stillness
from opcua.link import Link
from opcua.scan_reader import ScanReader
from opcua.scans import Scan, time_of, to_datetime

MAX_BACKFILL: Final = 600  # scans; what is older than that is of no use to the estimate


async def backfill(
    link: Link,
    reader: ScanReader,
    first: int,
    last: int,
    since_ns: int,
    until_ns: int,
    now_ns: int,
    before: Mapping[str, Stillness],
) -> list[Scan]:
    """Return those scans with counters from `first` to `last` that the server still has.

    Values of one scan share one source time, down to the tick; that is how they are put together.

    Args:
        link: a live connection.
        reader: of the nodes; scan counter and signals must all have a history.
        first, last: counters of the scans missed, both included.
        since_ns, until_ns: source times between which they lie, both included.
        now_ns: wall time, which becomes the scans' time of receipt.
        before: what the newest scan that was taken found of signals with several sensors.

    Raises:
        LinkError: the connection broke.
    """
    node_ids = reader.node_ids
    limit = min(last - first + 1, MAX_BACKFILL) + 2
    history = await link.read_history(node_ids, to_datetime(since_ns), to_datetime(until_ns), limit)
    by_time = [_by_source_time(values) for values in history]
    scans: dict[int, Scan] = {}
    for time_ns in sorted(by_time[0]):
        values = [of_node.get(time_ns) for of_node in by_time]
        scan = reader.scan_of_history(values, now_ns, before)
        if scan is not None and scan.counter is not None and first <= scan.counter <= last:
            scans[scan.counter] = scan
    return [scans[counter] for counter in sorted(scans)]


def _by_source_time(values: Sequence[ua.DataValue]) -> dict[int, ua.DataValue]:
    return {time_of(value, 0): value for value in values}
