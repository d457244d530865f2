"""`potline doctor`: is everything that a run needs there?"""

import typer


def doctor(context: typer.Context) -> None:
    """Placeholder."""
