"""What a person at the terminal sees of a run: its start process by process, then one line."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import TracebackType
from typing import Final, Self

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.spinner import Spinner
from rich.table import Table
from rich.text import Text

from ops.units import Change, UnitState

_PLAIN_EVERY_S: Final = 10.0  # on a pipe: a line that refreshes would be a flood
_MARK: Final = {
    UnitState.WAITING: Text("·", style="dim"),
    UnitState.READY: Text("✓", style="green"),
    UnitState.RESTARTING: Text("!", style="yellow"),
    UnitState.STOPPED: Text("-", style="dim"),
}


@dataclass(frozen=True, slots=True)
class Status:
    """A run at one moment.

    Attributes:
        address: of the control room.
        seconds: since the start, wall time.
        plant_s: how far the plant has come since its first sample, plant time.
        lost: points that are known to be lost.
        latency_p99_ms: from source to written.
        modes: mode -> number of cells.
        stalled: names of processes that make no progress.
    """

    address: str
    seconds: float
    plant_s: float
    speed: float | None
    cells: int
    samples_per_s: float
    lost: int
    rejected: int
    moves_verified: int
    latency_p99_ms: float | None
    modes: Mapping[str, int]
    restarts: int
    stalled: tuple[str, ...] = ()


def clock_text(seconds: float) -> str:
    """Return a duration as 0:00 or 0:00:00."""
    minutes, second = divmod(int(seconds), 60)
    hours, minute = divmod(minutes, 60)
    return f"{hours}:{minute:02}:{second:02}" if hours else f"{minute}:{second:02}"


def status_line(status: Status) -> Text:
    """Return the run in one line; colour only for what is not as it should be."""
    p99 = status.latency_p99_ms
    speed = "" if status.speed is None else f" {status.speed:g}x"
    parts = [
        Text(status.address, style="bold"),
        Text(clock_text(status.seconds)),
        Text(f"plant {clock_text(status.plant_s)}{speed}"),
        Text(f"{status.cells} cells"),
        Text(f"{status.samples_per_s:.0f} samples/s"),
        Text(f"lost {status.lost}", style="bold red" if status.lost else ""),
        Text(f"rejected {status.rejected}", style="yellow" if status.rejected else ""),
        Text(f"moves {status.moves_verified}"),
        Text("p99 -" if p99 is None else f"p99 {p99:.0f} ms"),
        Text(" ".join(f"{mode} {count}" for mode, count in sorted(status.modes.items()))),
    ]
    if status.restarts:
        parts.append(Text(f"restarts {status.restarts}", style="yellow"))
    parts += [Text(f"{name} stalled", style="bold red") for name in status.stalled]
    return Text("  ").join(part for part in parts if part.plain)


class Screen:
    """The terminal of a run: refreshed in place on a terminal, plain lines elsewhere.

    Args:
        names: of everything that will be started, in the order of the table.
        clock_s: monotonic.
    """

    def __init__(
        self,
        console: Console,
        names: tuple[str, ...],
        clock_s: Callable[[], float] = time.monotonic,
    ) -> None:
        self._console = console
        self._clock_s = clock_s
        self._states = dict.fromkeys(names, UnitState.WAITING)
        self._ready_after_s: dict[str, float] = {}
        self._spinner = Spinner("dots")
        self._line: Text | None = None
        self._is_starting = True
        self._printed_at_s = float("-inf")
        self._live = (
            Live(console=console, get_renderable=self._render, refresh_per_second=8)
            if console.is_terminal
            else None
        )

    def __enter__(self) -> Self:
        if self._live is not None:
            self._live.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._live is not None:
            self._live.stop()

    def say(self, text: str, style: str = "") -> None:
        """Print a line that stays."""
        self._console.print(Text(text, style=style), soft_wrap=True)

    def note(self, change: Change) -> None:
        """Show that a process or step has come to another state."""
        self._states[change.name] = change.state
        if change.state is UnitState.RESTARTING:
            self.say(f"{change.name} ended ({change.why}); starting it again.", "yellow")
        if change.state is UnitState.STOPPED and change.why:
            self.say(f"{change.name} {change.why}.", "yellow")
        if change.state is UnitState.READY and change.name not in self._ready_after_s:
            self._ready_after_s[change.name] = change.seconds
            if self._live is None:
                self.say(f"{change.name} ready after {change.seconds:.1f} s")
        if all(state is UnitState.READY for state in self._states.values()):
            self._is_starting = False

    def show(self, status: Status) -> None:
        """Show how the run stands; on a pipe only every ten seconds."""
        self._line = status_line(status)
        if self._live is None and self._clock_s() - self._printed_at_s >= _PLAIN_EVERY_S:
            self._printed_at_s = self._clock_s()
            self._console.print(self._line, soft_wrap=True)

    def finish(self, status: Status) -> None:
        """Show the last status and what is being ended."""
        self._is_starting = False
        self._printed_at_s = float("-inf")
        self.show(status)

    def _render(self) -> RenderableType:
        parts: list[RenderableType] = []
        if self._is_starting:
            parts.append(self._progress())
        if self._line is not None:
            line = self._line.copy()
            line.truncate(self._console.width, overflow="ellipsis")
            parts.append(line)
        return Group(*parts)

    def _progress(self) -> Table:
        table = Table.grid(padding=(0, 2))
        for name, state in self._states.items():
            mark = self._spinner if state is UnitState.STARTING else _MARK[state]
            after_s = self._ready_after_s.get(name)
            table.add_row(
                mark,
                Text(name, style="dim" if state is UnitState.WAITING else ""),
                Text(str(state), style="dim"),
                Text("" if after_s is None else f"{after_s:.1f} s", style="dim"),
            )
        return table
