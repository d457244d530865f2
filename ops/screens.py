"""The processes `feed` and `ui`, put together from settings and plant file."""

import asyncio
import logging
import signal
from typing import Final

from ops.mistakes import ConfigurationError, Mistake
from ops.plantfile import PlantFile
from ops.settings import Settings
from physics.design import sections
from ui.feed import run_feed
from ui.layout import LineLayout
from ui.quantities import Quantity, fitted, trend_columns

_LOG_FORMAT: Final = "%(asctime)s %(levelname)s %(name)s: %(message)s"
_STOP_SIGNALS: Final = (signal.SIGINT, signal.SIGTERM)


def line_layout(plant: PlantFile) -> LineLayout:
    """Return where the cells of a plant stand."""
    return LineLayout(name=plant.name, metal=plant.metal, sections=sections(plant.line))


def shown_quantities(plant: PlantFile) -> tuple[Quantity, ...]:
    """Return what the screens show, with the normal bands of a plant: its controller's soft bounds,
    its signals' normal ranges, its setpoints' limits."""
    bands = {row.name: (row.normal_low, row.normal_high) for row in plant.signals}
    for row in plant.setpoints:
        bands.setdefault(row.name, (row.low, row.high))
    for name in ("alumina", "superheat", "acd"):
        bands[name] = plant.control.bounds(name)
    return fitted(bands)


async def run_feed_process(settings: Settings, plant: PlantFile) -> None:
    """Run the feed until a signal stops it.

    Raises:
        ConfigurationError: Kafka or Redis has no address.
    """
    logging.basicConfig(level=logging.INFO, format=_LOG_FORMAT)
    await run_feed(
        settings.kafka.connection(_needed(settings.kafka.address, "kafka")),
        _needed(settings.redis.address, "redis"),
        sections(plant.line),
        trend_columns(),
        _stop_event(),
    )


async def run_ui_process(settings: Settings, plant: PlantFile) -> None:
    """Serve the control room until a signal stops it.

    Raises:
        ConfigurationError: Kafka or Redis has no address.
    """
    from ui.server import ScreenSettings, run_ui

    logging.basicConfig(level=logging.INFO, format=_LOG_FORMAT)
    logging.getLogger("bokeh").setLevel(logging.WARNING)
    # A health check that is answered 503 is not worth a line a second.
    logging.getLogger("tornado.access").setLevel(logging.CRITICAL)
    await run_ui(
        ScreenSettings(
            host=settings.ui.host,
            port=settings.ui.port,
            redis_address=_needed(settings.redis.address, "redis"),
            kafka=settings.kafka.connection(_needed(settings.kafka.address, "kafka")),
            layout=line_layout(plant),
            partitions=settings.kafka.partitions,
            max_age_s=plant.guard.max_input_age_s,
            quantities=shown_quantities(plant),
        ),
        _stop_event(),
        announce=lambda address: print(f"Control room at {address}", flush=True),
    )


def _needed(address: str | None, name: str) -> str:
    if address is None:
        remedy = f"is not set. Remedy: set {name}.address, or run `potline up`, which starts one."
        raise ConfigurationError([Mistake(f"{name}.address", "", remedy, "settings")])
    return address


def _stop_event() -> asyncio.Event:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in _STOP_SIGNALS:
        loop.add_signal_handler(number, stop.set)
    return stop
