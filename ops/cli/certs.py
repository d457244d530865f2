"""`potline certs`: certificates and accounts of the edge, and how long they are good for."""

from pathlib import Path
from typing import Annotated

import typer


def certs(
    folder: Annotated[Path, typer.Argument(metavar="FOLDER", help="For all of them.")],
    hosts: Annotated[
        list[str] | None,
        typer.Option(
            "--host",
            metavar="NAME",
            help="A machine's name or address, for its certificates; may be given again. "
            "Left out: this machine, localhost and 127.0.0.1.",
        ),
    ] = None,
    days: Annotated[
        int, typer.Option(min=1, max=3650, metavar="N", help="That they are good for.")
    ] = 365,
    applications: Annotated[
        list[str] | None,
        typer.Option(
            "--application",
            metavar="NAME",
            help="A program with which people come to `potline front`; may be given again.",
        ),
    ] = None,
    is_only_shown: Annotated[
        bool, typer.Option("--check", help="Make nothing; say how long those there are good for.")
    ] = False,
) -> None:
    """Make certificates for encrypted OPC UA: an authority, and one for each process.

    Made again, the authority stays and the processes get new certificates,
    keys and passwords. The simulated SCADA takes whoever has an account in
    accounts.toml; a plant's own server has to be told to trust
    FOLDER/trusted/authority.pem, and its certificate goes to
    FOLDER/scada/certificate.pem.

        potline certs /etc/potline/certs --host scada.example

    Then in potline.toml:

        [opcua]
        security = "Aes256Sha256RsaPss"
        certificates = "/etc/potline/certs"

    People come to `potline front` with a program that has a certificate of
    this authority, and with an account of their own:

        potline certs /etc/potline/certs --application hmi
        potline people /etc/potline/certs anna --role Operator

    A server and its clients must be started again after that: what runs
    goes on with the certificates and passwords of its start.

    Keep FOLDER/authority/key.pem away from the machines that run.
    """
    import socket
    from datetime import UTC, datetime

    from opcua.certificates import CertificateError, expiries, make_certificates
    from ops.mistakes import OperationError

    try:
        if not is_only_shown:
            named = hosts or [socket.gethostname(), "localhost", "127.0.0.1"]
            make_certificates(folder, named, days, applications=applications or ())
        now = datetime.now(UTC)
        found = expiries(folder, now)
    except (CertificateError, OSError) as exc:
        raise OperationError(str(exc)) from exc
    for expiry in found:
        left = (expiry.not_after - now).days
        due = "  renew it: potline certs " + str(folder) if expiry.is_due else ""
        typer.echo(f"{expiry.name:10} good until {expiry.not_after:%Y-%m-%d}, {left} days{due}")
    if any(expiry.not_after <= now for expiry in found):
        raise typer.Exit(1)
