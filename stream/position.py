"""Where a worker goes on reading after it started, or after partitions moved.

Faust resumes the streams of a partition and only then looks up where they had come to. In between
it hands out what it fetches, and drops the rest of that batch once the look-up is done; and where a
group has committed nothing, or offset 0, the position is left behind the dropped messages: they are
lost, and a later one is processed before them. So here nothing flows before every position is set,
and one is set for every partition.
"""

from collections.abc import Mapping
from typing import Any

import faust
from faust.transport.drivers import aiokafka as driver


class _Consumer(driver.Consumer):
    async def seek_to_committed(self) -> Mapping[Any, int]:
        """Go to what was committed; where nothing was, or 0, to the earliest message."""
        committed: dict[Any, int] = dict(await super().seek_to_committed())
        unset = [
            place
            for place, offset in committed.items()
            if not offset and not self._is_changelog_tp(place)  # those, table recovery looks after
        ]
        if unset:
            earliest = dict(await self.earliest_offsets(*unset))
            await self.seek_wait(earliest)
            committed |= earliest
        return committed


class _Transport(driver.Transport):
    Consumer = _Consumer


def set_positions_first(app: faust.App) -> None:
    """Let no message of a stream through before the position of every partition is set."""
    app.transport = _Transport(app.conf.broker_consumer, app)

    async def hold_back(*_: object, **__: object) -> None:
        # The last that is called before streams are resumed; the flow itself is resumed after that.
        app.consumer.stop_flow()

    app.on_rebalance_complete.connect(hold_back, weak=False)
