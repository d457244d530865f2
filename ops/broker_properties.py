"""How the embedded Kafka is set: one node, for minutes or days, on a small machine."""

from pathlib import Path
from typing import Final

_MIB: Final = 1024 * 1024

_JVM_FLAGS: Final = (
    "-Xms64m",
    "-Xmx256m",
    "-XX:+UseSerialGC",
    "-XX:TieredStopAtLevel=1",
    "-XX:+ExitOnOutOfMemoryError",  # the supervisor starts it again; a half-dead broker is worse
    "-XX:-UsePerfData",  # it would leave a file in the system's temporary folder
    "--enable-native-access=ALL-UNNAMED",  # the compression libraries load native code
    "-Djava.awt.headless=true",
    "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn",
    "-Dorg.slf4j.simpleLogger.showDateTime=true",
    "-Dorg.slf4j.simpleLogger.dateTimeFormat=yyyy-MM-dd'T'HH:mm:ss.SSSZ",
)

# Few partitions of its own, small segments (only whole ones are deleted or compacted), small
# buffers. Topics bring their own retention.
_PROPERTIES: Final = {
    "process.roles": "broker,controller",
    "node.id": "1",
    "controller.listener.names": "CONTROLLER",
    "listener.security.protocol.map": "CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT",
    "auto.create.topics.enable": "false",
    "default.replication.factor": "1",
    "min.insync.replicas": "1",
    "num.partitions": "1",
    "offsets.topic.num.partitions": "4",
    "offsets.topic.replication.factor": "1",
    "offsets.topic.segment.bytes": str(8 * _MIB),
    "transaction.state.log.num.partitions": "4",
    "transaction.state.log.replication.factor": "1",
    "transaction.state.log.min.isr": "1",
    "transaction.state.log.segment.bytes": str(8 * _MIB),
    "share.coordinator.state.topic.num.partitions": "1",
    "share.coordinator.state.topic.replication.factor": "1",
    "share.coordinator.state.topic.min.isr": "1",
    # A killed broker is let in again only after the session of its former life: 9 s by default.
    "broker.session.timeout.ms": "3000",
    "broker.heartbeat.interval.ms": "500",
    "group.initial.rebalance.delay.ms": "0",
    "group.min.session.timeout.ms": "1000",
    "log.segment.bytes": str(32 * _MIB),
    "log.index.size.max.bytes": str(256 * 1024),  # allocated whole, for each partition, twice
    "log.retention.check.interval.ms": "30000",
    "log.cleaner.dedupe.buffer.size": str(8 * _MIB),
    "metadata.log.segment.bytes": str(8 * _MIB),
    "metadata.max.retention.bytes": str(16 * _MIB),
    "message.max.bytes": str(10 * _MIB),
    "num.network.threads": "2",
    "num.io.threads": "4",
    "background.threads": "2",
    "num.recovery.threads.per.data.dir": "2",
}


def jvm_flags(folder: Path) -> tuple[str, ...]:
    """Return the flags of the Java runtime; what it leaves lying about it leaves in `folder`."""
    return (
        *_JVM_FLAGS,
        f"-Djava.io.tmpdir={folder / 'temporary'}",
        f"-XX:ErrorFile={folder / 'java-error.log'}",
    )


def server_properties(folder: Path, port: int, controller_port: int) -> str:
    """Return the text of server.properties.

    Args:
        folder: its log goes into `folder/log`.
        port: for clients.
        controller_port: for the one controller, which is the same process.
    """
    listener = f"PLAINTEXT://127.0.0.1:{port}"
    rows = _PROPERTIES | {
        "listeners": f"{listener},CONTROLLER://127.0.0.1:{controller_port}",
        "advertised.listeners": listener,
        "controller.quorum.voters": f"1@127.0.0.1:{controller_port}",
        "log.dirs": (folder / "log").as_posix(),
    }
    return "".join(f"{key}={value}\n" for key, value in rows.items())
