"""What every process of ours does first: write a log, stop on a signal, know where to connect."""

import asyncio
import logging
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final, TypeVar

from ops.mistakes import ConfigurationError, Mistake

SettingT = TypeVar("SettingT")
_LOG_FORMAT: Final = "%(asctime)s %(levelname)s %(name)s: %(message)s"
_STOP_SIGNALS: Final = (signal.SIGINT, signal.SIGTERM)
_CHATTY: Final = ("aiokafka", "faust", "mode", "asyncua", "bokeh", "jax")


def start_log() -> None:
    """Log to standard error; libraries only what is wrong."""
    logging.basicConfig(level=logging.INFO, format=_LOG_FORMAT)
    for name in _CHATTY:
        logging.getLogger(name).setLevel(logging.WARNING)


@contextmanager
def silent(library: str) -> Iterator[None]:
    """Let a library log nothing but the end of the world for a while: what it would say, the caller
    says in one sentence."""
    logger = logging.getLogger(library)
    before = logger.level
    logger.setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        logger.setLevel(before)


@contextmanager
def nothing_logged() -> Iterator[None]:
    """Keep the log of this whole process quiet for a while: where failures are the rule."""
    before = logging.root.manager.disable
    logging.disable(logging.CRITICAL)
    try:
        yield
    finally:
        logging.disable(before)


def stop_event() -> asyncio.Event:
    """Return an event that SIGINT or SIGTERM sets; to be called in a running loop."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in _STOP_SIGNALS:
        loop.add_signal_handler(number, stop.set)
    return stop


def needed(
    value: SettingT | None,
    key: str,
    to: str = "to its address, or run `potline up`, which starts one",
) -> SettingT:
    """Return a setting that this process cannot do without.

    Args:
        key: of the setting.
        to: how the remedy, "set <key>", goes on.

    Raises:
        ConfigurationError: it is not set.
    """
    if value is None:
        remedy = f"is not set. Remedy: set {key} {to}."
        raise ConfigurationError([Mistake(key, "", remedy, "settings")])
    return value
