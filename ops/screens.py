"""The processes `feed` and `ui`, put together from settings and plant file."""

import logging
from pathlib import Path
from typing import Final

from ops.entry import needed, start_log, stop_event
from ops.mistakes import OperationError
from ops.plantfile import PlantFile
from ops.settings import Settings
from physics.design import sections
from stream.accounts import PEOPLE_FILE, PEOPLE_REMEDY, AccountError, read_accounts
from ui.door import everybody_at, listening_fault
from ui.feed import run_feed
from ui.layout import LineLayout
from ui.quantities import Quantity, fitted, trend_columns

_SILENT_PERIODS: Final = 3.0  # control periods; as the guard has it for decisions


def line_layout(plant: PlantFile) -> LineLayout:
    """Return where the cells of a plant stand."""
    return LineLayout(name=plant.name, metal=plant.metal, sections=sections(plant.line))


def shown_quantities(plant: PlantFile) -> tuple[Quantity, ...]:
    """Return what the screens show, with the normal bands of a plant: its controller's soft bounds,
    its signals' normal ranges, its setpoints' limits. A setpoint that it lacks is not shown."""
    bands = {row.name: (row.normal_low, row.normal_high) for row in plant.signals}
    for row in plant.setpoints:
        bands.setdefault(row.name, (row.low, row.high))
    for name in ("alumina", "superheat"):
        bands[name] = plant.control.bounds(name)
    there = {None, *(row.name for row in plant.setpoints)}
    return tuple(quantity for quantity in fitted(bands) if quantity.setpoint in there)


async def run_feed_process(settings: Settings, plant: PlantFile) -> None:
    """Run the feed until a signal stops it.

    Raises:
        ConfigurationError: Kafka or Redis has no address.
    """
    start_log()
    await run_feed(
        settings.kafka.connection(needed(settings.kafka.address, "kafka.address")),
        needed(settings.redis.address, "redis.address"),
        sections(plant.line),
        trend_columns(shown_quantities(plant)),
        stop_event(),
        settings.alarms.retelling,
    )


def people_file(settings: Settings) -> Path | None:
    """Return the file of people's accounts: the control room's own or the front's; None where
    people have none."""
    folder = settings.ui.accounts or settings.front.certificates
    return None if folder is None else folder / PEOPLE_FILE


def check_entrance(settings: Settings) -> None:
    """Check that people can come to the control room, and that nobody reads along.

    Raises:
        OperationError: the accounts cannot be used, or passwords would cross a network in the
            clear.
    """
    people = people_file(settings)
    has_tls = settings.ui.certificate_file is not None
    names = settings.ui.further_names
    if fault := listening_fault(settings.ui.host, people is not None, has_tls, names):
        raise OperationError(fault)
    if people is not None:
        try:
            read_accounts(people, PEOPLE_REMEDY)
        except AccountError as exc:
            raise OperationError(str(exc)) from exc


async def run_ui_process(settings: Settings, plant: PlantFile) -> None:
    """Serve the control room until a signal stops it.

    Raises:
        ConfigurationError: Kafka or Redis has no address.
        OperationError: as `check_entrance`.
    """
    from ui.server import ScreenSettings, run_ui

    start_log()
    check_entrance(settings)
    # A health check that is answered 503 is not worth a line a second.
    logging.getLogger("tornado.access").setLevel(logging.CRITICAL)
    await run_ui(
        ScreenSettings(
            host=settings.ui.host,
            port=settings.ui.port,
            redis_address=needed(settings.redis.address, "redis.address"),
            kafka=settings.kafka.connection(needed(settings.kafka.address, "kafka.address")),
            layout=line_layout(plant),
            partitions=settings.kafka.partitions,
            max_age_s=plant.guard.max_input_age_s,
            silence_s=_SILENT_PERIODS * plant.control.control_period_s,
            quantities=shown_quantities(plant),
            setpoints=tuple(plant.setpoints),
            person=everybody_at(settings.ui.host, settings.ui.further_names),
            people=people_file(settings),
            idle_s=settings.ui.idle_after_min * 60.0,
            names=settings.ui.further_names,
            certificate_file=settings.ui.certificate_file,
            key_file=settings.ui.key_file,
        ),
        stop_event(),
        announce=lambda address: print(f"Control room at {address}", flush=True),
    )
