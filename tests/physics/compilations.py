"""What JAX compiles while a test runs, counted; programs taken from the lasting cache count too."""

from collections.abc import Iterator

import jax
import pytest


@pytest.fixture
def compilations() -> Iterator[list[str]]:
    """Grows by one entry with every program that is compiled."""
    heard: list[str] = []

    def listen(event: str, _: float, **__: str | int) -> None:
        if event.endswith("backend_compile_duration"):
            heard.append(event)

    jax.monitoring.register_event_duration_secs_listener(listen)
    yield heard
    jax.monitoring.unregister_event_duration_listener(listen)
