"""`potline people`: who may come to the front and the control room, in which role; and optimisers
from outside."""

from pathlib import Path
from typing import Annotated

import typer


def people(
    folder: Annotated[Path, typer.Argument(metavar="FOLDER", help="As `potline certs` made it.")],
    name: Annotated[
        str | None, typer.Argument(metavar="[NAME]", help="Left out: show who there is.")
    ] = None,
    role: Annotated[
        str,
        typer.Option(metavar="ROLE", help="Observer, Operator, Engineer, Supervisor or Optimiser."),
    ] = "Observer",
    application: Annotated[
        str,
        typer.Option(metavar="NAME", help="Only from that program of `potline certs`."),
    ] = "",
    remove: Annotated[bool, typer.Option("--remove", help="Take the account away.")] = False,
) -> None:
    """Give a person an account at `potline front` and in the control room, or another password.

    The password is asked for, and only its hash is kept, in FOLDER/people.toml.
    The front has to be started again after that; the control room knows at once.

        potline people /etc/potline/certs anna --role Operator
        potline people /etc/potline/certs anna --remove

    An Observer sees all and may ask for nothing. An optimiser that is not
    potline's own has an account like a person's; all it may do is ask for
    setpoints (RequestSetpoints), which the interlock judges as any. Bind it
    to the one program that it is:

        potline people /etc/potline/certs hal --role Optimiser --application hal
    """
    from opcua.certificates import application_uri
    from ops.mistakes import OperationError
    from stream.accounts import (
        PEOPLE_FILE,
        PEOPLE_ROLES,
        AccountError,
        keep_person,
        read_accounts,
        remove_person,
    )

    kept = folder / PEOPLE_FILE
    try:
        if name is None:
            if remove:
                remedy = "Remedy: `potline people FOLDER NAME --remove`"
                raise OperationError(f"nobody is named. {remedy}")
            for account in read_accounts(kept, "name somebody").values():
                typer.echo(f"{account.name:20} {account.role.value}")
            return
        if remove:
            left = remove_person(kept, name)
            rest = "" if left else " Nobody has one now."
            typer.echo(
                f"{name} has no account any more; start the front again, where there is one.{rest}"
            )
            return
        chosen = [one for one in PEOPLE_ROLES if one.value == role]
        if not chosen:
            names = ", ".join(one.value for one in PEOPLE_ROLES)
            raise OperationError(f"there is no role {role!r}. Remedy: one of {names}")
        password = typer.prompt(f"Password of {name}", hide_input=True, confirmation_prompt=True)
        uri = application_uri(application) if application else ""
        keep_person(kept, name, chosen[0], password, uri)
    except (AccountError, OSError) as exc:
        raise OperationError(str(exc)) from exc
    typer.echo(f"{name} may come as {role}; start the front again, where there is one.")
