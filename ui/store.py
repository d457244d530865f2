"""The live picture in Redis: what the feed writes and the screens read.

Keys, all under one prefix and all with a time to live, so that nothing outlasts its use::

    <prefix>:index        hash: life of the feed, time of its last write, version of every part
    <prefix>:line         the line's part, MessagePack
    <prefix>:section:<s>  one section's part, MessagePack
    <prefix>:trend:<s>    list of trend rows, newest last, as `ui.trend` keeps them
    <prefix>:history:<s>  the same, of the rows that go back further
"""

from dataclasses import dataclass, field
from typing import Any, Final

import msgspec
import numpy as np
from redis.asyncio import Redis

from ui.picture import LinePicture, Picture, SectionPicture, TrendRow
from ui.trend import COARSE, FINE, Keeping

PREFIX: Final = "potline:picture:4"  # the number is the version of what the keys hold
TIME_TO_LIVE_S: Final = 3600
_MARGIN_ROWS: Final = 10
_KEEPING: Final = {"trend": FINE, "history": COARSE}


def _pack_array(value: Any) -> Any:
    if isinstance(value, np.ndarray):
        return value.dtype.str, list(value.shape), value.tobytes()
    raise NotImplementedError(f"{type(value).__name__} has no place in the picture")


def _unpack_array(kind: type, value: Any) -> Any:
    if kind is np.ndarray:
        dtype, shape, payload = value
        return np.frombuffer(payload, dtype=dtype).reshape(shape)
    raise NotImplementedError(f"{kind.__name__} has no place in the picture")


_encoder: Final = msgspec.msgpack.Encoder(enc_hook=_pack_array)
_line_decoder: Final = msgspec.msgpack.Decoder(LinePicture, dec_hook=_unpack_array)
_section_decoder: Final = msgspec.msgpack.Decoder(SectionPicture, dec_hook=_unpack_array)
_row_decoder: Final = msgspec.msgpack.Decoder(TrendRow, dec_hook=_unpack_array)


class _Keys:
    index = f"{PREFIX}:index"
    line = f"{PREFIX}:line"

    @staticmethod
    def section(number: int) -> str:
        return f"{PREFIX}:section:{number}"

    @staticmethod
    def rows(kind: str, number: int) -> str:
        return f"{PREFIX}:{kind}:{number}"


def _rows(picture: Picture, kind: str) -> tuple[tuple[TrendRow, ...], ...]:
    return picture.trends if kind == "trend" else picture.history


class PictureWriter:
    """Writes what changed since it last wrote.

    Args:
        redis: connection, answers as bytes.
        life: number of this life of the feed; readers start afresh when it changes.
    """

    def __init__(self, redis: Redis, life: int) -> None:
        self._redis = redis
        self._life = life
        self._written: Picture | None = None
        self._version = 0

    async def write(self, picture: Picture, now_ns: int) -> None:
        """Write the parts of `picture` that changed, and the time of writing in any case.

        Raises:
            redis.exceptions.RedisError: nothing can be assumed written; the next call writes all.
        """
        last, self._written = self._written, None
        self._version += 1
        index: dict[Any, Any] = {"life": self._life, "written_ns": now_ns}
        async with self._redis.pipeline(transaction=True) as pipe:
            if last is None:
                pipe.delete(_Keys.index)
            if last is None or picture.line is not last.line:
                pipe.set(_Keys.line, _encoder.encode(picture.line), ex=TIME_TO_LIVE_S)
                index["line"] = self._version
            for number, section in enumerate(picture.sections):
                if last is None or section is not last.sections[number]:
                    key = _Keys.section(number)
                    pipe.set(key, _encoder.encode(section), ex=TIME_TO_LIVE_S)
                    index[f"section:{number}"] = self._version
            for kind in _KEEPING:
                for number, rows in enumerate(_rows(picture, kind)):
                    before = () if last is None else _rows(last, kind)[number]
                    if last is None or rows is not before:
                        self._push(pipe, _Keys.rows(kind, number), rows, before)
                        index[f"{kind}:{number}"] = rows[-1].number if rows else -1
            pipe.hset(_Keys.index, mapping=index)
            for key in (_Keys.index, _Keys.line):
                pipe.expire(key, TIME_TO_LIVE_S)
            for number in range(len(picture.sections)):
                pipe.expire(_Keys.section(number), TIME_TO_LIVE_S)
                for kind in _KEEPING:
                    pipe.expire(_Keys.rows(kind, number), TIME_TO_LIVE_S)
            await pipe.execute()
        self._written = picture

    @staticmethod
    def _push(
        pipe: Any, key: str, rows: tuple[TrendRow, ...], before: tuple[TrendRow, ...]
    ) -> None:
        newest = before[-1].number if before else -1
        continues = bool(before) and rows[0].number <= newest + 1
        if not continues:
            pipe.delete(key)
            newest = -1
        fresh = [_encoder.encode(row) for row in rows if row.number > newest]
        if fresh:
            pipe.rpush(key, *fresh)
            pipe.ltrim(key, -len(rows), -1)


@dataclass(frozen=True, slots=True)
class Reading:
    """What a reader has of the picture.

    Attributes:
        life: of the feed that wrote it; -1 where there is no picture.
        written_ns: when the feed last wrote.
        versions: of each part, as read.
    """

    life: int
    written_ns: int
    versions: dict[str, int]
    line: LinePicture
    sections: dict[int, SectionPicture]
    trends: dict[int, tuple[TrendRow, ...]]
    history: dict[int, tuple[TrendRow, ...]] = field(default_factory=dict)


NOTHING_READ: Final = Reading(
    life=-1, written_ns=0, versions={}, line=LinePicture(), sections={}, trends={}
)


async def read_picture(redis: Redis, last: Reading = NOTHING_READ) -> Reading:
    """Return the picture as it stands, reading only what changed since `last`.

    Raises:
        redis.exceptions.RedisError: Redis is away.
    """
    raw: dict[Any, Any] = await redis.hgetall(_Keys.index)
    index = {bytes(key).decode(): int(value) for key, value in raw.items()}
    if not index:
        return NOTHING_READ
    life, written_ns = index.pop("life"), index.pop("written_ns")
    if life != last.life:
        last = NOTHING_READ
    stale = {part: version for part, version in index.items() if last.versions.get(part) != version}
    async with redis.pipeline(transaction=False) as pipe:
        for part, version in stale.items():
            kind, _, number = part.partition(":")
            if kind == "line":
                pipe.get(_Keys.line)
            elif kind == "section":
                pipe.get(_Keys.section(int(number)))
            else:
                # The feed may have pushed rows since the index was read: reach further back.
                fresh = version - last.versions.get(part, -1) + _MARGIN_ROWS
                pipe.lrange(_Keys.rows(kind, int(number)), -min(fresh, _KEEPING[kind].length), -1)
        answers = await pipe.execute()
    line, sections = last.line, dict(last.sections)
    rows = {"trend": dict(last.trends), "history": dict(last.history)}
    versions = dict(last.versions)
    for (part, version), answer in zip(stale.items(), answers, strict=True):
        kind, _, number = part.partition(":")
        if answer is None:
            continue  # it ran out between the two reads
        if kind == "line":
            line = _line_decoder.decode(answer)
        elif kind == "section":
            sections[int(number)] = _section_decoder.decode(answer)
        else:
            rows[kind][int(number)] = _extended(
                rows[kind].get(int(number), ()),
                [_row_decoder.decode(row) for row in answer],
                _KEEPING[kind],
            )
        versions[part] = version
    return Reading(life, written_ns, versions, line, sections, rows["trend"], rows["history"])


async def read_history(
    redis: Redis, sections: tuple[tuple[int, ...], ...], columns: tuple[str, ...]
) -> tuple[tuple[TrendRow, ...], ...]:
    """Return the history that the feed's life before this one left, for its next life.

    Args:
        sections, columns: as in the picture; rows of another shape are left out.

    Raises:
        redis.exceptions.RedisError: Redis is away.
        msgspec.MsgspecError: what it holds is of another version.
    """
    found = []
    for number, cells in enumerate(sections):
        answer: Any = await redis.lrange(_Keys.rows("history", number), 0, -1)
        rows = tuple(_row_decoder.decode(row) for row in answer)
        shape = (len(cells), len(columns))
        found.append(rows if all(row.values.shape == shape for row in rows) else ())
    return tuple(found)


def _extended(
    known: tuple[TrendRow, ...], rows: list[TrendRow], keeping: Keeping
) -> tuple[TrendRow, ...]:
    newest = known[-1].number if known else -1
    fresh = tuple(row for row in rows if row.number > newest)
    if known and fresh and fresh[0].number != newest + 1:
        known = ()
    return keeping.kept((*known, *fresh))
