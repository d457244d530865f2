"""Settings and the plant file that they name, read together, so that mistakes come together.

Errors::

    ConfigurationError    every mistake in both
"""

from collections.abc import Mapping
from pathlib import Path

from ops.mistakes import ConfigurationError
from ops.plantfile import PlantFile, load_plant
from ops.settings import Settings, load_settings, named_plant_file


def load_line(
    flags: Mapping[str, object] | None = None,
    *,
    file: Path | None = None,
    environment: Mapping[str, str] | None = None,
) -> tuple[Settings, PlantFile]:
    """Return the settings in force and the plant that they name.

    Args:
        flags, file, environment: as for `ops.settings.read_settings`.

    Raises:
        ConfigurationError: every mistake in the settings and in the plant file.
    """
    try:
        settings = load_settings(flags, file=file, environment=environment)
    except ConfigurationError as error:
        try:
            load_plant(named_plant_file(flags, file=file, environment=environment))
        except ConfigurationError as also:
            # A settings file that cannot be read names no plant: its one mistake is told once.
            more = [mistake for mistake in also.mistakes if mistake not in error.mistakes]
            raise ConfigurationError([*error.mistakes, *more]) from error
        raise
    return settings, load_plant(settings.plant_file, settings.cells)
