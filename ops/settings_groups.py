"""The groups of settings, one model a table of potline.toml: what each may hold, checked here."""

import ssl
from pathlib import Path
from typing import Annotated, Final, Literal, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, SecretStr, model_validator

from control.retelling import Retelling
from stream.kafka import KafkaConnection
from ui.origins import Origin, checked_host, read_origins

_USUAL_REDIS_PORT: Final = 6379


def _host_and_port(part: str, example: str, usual_port: int | None = None) -> None:
    """Check `host:port`, or `user:password@host:port`; a usual port may be left out."""
    try:
        parts = urlsplit(f"//{part}")
        complete = bool(parts.hostname and (parts.port or usual_port))
    except ValueError:
        complete = False
    if not complete:
        place = part.rpartition("@")[2]  # what stands before it is a secret
        raise ValueError(f"{place!r} is not host:port. Remedy: write it like {example}")


def _kafka_address(address: str) -> str:
    example = "kafka://host:9092 or kafka://one:9092,two:9092"
    if not address.startswith("kafka://"):
        raise ValueError(f"must begin with kafka://. Remedy: write it like {example}")
    for part in address.removeprefix("kafka://").split(","):
        _host_and_port(part.strip(), example)
    return address


def _redis_address(address: str) -> str:
    example = "redis://host:6379/0"
    if not address.startswith(("redis://", "rediss://")):
        raise ValueError(f"must begin with redis:// or rediss://. Remedy: write it like {example}")
    _host_and_port(urlsplit(address).netloc, example, _USUAL_REDIS_PORT)
    return address


def _opcua_endpoint(endpoint: str) -> str:
    example = "opc.tcp://host:4840"
    if not endpoint.startswith("opc.tcp://"):
        raise ValueError(f"must begin with opc.tcp://. Remedy: write it like {example}")
    _host_and_port(urlsplit(endpoint).netloc, example)
    return endpoint


def _existing_file(path: Path) -> Path:
    if not path.is_file():
        raise ValueError("there is no such file. Remedy: correct the path")
    return path


def _authorities_file(path: Path) -> Path:
    try:
        ssl.create_default_context(cafile=_existing_file(path))
    except OSError as exc:
        raise ValueError(
            f"is no PEM file of certificates ({_reason(exc)}). Remedy: name the file of the "
            "authority that signed the brokers' certificates"
        ) from exc
    return path


def _check_own_certificate(certificate: Path, key: Path | None) -> None:
    try:
        ssl.create_default_context().load_cert_chain(certificate, key, password="")
    except (OSError, ValueError) as exc:
        raise ValueError(
            f"certificate_file and key_file cannot be used ({_reason(exc)}). Remedy: name a PEM "
            "certificate and the unencrypted key that belongs to it"
        ) from exc


def _reason(exc: Exception) -> str:
    return str(getattr(exc, "reason", None) or exc or type(exc).__name__)


def _origins(names: str) -> str:
    read_origins(names)
    return names


ExistingFile = Annotated[Path, AfterValidator(_existing_file)]
AuthoritiesFile = Annotated[Path, AfterValidator(_authorities_file)]


class _Group(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class KafkaSettings(_Group):
    """Where Kafka is and how to log on; without an address, potline runs its own broker."""

    address: Annotated[str, AfterValidator(_kafka_address)] | None = None
    security_protocol: Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"] = "PLAINTEXT"
    sasl_mechanism: Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"] = "SCRAM-SHA-512"
    sasl_username: str | None = None
    sasl_password: SecretStr | None = None
    ca_file: AuthoritiesFile | None = None
    certificate_file: ExistingFile | None = None
    key_file: ExistingFile | None = None
    partitions: int = Field(default=12, ge=1, le=1000)

    @model_validator(mode="after")
    def _whole(self) -> Self:
        protocol = self.security_protocol
        uses_sasl, uses_tls = protocol.startswith("SASL_"), protocol.endswith("SSL")
        if uses_sasl and not (self.sasl_username and self.sasl_password):
            raise ValueError(
                f"security_protocol {protocol} needs a user and a password. "
                "Remedy: set kafka.sasl_username and kafka.sasl_password"
            )
        self._refuse_unused(("sasl_username", "sasl_password"), uses_sasl, "SASL_SSL")
        self._refuse_unused(("ca_file", "certificate_file", "key_file"), uses_tls, "SSL")
        if protocol != "PLAINTEXT" and self.address is None:
            raise ValueError(
                f"security_protocol {protocol} is for a Kafka of your own, and none is named. "
                "Remedy: set kafka.address, or leave security_protocol out"
            )
        if self.key_file is not None and self.certificate_file is None:
            raise ValueError("key_file has no certificate. Remedy: set kafka.certificate_file too")
        if self.certificate_file is not None:
            _check_own_certificate(self.certificate_file, self.key_file)
        return self

    def _refuse_unused(self, names: tuple[str, ...], is_used: bool, remedy: str) -> None:
        given = [name for name in names if getattr(self, name) is not None]
        if given and not is_used:
            raise ValueError(
                f"{' and '.join(given)} would not be used: the connection is "
                f"{self.security_protocol}. Remedy: set kafka.security_protocol to {remedy}, "
                f"or leave {'it' if len(given) == 1 else 'them'} out"
            )

    def connection(self, address: str | None = None) -> KafkaConnection:
        """Return how to reach the cluster.

        Args:
            address: where the embedded broker runs, when settings name no address.

        Raises:
            ValueError: neither is given.
        """
        used = self.address or address
        if used is None:
            raise ValueError("Kafka has no address. Remedy: set kafka.address to kafka://host:port")
        password = self.sasl_password
        return KafkaConnection(
            address=used,
            security_protocol=self.security_protocol,
            sasl_mechanism=self.sasl_mechanism,
            sasl_username=self.sasl_username,
            sasl_password=password.get_secret_value() if password else None,
            ca_file=self.ca_file,
            certificate_file=self.certificate_file,
            key_file=self.key_file,
        )


class RedisSettings(_Group):
    """Where Redis is; without an address, potline runs its own."""

    address: Annotated[str, AfterValidator(_redis_address)] | None = None


class OpcuaSettings(_Group):
    """The plant's OPC UA server; without an endpoint, potline runs its simulator."""

    endpoint: Annotated[str, AfterValidator(_opcua_endpoint)] | None = None
    security: Literal["None", "Basic256Sha256", "Aes256Sha256RsaPss"] = "None"
    certificates: Path | None = None  # folder as `potline certs` makes it

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if self.security != "None" and self.certificates is None:
            raise ValueError(
                f"security {self.security} needs certificates. Remedy: make them with "
                "`potline certs FOLDER` and set opcua.certificates to that folder"
            )
        return self


class GatewaySettings(_Group):
    """How the gateway packs samples."""

    publish_interval_s: float = Field(default=1.0, ge=0.1, le=60.0)  # wall time


class LoopSettings(_Group):
    """The optimising loop: how many workers, how often it decides, how long it may think."""

    workers: int = Field(default=1, ge=1, le=64)
    deadline_s: float = Field(default=10.0, gt=0.0, le=30.0)  # wall time


class GuardSettings(_Group):
    """How cells start and how they come back after they were shed.

    None means: AUTO, automatic and no time to warm up at the simulator, what [control.modes] of the
    plant file says at a real plant.
    """

    initial_mode: Literal["MANUAL", "ADVISORY", "AUTO"] | None = None
    rearm: Literal["automatic", "operator"] | None = None
    warm_up_h: float | None = Field(default=None, ge=0.0, le=168.0)  # plant time


class AuditSettings(_Group):
    """Where the audit and its keys are kept, and for how long.

    Without a folder: beside a simulated plant, in the folder of the run; a real one needs it set.
    """

    folder: Path | None = None
    keys: Path | None = None  # a folder; None: `keys` below the audit's own
    retention_days: int = Field(default=731, ge=1, le=36_525)


class UiSettings(_Group):
    """Where the control room listens, and who may ask for something there.

    Without accounts it is the operator's on this machine, and everybody's to look at elsewhere.
    """

    host: Annotated[str, AfterValidator(checked_host)] = "127.0.0.1"
    port: int = Field(default=5006, ge=0, le=65_535)  # 0: any free port
    # Further ones under which browsers reach it, with commas between them: names, or the whole
    # origins of a proxy that stands before it, https://name or https://name:port.
    names: Annotated[str, AfterValidator(_origins)] | None = None
    accounts: Path | None = None  # folder as `potline people` fills it; None: front.certificates
    idle_after_min: float = Field(default=15.0, gt=0.0, le=1440.0)  # then a login ends
    certificate_file: ExistingFile | None = None
    key_file: ExistingFile | None = None

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if (self.certificate_file is None) is not (self.key_file is None):
            raise ValueError(
                "certificate_file and key_file go together, and one is missing. Remedy: set "
                "ui.certificate_file and ui.key_file, or neither"
            )
        if self.certificate_file is not None:
            _check_own_certificate(self.certificate_file, self.key_file)
        return self

    @property
    def further_names(self) -> tuple[Origin, ...]:
        """The names one by one."""
        return read_origins(self.names or "")


class FrontSettings(_Group):
    """Where potline's own OPC UA server listens; without an endpoint there is none."""

    endpoint: Annotated[str, AfterValidator(_opcua_endpoint)] | None = None
    certificates: Path | None = None  # folder as `potline certs` makes it

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if self.endpoint is None or self.certificates is not None:
            return self
        if urlsplit(self.endpoint).hostname != "127.0.0.1":
            raise ValueError(
                f"endpoint {self.endpoint} needs certificates. Remedy: make them with `potline "
                "certs FOLDER` and set front.certificates, or choose an endpoint on 127.0.0.1, "
                "where anybody may look and nobody may ask"
            )
        return self


class AlarmSettings(_Group):
    """How long after people were told of an alarm that lasts they are told again; 0: never."""

    again_high_min: float = Field(default=10.0, ge=0.0, le=1440.0)  # nobody has acknowledged it
    again_medium_min: float = Field(default=30.0, ge=0.0, le=1440.0)
    again_low_min: float = Field(default=0.0, ge=0.0, le=1440.0)
    again_acknowledged_h: float = Field(default=0.0, ge=0.0, le=168.0)  # somebody has

    @property
    def retelling(self) -> Retelling:
        """As the list of alarms takes it."""
        return Retelling(
            high_s=60.0 * self.again_high_min or None,
            medium_s=60.0 * self.again_medium_min or None,
            low_s=60.0 * self.again_low_min or None,
            acknowledged_s=3600.0 * self.again_acknowledged_h or None,
        )


class RunSettings(_Group):
    """Where a run keeps its logs and data; without a folder, in a temporary one."""

    folder: Path | None = None
