"""The groups of settings, one model a table of potline.toml: what each may hold, checked here."""

from pathlib import Path
from typing import Annotated, Literal, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, SecretStr, model_validator

from stream.kafka import KafkaConnection


def _host_and_port(part: str, example: str) -> None:
    try:
        parts = urlsplit(f"//{part}")
        complete = bool(parts.hostname and parts.port)
    except ValueError:
        complete = False
    if not complete:
        raise ValueError(f"{part!r} is not host:port. Remedy: write it like {example}")


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
    _host_and_port(urlsplit(address).netloc, example)
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


ExistingFile = Annotated[Path, AfterValidator(_existing_file)]


class _Group(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class KafkaSettings(_Group):
    """Where Kafka is and how to log on; without an address, potline runs its own broker."""

    address: Annotated[str, AfterValidator(_kafka_address)] | None = None
    security_protocol: Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"] = "PLAINTEXT"
    sasl_mechanism: Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"] = "SCRAM-SHA-512"
    sasl_username: str | None = None
    sasl_password: SecretStr | None = None
    ca_file: ExistingFile | None = None
    certificate_file: ExistingFile | None = None
    key_file: ExistingFile | None = None
    partitions: int = Field(default=12, ge=1, le=1000)

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if self.security_protocol.startswith("SASL_") and not (
            self.sasl_username and self.sasl_password
        ):
            raise ValueError(
                f"security_protocol {self.security_protocol} needs a user and a password. "
                "Remedy: set kafka.sasl_username and kafka.sasl_password"
            )
        if self.key_file is not None and self.certificate_file is None:
            raise ValueError("key_file has no certificate. Remedy: set kafka.certificate_file too")
        return self

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


class GatewaySettings(_Group):
    """How the gateway packs samples."""

    publish_interval_s: float = Field(default=1.0, ge=0.1, le=60.0)  # wall time


class LoopSettings(_Group):
    """The optimising loop: how many workers, how often it decides, how long it may think."""

    workers: int = Field(default=1, ge=1, le=64)
    deadline_s: float = Field(default=10.0, gt=0.0, le=30.0)  # wall time


class GuardSettings(_Group):
    """How cells start and how they come back after they were shed.

    None means: AUTO and automatic at the simulator, what [control.modes] of the plant file says at
    a real plant.
    """

    initial_mode: Literal["MANUAL", "ADVISORY", "AUTO"] | None = None
    rearm: Literal["automatic", "operator"] | None = None


class UiSettings(_Group):
    """Where the control room listens."""

    host: str = "127.0.0.1"
    port: int = Field(default=5006, ge=0, le=65_535)  # 0: any free port


class RunSettings(_Group):
    """Where a run keeps its logs and data; without a folder, in a temporary one."""

    folder: Path | None = None
