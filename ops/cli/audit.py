"""`potline audit`: verify what was kept, report a month of it, make its keys."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ops.cli.flags import KafkaFlag, addresses

if TYPE_CHECKING:
    from ops.settings import Settings

app = typer.Typer(
    help="What was asked, permitted and written: verify it, report it, make its keys.",
    no_args_is_help=True,
)
FolderArgument = Annotated[
    Path | None,
    typer.Argument(metavar="[FOLDER]", help="Of the audit; left out, audit.folder."),
]
KeysFlag = Annotated[
    Path | None,
    typer.Option("--keys", metavar="FOLDER", help="Of its keys; else audit.keys, or FOLDER/keys."),
]


@app.command("verify")
def verify(
    context: typer.Context,
    folder: FolderArgument = None,
    keys: KeysFlag = None,
    kafka: KafkaFlag = None,
    checkpoint_file: Annotated[
        Path | None,
        typer.Option(
            "--checkpoints",
            metavar="FILE",
            help="Compare with checkpoints in FILE, a line each as `potline tail "
            "audit-checkpoints --json` prints them.",
        ),
    ] = None,
    known_chains: Annotated[
        list[str] | None,
        typer.Option(
            "--known-chain",
            metavar="ID",
            help="An audit that was begun with the same keys and moved away; may be given again.",
        ),
    ] = None,
    is_json: Annotated[
        bool, typer.Option("--json", help="Print one JSON object and nothing else.")
    ] = False,
) -> None:
    """Find out whether an audit is as it was written.

    Found are records that were changed, removed, moved, repeated or put in,
    and, beside checkpoints that were kept elsewhere, an end that was cut off
    or written anew. Nothing in the folder is changed. Ends with 1 where
    something is found.

        potline audit verify /var/lib/potline/audit --kafka kafka://other:9092
    """
    import asyncio
    import json

    from ops.audit.check import result_json, verdict_lines, verify_folder
    from ops.audit.checkpoints import read_checkpoint_file, read_checkpoint_topic
    from ops.entry import silent

    place, key_place, settings = _places(context, folder, keys, kafka)
    checkpoints = [] if checkpoint_file is None else read_checkpoint_file(checkpoint_file)
    if kafka is not None:
        with silent("aiokafka"):
            checkpoints += asyncio.run(read_checkpoint_topic(settings.kafka.connection()))
    found = verify_folder(place, key_place, checkpoints, known_chains=known_chains or ())
    if is_json:
        typer.echo(json.dumps(result_json(found, len(checkpoints))))
    else:
        for line in verdict_lines(found, len(checkpoints)):
            typer.echo(line)
    if not found.is_sound:
        raise typer.Exit(1)


@app.command("report")
def report(
    context: typer.Context,
    folder: FolderArgument = None,
    month: Annotated[
        str, typer.Option(metavar="YYYY-MM", help="Which month (UTC); left out, the present one.")
    ] = "",
    keys: KeysFlag = None,
    page: Annotated[
        Path | None,
        typer.Option("--report", metavar="FILE.html", help="Write a page with pictures too."),
    ] = None,
) -> None:
    """Say what was written, by whom it was asked, and what was refused in a month.

    The month's part of the chain is verified with it; ends with 1 where
    something is found.

        potline audit report --month 2026-11 --report audit-2026-11.html
    """
    from ops.audit.report import report_month

    place, key_place, _ = _places(context, folder, keys, None)
    if not report_month(place, key_place, month, page, typer.echo):
        raise typer.Exit(1)


@app.command("keys")
def make_keys(
    folder: Annotated[Path, typer.Argument(metavar="FOLDER", help="Where they are to be kept.")],
    is_rotated: Annotated[
        bool,
        typer.Option("--rotate", help="Add a new sealing key; it seals from the next start on."),
    ] = False,
) -> None:
    """Make the keys of an audit: one that seals records, a pair that signs checkpoints.

    Keep a copy of the folder in another place: without the sealing keys an
    audit cannot be verified. Whoever has the sealing key can write an audit
    anew; checkpoints show that, for they are signed with the other key.
    """
    from ops.mistakes import OperationError
    from stream.audit.keys import AuditKeyError, rotate_sealing_key
    from stream.audit.keys import make_keys as make

    try:
        if is_rotated:
            name = rotate_sealing_key(folder)
            typer.echo(f"Key {name} seals from the next start of the guard on.")
        else:
            make(folder)
            typer.echo(f"Keys are in {folder}. Keep a copy in another place.")
    except (AuditKeyError, OSError) as exc:
        raise OperationError(str(exc)) from exc


def _places(
    context: typer.Context, folder: Path | None, keys: Path | None, kafka: str | None
) -> "tuple[Path, Path, Settings]":
    """Return the folders of the audit and of its keys, and the settings."""
    from ops.entry import needed
    from ops.settings import load_settings

    settings = load_settings(
        {"audit.folder": folder, "audit.keys": keys, **addresses(kafka=kafka)}, file=context.obj
    )
    place = needed(settings.audit.folder, "audit.folder", "or name the folder")
    return place, settings.audit.keys or place / "keys", settings
