"""The processes `feed` and `ui` as a run starts them."""

import asyncio
import os
import signal
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest
from tornado.httpclient import AsyncHTTPClient

from ops.mistakes import ConfigurationError
from ops.plantfile import load_plant
from ops.screens import line_layout, run_feed_process, run_ui_process, shown_quantities
from ops.settings import DEFAULT_PLANT, Settings, load_settings, to_environment
from stream.kafka import KafkaConnection


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
