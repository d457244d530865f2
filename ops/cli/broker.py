"""`potline broker`: the embedded Apache Kafka."""

import typer

app = typer.Typer(help="The embedded Apache Kafka.", no_args_is_help=True)


@app.callback()
def _group() -> None:
    """The embedded Apache Kafka."""
