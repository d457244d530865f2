"""`potline calibrate`: fits a plant file's figures to the recorded history of a cell."""

from pathlib import Path
from typing import Annotated

import typer

from ops.cli.flags import KafkaFlag, addresses


def calibrate(
    context: typer.Context,
    plant: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="The plant file whose figures are fitted."),
    ] = None,
    history: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Parquet, Arrow/Feather or CSV; left out, what Kafka holds on `accepted`.",
        ),
    ] = None,
    cell: Annotated[
        int | None, typer.Option(min=1, metavar="N", help="Which cell of the history.")
    ] = None,
    out: Annotated[Path, typer.Option(metavar="FOLDER", help="For the result.")] = Path(
        "calibration"
    ),
    names: Annotated[
        list[str] | None,
        typer.Option(
            "--fit", metavar="NAME", help="Fit this figure; may be given again. Else all of them."
        ),
    ] = None,
    begin_h: Annotated[
        float | None, typer.Option(metavar="H", help="Begin so many hours after the first row.")
    ] = None,
    end_h: Annotated[
        float | None, typer.Option(metavar="H", help="End so many hours after the first row.")
    ] = None,
    save_history: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Keep what was read from Kafka, as Parquet."),
    ] = None,
    is_list_wanted: Annotated[
        bool, typer.Option("--list", help="List the figures that can be fitted, and end.")
    ] = False,
    kafka: KafkaFlag = None,
) -> None:
    """Fit the uncertain figures of a cell to its recorded history, and say how sure they are.

    Every figure comes with its 95 % interval and a verdict: identified to
    within 5 %, narrowed only, or not identifiable from this history, and
    then for what it could be exchanged unnoticed. A history tells more if
    current, beam and feed were moved in it; two days or more are good.

    A row of the history is what was read at one time. It needs the columns
    t_plant_s (seconds or a timestamp, rising), line_current_ka,
    alumina_fed_kg (running total), beam_position_mm, cell_voltage_v and
    bath_temperature_c, and cell where it has several cells. Samples and
    probes go in the row in which they were taken, empty elsewhere:
    alumina_wt_pct, excess_alf3_wt_pct, liquidus_c, ledge_cm, acd_cm,
    anode_drop_mv, cathode_drop_mv, external_drop_mv.

    Written to FOLDER: calibration.json, calibration.toml (lines to paste
    into the plant file) and calibration.html (the report, one file).

    Try `potline calibrate --history july.parquet --cell 7 --fit mass_kg --fit conductivity_factor`,
    or, with a line running, `potline calibrate --kafka kafka://HOST:PORT --cell 7`.
    """
    from ops.compute import prepare_jax
    from ops.configuration import load_line
    from ops.mistakes import OperationError

    settings, line = load_line({"plant_file": plant, **addresses(kafka=kafka)}, file=context.obj)
    if not is_list_wanted and history is None and settings.kafka.address is None:
        raise OperationError(
            "There is no history: neither a file nor the address of a Kafka. Remedy: "
            "--history FILE, or --kafka kafka://HOST:PORT as `potline up` prints it"
        )
    prepare_jax()

    from rich.console import Console

    from ops.calibrate import (
        LEAST_WIDTH,
        print_calibration,
        record_from_kafka,
        run_calibration,
    )
    from ops.history import cut_recording, read_recording
    from physics.calibration.figures import FIGURES, choose_figures

    console = Console(width=max(Console().width, LEAST_WIDTH))
    if is_list_wanted:
        for figure in FIGURES:
            console.print(
                f"{figure.key:40} {figure.meaning}, held possible to {1.96 * figure.prior_sd:.0%}",
                highlight=False,
                soft_wrap=True,
            )
        return
    try:
        chosen = choose_figures(names or [])
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="--fit") from error
    if history is not None:
        recording = read_recording(history, cell, line.signals)
    else:
        if cell is None:
            raise typer.BadParameter("name a cell of the line", param_hint="--cell")
        recording = record_from_kafka(settings, line, cell, save_history, console)
    recording = cut_recording(recording, begin_h, end_h)
    calibration = run_calibration(line, settings.plant_file, recording, cell, chosen, out, console)
    print_calibration(calibration, out, console)
