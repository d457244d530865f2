"""One reader of the live picture for all screens of a server.

It looks at Redis once per interval and tells every screen that wants to know. A screen that is
still busy with the last look is not told again: it takes the newest one when it is ready.
"""

import asyncio
import logging
import time
from collections.abc import Callable
from typing import Final

import msgspec
from redis.asyncio import Redis
from redis.exceptions import RedisError

from ui.layout import LineLayout
from ui.snapshot import Snapshot, blank_snapshot, take_snapshot
from ui.store import NOTHING_READ, Reading, read_picture, without_secrets
from ui.waiting import pause

_log: Final = logging.getLogger(__name__)

FEED_OVERDUE_S: Final = 5.0

Listener = Callable[[], None]


class Collector:
    """Keeps the newest snapshot.

    Args:
        interval_s: between two looks at Redis.
        max_age_s: wall time after which a value is stale.
    """

    def __init__(
        self, redis_address: str, layout: LineLayout, interval_s: float, max_age_s: float
    ) -> None:
        self._redis_address = redis_address
        self._layout = layout
        self._interval_s = interval_s
        self._max_age_s = max_age_s
        self._listeners: set[Listener] = set()
        self._snapshot = blank_snapshot(layout)

    @property
    def snapshot(self) -> Snapshot:
        """The newest look."""
        return self._snapshot

    @property
    def listeners(self) -> int:
        """How many screens want to know."""
        return len(self._listeners)

    def subscribe(self, listener: Listener) -> None:
        """Tell `listener` of every look from now on."""
        self._listeners.add(listener)

    def unsubscribe(self, listener: Listener) -> None:
        """Tell `listener` no more; one that is not known is ignored."""
        self._listeners.discard(listener)

    async def run(self, stop: asyncio.Event) -> None:
        """Look until `stop` is set; an outage of Redis is shown on every page and waited out."""
        reading = NOTHING_READ
        was_away = False
        async with Redis.from_url(self._redis_address, socket_timeout=2.0) as redis:
            while not stop.is_set():
                link = ""
                try:
                    reading = await read_picture(redis, reading)
                except msgspec.MsgspecError as exc:
                    reading = NOTHING_READ
                    link = "The picture in Redis is of another version. Restart `potline feed`."
                    if not was_away:
                        _log.warning("%s (%s)", link, exc)
                except (RedisError, OSError) as exc:
                    link = (
                        f"No Redis at {without_secrets(self._redis_address)}: the figures below "
                        "stand still. Start it, or set redis.address."
                    )
                    if not was_away:
                        _log.warning("%s (%s)", link, exc)
                was_away = bool(link)
                self._take(reading, link)
                await pause(stop, self._interval_s)

    def _take(self, reading: Reading, link: str) -> None:
        now_ns = time.time_ns()
        if not link and reading.life < 0:
            link = "The feed has written no picture yet. Is `potline feed` running?"
        elif not link and now_ns - reading.written_ns > FEED_OVERDUE_S * 1e9:
            age_s = (now_ns - reading.written_ns) / 1e9
            link = f"The feed has written nothing for {age_s:.0f} s. Is `potline feed` running?"
        self.show(
            take_snapshot(
                self._layout,
                reading,
                number=self._snapshot.number + 1,
                now_ns=now_ns,
                max_age_s=self._max_age_s,
                link=link,
            )
        )

    def show(self, snapshot: Snapshot) -> None:
        """Make `snapshot` the newest, and tell every listener."""
        self._snapshot = snapshot
        for listener in tuple(self._listeners):
            listener()
