"""Logs of processes: bounded on disk, the last lines at hand."""

import os
from pathlib import Path

from ops.logs import Outlet, RotatingLog


def test_a_log_is_bounded(tmp_path: Path) -> None:
    """However much is printed, two files of the limit are all there is."""
    log = RotatingLog(tmp_path / "logs" / "loop.log", limit_bytes=1000)
    for number in range(500):
        log.write(f"line {number}\n".encode())
    log.write(b"x" * 5000 + b"\nthe end\n")
    log.close()
    files = sorted((tmp_path / "logs").iterdir())
    assert [file.name for file in files] == ["loop.log", "loop.log.1"]
    assert all(file.stat().st_size <= 1000 for file in files)
    assert files[0].read_bytes().endswith(b"the end\n")


def test_the_last_lines_are_at_hand(tmp_path: Path) -> None:
    """In pieces as they came, broken characters and all."""
    log = RotatingLog(tmp_path / "ui.log")
    log.write(b"one\ntw")
    log.write(b"o\n\nthr\xff\xffee\n")
    assert log.last_lines(2) == ["two", "thr\ufffd\ufffdee"]
    log.close()
    assert log.last_lines(9)[0] == "one"


def test_an_outlet_reads_what_was_printed_and_knows_the_end(tmp_path: Path) -> None:
    """Without blocking when there is nothing."""
    log = RotatingLog(tmp_path / "pump.log")
    outlet = Outlet(log)
    assert outlet.drain()
    os.write(outlet.write_end, b"hello\n")
    assert outlet.drain()
    outlet.hand_over()
    assert not outlet.drain()
    outlet.close()
    assert log.last_lines(1) == ["hello"]
    log.close()
