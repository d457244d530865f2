"""Samples of a laboratory from a person's file to the topic `laboratory`."""

import csv
import math
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Final

from aiokafka.errors import KafkaError

from opcua.scans import to_ns
from ops.mistakes import ConfigurationError, Mistake, OperationError, nearest, shown
from ops.plantfile import PlantFile
from physics.design import sections
from physics.signals import ANALYSED
from stream.app import section_key
from stream.kafka import KafkaConnection, make_producer
from stream.laboratory import find_fault, make_ranges, report_id_of
from stream.records import LaboratoryReport, encode
from stream.topics import LABORATORY, partition_of

CELL: Final = "cell"
DRAWN_AT: Final = "drawn_at"
DRAWN_PLANT_S: Final = "drawn_plant_s"
COLUMNS: Final = (CELL, DRAWN_AT, DRAWN_PLANT_S, *ANALYSED)
_MOST_ROWS: Final = 10_000


def read_samples(
    path: Path, plant: PlantFile, reported_by: str, now_ns: int
) -> list[LaboratoryReport]:
    """Read a CSV file with a row a sample.

    Args:
        path: of the file; its first line names the columns, of `COLUMNS`.
        plant: whose cells were sampled.
        reported_by: name of the person or the file.
        now_ns: wall time.

    Raises:
        ConfigurationError: every mistake in it, each with its line and value.
    """
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            reader = csv.DictReader(file, restkey="more than the columns", strict=True)
            names = [name.strip() for name in reader.fieldnames or ()]
            reader.fieldnames = names
            _check_columns(names, path)
            rows = [(reader.line_num, row) for row in reader]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        remedy = f"cannot be read ({error}). Remedy: name a CSV file, as in --help."
        raise ConfigurationError([Mistake("file", str(path), remedy, "argument")]) from error
    if not 1 <= len(rows) <= _MOST_ROWS:
        remedy = f"give 1 to {_MOST_ROWS} samples, a line each."
        raise ConfigurationError([Mistake("samples", str(len(rows)), remedy, str(path))])
    parts, ranges = sections(plant.line), make_ranges(plant.signals)
    reports: list[LaboratoryReport] = []
    mistakes: list[Mistake] = []
    for line, row in rows:
        origin = f"{path}:{line}"
        wrong: list[Mistake] = []
        report = _report_of(row, parts, reported_by, now_ns, origin, wrong)
        if report is not None and not wrong:
            fault = find_fault(report, parts[report.section], ranges, now_ns)
            if fault is not None:
                wrong.append(Mistake("sample", "", f"{fault.reason}: {fault.detail}.", origin))
            reports.append(report)
        mistakes += wrong
    if mistakes:
        raise ConfigurationError(mistakes)
    return reports


async def publish_samples(
    connection: KafkaConnection, partitions: int, reports: Sequence[LaboratoryReport]
) -> None:
    """Send reports to the topic `laboratory`.

    Raises:
        OperationError: Kafka does not take them.
    """
    producer = make_producer(connection, "potline-laboratory")
    try:
        await producer.start()
        for report in reports:
            await producer.send_and_wait(
                LABORATORY.name,
                encode(report),
                key=section_key(report.section),
                partition=partition_of(report.section, partitions),
            )
    except KafkaError as exc:
        raise OperationError(
            f"Kafka at {connection.address} does not take the samples ({exc}). Remedy: start it, "
            "or name another with --kafka, and give the file again; what it has counts once"
        ) from exc
    finally:
        await producer.stop()


def _check_columns(names: Sequence[str], path: Path) -> None:
    mistakes = [
        Mistake(name or "column", "", nearest(name, COLUMNS), str(path))
        for name in names
        if name not in COLUMNS
    ]
    needed = ((CELL,), (DRAWN_AT, DRAWN_PLANT_S), ANALYSED)
    mistakes += [
        Mistake(" or ".join(some), "", "is missing. Remedy: add the column.", str(path))
        for some in needed
        if not set(some) & set(names)
    ]
    if mistakes:
        raise ConfigurationError(mistakes)


def _report_of(
    row: Mapping[str, str | None],
    parts: Sequence[Sequence[int]],
    reported_by: str,
    now_ns: int,
    origin: str,
    wrong: list[Mistake],
) -> LaboratoryReport | None:
    """Return the report in a row, or None; what is wrong is added to `wrong`."""
    words = {name: (row.get(name) or "").strip() for name in COLUMNS}
    if "more than the columns" in row:
        remedy = "has more values than there are columns. Remedy: a decimal point, no comma."
        wrong.append(Mistake("line", "", remedy, origin))
    section = next(
        (at for at, cells in enumerate(parts) if words[CELL] in {str(cell) for cell in cells}), None
    )
    if section is None:
        last = max(cell for cells in parts for cell in cells)
        wrong.append(Mistake(CELL, shown(words[CELL]), f"must be 1 to {last}.", origin))
    values: dict[str, float | None] = {}
    for name in (DRAWN_PLANT_S, *ANALYSED):
        values[name] = None
        if words[name]:
            values[name] = _number(words[name])
            if values[name] is None:
                remedy = "must be a number, or empty where there is none."
                wrong.append(Mistake(name, shown(words[name]), remedy, origin))
    drawn_ns = _moment_ns(words[DRAWN_AT], origin, wrong)
    drawn_plant_s = values.pop(DRAWN_PLANT_S)
    if drawn_plant_s is None and drawn_ns is not None:
        drawn_plant_s = drawn_ns / 1e9  # what plant time is at a real plant
    if drawn_plant_s is None and not wrong:
        remedy = f"is missing. Remedy: give {DRAWN_AT} or {DRAWN_PLANT_S}."
        wrong.append(Mistake(DRAWN_AT, "", remedy, origin))
    if section is None or drawn_plant_s is None:
        return None
    cell = int(words[CELL])
    return LaboratoryReport(
        report_id=report_id_of(cell, drawn_plant_s, reported_by),
        section=section,
        cell=cell,
        t_drawn_plant_s=drawn_plant_s,
        t_drawn_ns=drawn_ns,
        alumina_wt_pct=values["alumina_wt_pct"],
        excess_alf3_wt_pct=values["excess_alf3_wt_pct"],
        bath_temperature_c=values["bath_temperature_c"],
        reported_by=reported_by,
        t_reported_ns=now_ns,
    )


def _number(word: str) -> float | None:
    try:
        number = float(word)
    except ValueError:
        return None
    return number if math.isfinite(number) else None


def _moment_ns(word: str, origin: str, wrong: list[Mistake]) -> int | None:
    """Return a time in nanoseconds UTC; one without a zone could be any of two dozen."""
    if not word:
        return None
    try:
        moment = datetime.fromisoformat(word)
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None:
        remedy = "must be a time with its zone, such as 2026-03-01T06:30:00+01:00 or ...Z."
        wrong.append(Mistake(DRAWN_AT, shown(word), remedy, origin))
        return None
    return to_ns(moment)
