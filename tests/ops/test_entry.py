"""A command that says something in one sentence silences a library only for as long as it runs."""

import logging

import pytest

from ops.entry import nothing_logged, silent

LIBRARY = "a-chatty-library"


def test_a_library_is_silent_for_a_while_only(caplog: pytest.LogCaptureFixture) -> None:
    logger = logging.getLogger(LIBRARY)
    with silent(LIBRARY):
        logger.error("said by the caller")
    logger.error("to be heard")
    assert caplog.messages == ["to be heard"]


def test_a_library_is_heard_again_after_a_mistake() -> None:
    logger = logging.getLogger(LIBRARY)
    logger.setLevel(logging.INFO)
    with pytest.raises(ValueError, match="anything"), silent(LIBRARY):
        raise ValueError("anything")
    assert logger.level == logging.INFO


def test_a_process_is_quiet_for_a_while_only(caplog: pytest.LogCaptureFixture) -> None:
    logger = logging.getLogger(LIBRARY)
    with nothing_logged():
        logger.critical("one of many failures")
    logger.error("to be heard")
    assert caplog.messages == ["to be heard"]
