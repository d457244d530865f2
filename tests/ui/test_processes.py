"""The processes `feed` and `ui` as a run starts them."""

import asyncio
import os
import signal
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest
from tornado.httpclient import AsyncHTTPClient

from ops.mistakes import ConfigurationError, OperationError
from ops.plantfile import load_plant
from ops.screens import (
    check_entrance,
    line_layout,
    people_file,
    run_feed_process,
    run_ui_process,
    shown_quantities,
)
from ops.settings import DEFAULT_PLANT, Settings, load_settings, to_environment
from stream.kafka import KafkaConnection
from tests.ui.logins import make_people


def environment_of(settings: Settings, tmp_path: Path) -> Mapping[str, str]:
    return {**os.environ, **to_environment(settings), "HOME": str(tmp_path)}


async def start(command: str, settings: Settings, tmp_path: Path) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "ops.cli",
        command,
        env=environment_of(settings, tmp_path),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )


def test_layout_and_bands_come_from_the_plant_file() -> None:
    plant = load_plant(DEFAULT_PLANT, 30)
    layout = line_layout(plant)
    assert layout.cells == tuple(range(1, 31))
    bands = {quantity.name: (quantity.low, quantity.high) for quantity in shown_quantities(plant)}
    assert bands["alumina"] == plant.control.bounds("alumina")
    temperature = next(row for row in plant.signals if row.name == "bath_temperature_c")
    assert bands["temperature"] == (temperature.normal_low, temperature.normal_high)
    feed = next(row for row in plant.setpoints if row.name == "alumina_feed_rate_kg_per_h")
    assert bands["feed"] == (feed.low, feed.high)
    assert bands["alf3"] == (0.0, 100.0)
    without = load_plant(DEFAULT_PLANT.parent / "metalx-120ka.toml")
    names = [quantity.name for quantity in shown_quantities(without)]
    assert names == [name for name in bands if name != "alf3"]


@pytest.mark.parametrize("run", [run_feed_process, run_ui_process])
@pytest.mark.parametrize(
    ("flags", "key"),
    [
        ({"redis.address": "redis://127.0.0.1:1/0"}, "kafka.address"),
        ({"kafka.address": "kafka://127.0.0.1:1"}, "redis.address"),
    ],
)
async def test_a_missing_address_is_one_sentence(
    run: object, flags: Mapping[str, object], key: str
) -> None:
    settings = load_settings(flags, environment={"POTLINE_SETTINGS": ""})
    with pytest.raises(ConfigurationError, match=f"{key}.*set {key}"):
        await run(settings, load_plant(DEFAULT_PLANT))  # type: ignore[operator]


def entrance_of(**flags: object) -> Settings:
    named = {key.replace("__", "."): value for key, value in flags.items()}
    return load_settings(named, environment={"POTLINE_SETTINGS": ""})


def test_people_of_the_front_are_people_of_the_control_room(tmp_path: Path) -> None:
    assert people_file(entrance_of()) is None
    check_entrance(entrance_of(ui__host="0.0.0.0"))
    settings = entrance_of(front__certificates=tmp_path)
    assert people_file(settings) == tmp_path / "people.toml"
    with pytest.raises(OperationError, match="Remedy: name them with `potline people"):
        check_entrance(settings)
    make_people(tmp_path)
    check_entrance(settings)
    own = entrance_of(front__certificates=tmp_path / "else", ui__accounts=tmp_path)
    assert people_file(own) == tmp_path / "people.toml"


async def test_a_control_room_that_takes_passwords_in_the_clear_does_not_start(
    tmp_path: Path,
) -> None:
    make_people(tmp_path)
    settings = entrance_of(
        ui__accounts=tmp_path,
        ui__host="0.0.0.0",
        redis__address="redis://127.0.0.1:1/0",
        kafka__address="kafka://127.0.0.1:1",
    )
    with pytest.raises(OperationError, match=r"in the clear\. Remedy: set ui\.certificate_file"):
        await run_ui_process(settings, load_plant(DEFAULT_PLANT))


async def test_both_start_say_where_they_are_and_end_on_sigterm(
    topics: KafkaConnection, database: str, tmp_path: Path
) -> None:
    settings = load_settings(
        {"kafka.address": topics.address, "redis.address": database, "ui.port": 0},
        environment={"POTLINE_SETTINGS": ""},
    )
    feed = await start("feed", settings, tmp_path)
    ui = await start("ui", settings, tmp_path)
    try:
        assert ui.stdout is not None
        async with asyncio.timeout(60):
            line = (await ui.stdout.readline()).decode()
            assert line.startswith("Control room at http://127.0.0.1:")
            address = line.split()[-1]
            status = 503
            while status != 200:
                answer = await AsyncHTTPClient().fetch(f"{address}healthz", raise_error=False)
                status = answer.code
                await asyncio.sleep(0.1)
    finally:
        for process in (feed, ui):
            process.send_signal(signal.SIGTERM)
    async with asyncio.timeout(10):
        errors = [(await process.communicate())[1].decode() for process in (feed, ui)]
    assert (feed.returncode, ui.returncode) == (0, 0), errors
    assert "Traceback" not in "".join(errors)
