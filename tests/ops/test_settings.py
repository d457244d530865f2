"""Settings: four layers, every mistake at once, the same again in a child process."""

from pathlib import Path

import certifi
import pytest
from hypothesis import given
from hypothesis import strategies as st

from control.retelling import Retelling
from ops.mistakes import ConfigurationError
from ops.settings import (
    Settings,
    known_keys,
    load_settings,
    read_settings,
    settings_in_force,
    to_environment,
)

NO_FILE = {"POTLINE_SETTINGS": ""}


def mistakes_of(**kwargs: object) -> list[str]:
    with pytest.raises(ConfigurationError) as caught:
        load_settings(**kwargs)  # type: ignore[arg-type]
    return [str(mistake) for mistake in caught.value.mistakes]


@pytest.fixture
def settings_file(tmp_path: Path) -> Path:
    file = tmp_path / "potline.toml"
    file.write_text('cells = 10\nspeed = 10.0\nseed = 3\nplant_file = "plant.toml"\n')
    return file


def test_a_flag_wins_over_the_environment_and_that_over_the_file(settings_file: Path) -> None:
    reading = read_settings(
        {"cells": 12, "seed": None},
        file=settings_file,
        environment={"POTLINE_CELLS": "11", "POTLINE_SPEED": "20"},
    )
    settings = reading.settings
    assert (settings.cells, settings.speed, settings.seed) == (12, 20.0, 3)
    origins = {key: origin for key, _, origin in settings_in_force(reading)}
    assert origins["cells"] == "flag"
    assert origins["speed"] == "POTLINE_SPEED"
    assert origins["seed"] == str(settings_file)
    assert origins["loop.workers"] == "default"


def test_a_path_in_the_file_is_relative_to_the_file(settings_file: Path) -> None:
    settings = load_settings(file=settings_file, environment={})
    assert settings.plant_file == settings_file.parent / "plant.toml"


def test_all_mistakes_of_all_layers_come_at_once(tmp_path: Path) -> None:
    file = tmp_path / "line.toml"
    file.write_text("cells = 0\n[loop]\nworker = 2\n")
    found = mistakes_of(
        flags={"speed": 601.0},
        file=file,
        environment={
            "POTLINE_KAFKA__ADDRESS": "localhost:9092",
            "POTLINE_KAFKA__PARTITIONS": "twelve",
            "POTLINE_KAFKA_ADDRESS": "kafka://a:9092",
        },
    )
    text = "\n".join(found)
    assert len(found) == 6
    assert f"cells = 0 ({file}): must be greater than or equal to 1." in text
    assert "loop.worker = 2" in text
    assert "Did you mean workers?" in text
    assert "speed = 601.0 (flag): must be less than or equal to 600." in text
    assert "kafka.address = 'localhost:9092' (POTLINE_KAFKA__ADDRESS): must begin with" in text
    assert "kafka.partitions = 'twelve'" in text
    assert "Did you mean POTLINE_KAFKA__ADDRESS?" in text


@pytest.mark.parametrize(
    ("key", "value", "word"),
    [
        ("kafka.address", "kafka://host", "host:port"),
        ("kafka.address", "kafka://one:9092,two", "'two' is not host:port"),
        ("redis.address", "http://host:6379", "redis://"),
        ("redis.address", "redis://:6379", "host:port"),
        ("kafka.ca_file", __file__, "is no PEM file of certificates"),
        ("kafka.sasl_username", "potline", "would not be used: the connection is PLAINTEXT"),
        ("kafka.ca_file", certifi.where(), "Remedy: set kafka.security_protocol to SSL"),
        ("front.endpoint", "opc.tcp://0.0.0.0:4841", "set front.certificates"),
        ("alarms.again_high_min", -1.0, "alarms.again_high_min"),
        ("alarms.again_acknowledged_h", float("nan"), "alarms.again_acknowledged_h"),
        ("ui.key_file", __file__, "Remedy: set ui.certificate_file and ui.key_file"),
        ("ui.idle_after_min", 0, "ui.idle_after_min"),
        ("ui.host", "::1", "is of IPv6, and the control room listens at IPv4. Remedy: 127.0.0.1"),
        ("ui.host", "", "is no name and no address"),
        ("ui.names", "here, *", "'*' is no name and no origin. Remedy: write it like"),
        ("kafka.security_protocol", "SSL", "Remedy: set kafka.address"),
        ("opcua.endpoint", "opc.tcp://", "host:port"),
        ("opcua.endpoint", "opc.tcp://plant:99999", "host:port"),
        ("kafka.ca_file", "/nowhere/ca.pem", "no such file"),
        ("speed", float("nan"), "speed"),
        ("kafka.security_protocol", "SASL_SSL", "kafka.sasl_username"),
    ],
)
def test_a_wrong_value_is_named_with_its_remedy(key: str, value: object, word: str) -> None:
    found = mistakes_of(flags={key: value}, environment=NO_FILE)
    assert len(found) == 1
    assert word in found[0]


def test_how_often_an_alarm_is_told_again_can_be_set_and_never_is_zero() -> None:
    assert Settings().alarms.retelling == Retelling()
    flags = {
        "alarms.again_high_min": 0.0,
        "alarms.again_medium_min": 5.0,
        "alarms.again_low_min": 60.0,
        "alarms.again_acknowledged_h": 8.0,
    }
    settings = load_settings(flags, environment=NO_FILE)
    assert settings.alarms.retelling == Retelling(None, 300.0, 3600.0, 28_800.0)


def test_a_key_without_its_certificate_is_refused() -> None:
    flags = {
        "kafka.address": "kafka://host:9093",
        "kafka.security_protocol": "SSL",
        "kafka.key_file": __file__,
    }
    assert "kafka.certificate_file" in mistakes_of(flags=flags, environment=NO_FILE)[0]
    flags["kafka.certificate_file"] = certifi.where()
    (sentence,) = mistakes_of(flags=flags, environment=NO_FILE)
    assert "cannot be used" in sentence
    assert "Remedy: name a PEM certificate and the unencrypted key" in sentence


def test_the_usual_port_of_redis_may_be_left_out() -> None:
    for address in ("redis://host", "redis://:secret@host/0", "rediss://host:6380/1"):
        assert load_settings({"redis.address": address}, environment=NO_FILE).redis.address


@pytest.mark.parametrize(
    "address",
    ["redis://:topsecret@host:port/0", "redis://user:topsecret@:1", "http://:topsecret@host/0"],
)
def test_a_mistake_in_an_address_does_not_show_its_password(address: str) -> None:
    (sentence,) = mistakes_of(flags={"redis.address": address}, environment=NO_FILE)
    assert "topsecret" not in sentence
    assert "Remedy" in sentence


def test_a_file_that_is_not_toml_is_one_sentence(tmp_path: Path) -> None:
    file = tmp_path / "potline.toml"
    file.write_text("cells = = 3")
    (sentence,) = mistakes_of(file=file, environment={})
    assert str(file) in sentence
    assert "line 1" in sentence


def test_a_file_that_is_not_there_is_one_sentence(tmp_path: Path) -> None:
    (sentence,) = mistakes_of(file=tmp_path / "none.toml", environment={})
    assert "No such file" in sentence


def test_a_password_is_never_shown() -> None:
    environment = NO_FILE | {
        "POTLINE_KAFKA__ADDRESS": "kafka://broker:9092",
        "POTLINE_KAFKA__SECURITY_PROTOCOL": "SASL_SSL",
        "POTLINE_KAFKA__SASL_USERNAME": "potline",
        "POTLINE_KAFKA__SASL_PASSWORD": "hunter-two",
        "POTLINE_REDIS__ADDRESS": "redis://user:hunter-two@host:6379/0",
    }
    reading = read_settings(environment=environment)
    assert "hunter-two" not in str(settings_in_force(reading))
    assert "hunter-two" not in repr(reading.settings.kafka)
    connection = reading.settings.kafka.connection()
    assert connection.sasl_password == "hunter-two"
    wrong = mistakes_of(flags={"kafka.sasl_password": 12345678}, environment=NO_FILE)
    assert "12345678" not in wrong[0]


def test_the_address_of_the_settings_wins_over_the_embedded_one() -> None:
    settings = load_settings({"kafka.address": "kafka://one:1,two:2"}, environment=NO_FILE)
    assert settings.kafka.connection("kafka://127.0.0.1:9").bootstrap == ["one:1", "two:2"]
    assert settings.kafka.connection().bootstrap == ["one:1", "two:2"]
    with pytest.raises(ValueError, match=r"set kafka\.address"):
        Settings().kafka.connection()


def test_marks_of_a_run_are_no_settings() -> None:
    environment = NO_FILE | {"POTLINE_RUN": "a1b2"}
    assert load_settings(environment=environment) == Settings()


def test_a_settings_file_named_in_the_environment_is_read(settings_file: Path) -> None:
    assert load_settings(environment={"POTLINE_SETTINGS": str(settings_file)}).cells == 10


def test_a_settings_file_in_the_working_folder_is_read(
    settings_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(settings_file.parent)
    assert load_settings(environment={}).cells == 10
    assert load_settings(environment=NO_FILE).cells is None


@given(
    cells=st.none() | st.integers(1, 300),
    speed=st.floats(1.0, 600.0),
    partitions=st.integers(1, 1000),
    deadline=st.floats(0.1, 30.0),
    mode=st.sampled_from([None, "MANUAL", "ADVISORY", "AUTO"]),
    password=st.none() | st.text("abc= #'\"", min_size=1),
)
def test_a_child_process_gets_exactly_the_same_settings(
    cells: int | None,
    speed: float,
    partitions: int,
    deadline: float,
    mode: str | None,
    password: str | None,
) -> None:
    settings = load_settings(
        {
            "cells": cells,
            "speed": speed,
            "kafka.partitions": partitions,
            "loop.deadline_s": deadline,
            "guard.initial_mode": mode,
            "kafka.address": "kafka://host:9092",
            "kafka.security_protocol": "SASL_PLAINTEXT" if password else "PLAINTEXT",
            "kafka.sasl_username": "potline" if password else None,
            "kafka.sasl_password": password,
        },
        environment=NO_FILE,
    )
    assert load_settings(environment=to_environment(settings)) == settings


def test_every_setting_has_its_variable_and_its_row() -> None:
    reading = read_settings(environment=NO_FILE)
    keys = [key for key, _, _ in settings_in_force(reading)]
    assert keys == known_keys()
    assert "POTLINE_KAFKA__ADDRESS" in to_environment(reading.settings)
    assert len(to_environment(reading.settings)) == len(keys) + 1
