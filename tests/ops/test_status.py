"""The status line and the terminal of a run."""

import io
from dataclasses import replace

from rich.console import Console

from ops.gauge import stalled
from ops.status import Screen, Status, clock_text, status_line
from ops.units import Change, UnitState

STATUS = Status(
    address="http://127.0.0.1:5006",
    seconds=65.0,
    plant_s=3900.0,
    speed=60.0,
    cells=24,
    samples_per_s=576.0,
    lost=0,
    rejected=0,
    moves_verified=48,
    latency_p99_ms=812.4,
    modes={"AUTO": 23, "MANUAL": 1},
    restarts=0,
)


def a_screen(clock_s: list[float], *, is_terminal: bool) -> tuple[Screen, io.StringIO]:
    """Return a screen that prints into a string, with a clock moved by hand."""
    printed = io.StringIO()
    console = Console(file=printed, force_terminal=is_terminal, width=200)
    return Screen(console, ("broker", "loop"), lambda: clock_s[0]), printed


def test_the_line_says_how_the_run_stands() -> None:
    """All that the operator at the terminal wants, in one line."""
    assert status_line(STATUS).plain == (
        "http://127.0.0.1:5006  1:05  plant 1:05:00 60x  24 cells  576 samples/s  lost 0  "
        "rejected 0  moves 48  p99 812 ms  AUTO 23 MANUAL 1"
    )


def test_what_is_wrong_is_added_and_coloured() -> None:
    """Losses, restarts and stalled processes; nothing of them when all is well."""
    wrong = replace(STATUS, lost=12, restarts=2, stalled=("loop",), latency_p99_ms=None)
    line = status_line(wrong)
    assert "lost 12" in line.plain
    assert line.plain.endswith("restarts 2  loop stalled")
    assert "p99 -" in line.plain
    assert any("red" in str(span.style) for span in line.spans)
    assert not any("red" in str(span.style) for span in status_line(STATUS).spans)


def test_a_pipe_gets_a_line_every_ten_seconds() -> None:
    """No flood in a log file."""
    clock_s = [0.0]
    screen, printed = a_screen(clock_s, is_terminal=False)
    with screen:
        for second in range(25):
            clock_s[0] = float(second)
            screen.show(STATUS)
    assert printed.getvalue().count("24 cells") == 3


def test_a_start_is_told_process_by_process() -> None:
    """On a pipe one line each; a restart is told with its reason, and is no second start."""
    screen, printed = a_screen([0.0], is_terminal=False)
    with screen:
        screen.note(Change("broker", UnitState.STARTING, 0.1))
        screen.note(Change("broker", UnitState.READY, 2.0))
        screen.note(Change("broker", UnitState.RESTARTING, 9.0, "signal SIGKILL"))
        screen.note(Change("broker", UnitState.READY, 12.0))
    assert printed.getvalue().splitlines() == [
        "broker ready after 2.0 s",
        "broker ended (signal SIGKILL); starting it again.",
    ]


def test_a_terminal_shows_the_start_and_then_the_line() -> None:
    """The table of processes goes away when all are ready."""
    screen, printed = a_screen([0.0], is_terminal=True)
    with screen:
        screen.note(Change("broker", UnitState.READY, 2.0))
        screen.note(Change("loop", UnitState.READY, 3.0))
        screen.finish(STATUS)
    assert "24 cells" in printed.getvalue()


def test_clocks_grow_with_the_hours() -> None:
    """Minutes and seconds, and hours where there are any."""
    assert [clock_text(s) for s in (0, 65, 3600, 90061)] == ["0:00", "1:05", "1:00:00", "25:01:01"]


def test_a_process_is_stalled_when_its_input_goes_on_without_output() -> None:
    """Not before it has written at all, and not while its input stands still too."""
    ages = {"samples": 1.0, "estimates": 40.0, "proposals": 90.0, "moves": 100.0}
    assert stalled(ages.get) == ("loop",)
    assert stalled({"samples": 11.0, "estimates": 12.0}.get) == ("gateway",)
    assert stalled({"samples": 1.0}.get) == ()
