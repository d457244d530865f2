"""The picture through a real Redis: what is written is what is read, and only what changed."""

import pytest
from redis.asyncio import Redis
from redis.exceptions import ResponseError

from tests.ui.line_story import SECOND_NS, LineStory, make_event
from tests.ui.test_fold import NOW_NS, blank, told
from ui.fold import fold_event
from ui.picture import TREND_LENGTH, Picture
from ui.store import (
    NOTHING_READ,
    PREFIX,
    PictureWriter,
    Reading,
    read_picture,
    without_secrets,
)


def assert_same(reading: Reading, picture: Picture) -> None:
    assert reading.line == picture.line
    for section in picture.sections:
        read = reading.sections[section.section]
        assert read.modes == section.modes
        assert read.moves == section.moves
        assert read.values.keys() == section.values.keys()
        for name, column in section.values.items():
            assert read.values[name].tobytes() == column.tobytes()
    for number, rows in enumerate(picture.trends):
        assert [row.number for row in reading.trends[number]] == [row.number for row in rows]
        for read_row, row in zip(reading.trends[number], rows, strict=True):
            assert read_row.values.tobytes() == row.values.tobytes()


async def test_what_is_written_is_what_is_read(database: str) -> None:
    picture = fold_event(told(5), make_event("samples_stale", NOW_NS, active=True, age_s=6.0))
    async with Redis.from_url(database) as redis:
        await PictureWriter(redis, life=1).write(picture, NOW_NS)
        reading = await read_picture(redis)
    assert (reading.life, reading.written_ns) == (1, NOW_NS)
    assert_same(reading, picture)


async def test_an_empty_redis_holds_no_picture(database: str) -> None:
    async with Redis.from_url(database) as redis:
        assert await read_picture(redis) is NOTHING_READ


async def test_only_what_changed_is_read_again(database: str) -> None:
    async with Redis.from_url(database) as redis:
        writer = PictureWriter(redis, life=1)
        picture = told(3)
        await writer.write(picture, NOW_NS)
        first = await read_picture(redis)
        await writer.write(picture, NOW_NS + 1)
        second = await read_picture(redis, first)
        assert second.line is first.line
        assert second.sections[0] is first.sections[0]
        assert second.trends[0] is first.trends[0]
        assert second.written_ns == NOW_NS + 1
        picture = told(2, picture, start=3)
        await writer.write(picture, NOW_NS + 2)
        third = await read_picture(redis, second)
    assert third.sections[1] is second.sections[1]
    assert third.trends[0][:3] == second.trends[0]
    assert_same(third, picture)


async def test_rows_that_came_between_two_reads_of_redis_are_not_lost(database: str) -> None:
    """The index is read first: the list may be ahead of it by then."""
    async with Redis.from_url(database) as redis:
        writer = PictureWriter(redis, life=1)
        picture = told(3)
        await writer.write(picture, NOW_NS)
        first = await read_picture(redis)
        index = await redis.hgetall(f"{PREFIX}:index")
        ahead = told(4, picture, start=3)
        await writer.write(ahead, NOW_NS)
        await redis.hset(f"{PREFIX}:index", mapping=index | {b"trend:0": b"4"})
        second = await read_picture(redis, first)
        numbers = [row.number for row in second.trends[0]]
    assert numbers == list(range(7))


async def test_a_reader_that_was_away_for_long_gets_the_whole_trend(database: str) -> None:
    async with Redis.from_url(database) as redis:
        writer = PictureWriter(redis, life=1)
        picture = told(3)
        await writer.write(picture, NOW_NS)
        old = await read_picture(redis)
        picture = told(TREND_LENGTH + 50, picture, start=3)
        await writer.write(picture, NOW_NS)
        reading = await read_picture(redis, old)
        assert await redis.llen(f"{PREFIX}:trend:0") == TREND_LENGTH
    assert_same(reading, picture)


async def test_a_new_life_of_the_feed_replaces_all(database: str) -> None:
    async with Redis.from_url(database) as redis:
        await PictureWriter(redis, life=1).write(told(9), NOW_NS)
        old = await read_picture(redis)
        fresh = told(2)
        await PictureWriter(redis, life=2).write(fresh, NOW_NS)
        reading = await read_picture(redis, old)
    assert_same(reading, fresh)


async def test_a_trend_that_began_afresh_does_not_join_the_old_one(database: str) -> None:
    async with Redis.from_url(database) as redis:
        writer = PictureWriter(redis, life=1)
        picture = told(5, start=100)
        await writer.write(picture, NOW_NS)
        old = await read_picture(redis)
        picture = _reborn(picture)
        await writer.write(picture, NOW_NS)
        assert_same(await read_picture(redis, old), picture)
        assert_same(await read_picture(redis), picture)


def _reborn(picture: Picture) -> Picture:
    from ui.fold import fold_accepted, fold_estimates

    story = LineStory(0, (1, 2, 3, 4), session=2)
    now_ns = NOW_NS + 500 * SECOND_NS
    picture = fold_accepted(picture, story.accepted(0, now_ns))
    return fold_estimates(picture, story.estimate(0, now_ns))


async def test_nothing_outlasts_its_use(database: str) -> None:
    async with Redis.from_url(database) as redis:
        await PictureWriter(redis, life=1).write(told(2), NOW_NS)
        keys = await redis.keys("*")
        assert len(keys) == 5  # index, line, two sections, one trend: the other section has no row
        for key in keys:
            assert 0 < await redis.ttl(key) <= 3600


async def test_after_a_failed_write_everything_is_written_again(database: str) -> None:
    async with Redis.from_url(database) as redis:
        writer = PictureWriter(redis, life=1)
        await writer.write(told(2), NOW_NS)
        picture = told(3)
        await redis.set(f"{PREFIX}:trend:0", "not a list")
        with pytest.raises(ResponseError):
            await writer.write(picture, NOW_NS)
        await redis.flushdb()
        await writer.write(picture, NOW_NS)
        assert_same(await read_picture(redis), picture)


async def test_a_line_of_which_nothing_is_known_can_be_written(database: str) -> None:
    async with Redis.from_url(database) as redis:
        await PictureWriter(redis, life=1).write(blank(), NOW_NS)
        reading = await read_picture(redis)
    assert reading.trends.get(0, ()) == ()
    assert reading.sections[0].values == {}


def test_an_address_is_shown_without_its_secrets() -> None:
    assert without_secrets("redis://user:top@secret@host:6379/0") == "redis://host:6379/0"
    assert without_secrets("redis://host:6379/0") == "redis://host:6379/0"
