"""One description of a cluster: how clients log on to it, and the topics made from the table."""

import asyncio
import datetime
import ssl
from pathlib import Path

import pytest
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from ops.broker import Broker, prepare_broker
from ops.ports import free_port
from stream.kafka import (
    KafkaConnection,
    KafkaUnreachableError,
    TopicsUnfitError,
    create_topics,
)
from stream.topics import BY_NAME, TABLES
from tests.stream.loop_cases import PARTITIONS


def make_certificate(folder: Path) -> tuple[Path, Path]:
    """A self-signed certificate and its key, as PEM files."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "potline test")])
    begin = datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(begin)
        .not_valid_after(begin + datetime.timedelta(days=3650))
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    certificate_file, key_file = folder / "certificate.pem", folder / "key.pem"
    certificate_file.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    key_file.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    return certificate_file, key_file


def test_a_plain_connection_has_neither_tls_nor_a_user() -> None:
    options = KafkaConnection("kafka://one:9092, two:9093").client_options()
    assert options == {
        "bootstrap_servers": ["one:9092", "two:9093"],
        "security_protocol": "PLAINTEXT",
        "ssl_context": None,
    }


def test_tls_checks_the_broker_against_the_given_authority(tmp_path: Path) -> None:
    certificate_file, key_file = make_certificate(tmp_path)
    context = KafkaConnection(
        "kafka://one:9093",
        security_protocol="SSL",
        ca_file=certificate_file,
        certificate_file=certificate_file,
        key_file=key_file,
    ).client_options()["ssl_context"]
    assert context.verify_mode is ssl.CERT_REQUIRED
    assert context.check_hostname
    assert context.minimum_version is ssl.TLSVersion.TLSv1_2
    subjects = [row["subject"] for row in context.get_ca_certs()]
    assert subjects == [((("commonName", "potline test"),),)]


def test_tls_without_files_trusts_the_systems_authorities() -> None:
    context = KafkaConnection("kafka://one:9093", security_protocol="SASL_SSL").ssl_context()
    assert context is not None
    assert context.verify_mode is ssl.CERT_REQUIRED


def test_a_user_logs_on_with_the_wanted_mechanism() -> None:
    options = KafkaConnection(
        "kafka://one:9092",
        security_protocol="SASL_PLAINTEXT",
        sasl_mechanism="SCRAM-SHA-256",
        sasl_username="loop",
        sasl_password="secret",
    ).client_options()
    assert options["ssl_context"] is None
    assert options["sasl_mechanism"] == "SCRAM-SHA-256"
    assert (options["sasl_plain_username"], options["sasl_plain_password"]) == ("loop", "secret")


async def test_topics_are_made_once_and_kept(connection: KafkaConnection) -> None:
    assert await create_topics(connection, PARTITIONS) == [], "all were there before"


async def test_topics_of_other_partitions_are_told_with_the_remedy(
    connection: KafkaConnection,
) -> None:
    with pytest.raises(TopicsUnfitError, match=r"has 2 partitions.*kafka\.partitions = 2"):
        await create_topics(connection, 5)


async def test_what_is_missing_is_made_beside_what_is_there(tmp_path: Path) -> None:
    async with Broker(await prepare_broker(tmp_path, port=free_port())) as broker:
        there = KafkaConnection(broker.address)
        admin = AIOKafkaAdminClient(bootstrap_servers=there.bootstrap)
        await admin.start()
        try:
            await admin.create_topics([NewTopic("samples", 1, 1)])
        finally:
            await admin.close()
        with pytest.raises(KafkaUnreachableError, match="could not be created"):
            await create_topics(there, 0)
        expected = {*BY_NAME, *(table.changelog for table in TABLES)} - {"samples"}
        # Every process of a plant does this as it starts: two at once do not disturb each other.
        made = await asyncio.gather(create_topics(there, 1), create_topics(there, 1))
        assert set(made[0]) | set(made[1]) == expected
        assert await create_topics(there, 1) == []


async def test_no_broker_is_told_with_its_address_and_the_remedy() -> None:
    address = f"kafka://127.0.0.1:{free_port()}"
    with pytest.raises(KafkaUnreachableError, match=rf"No Kafka at {address}.*Remedy: start"):
        await create_topics(KafkaConnection(address), 1)
