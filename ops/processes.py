"""The process table: every program of a run, what it needs, how it is tended, what it means when it
is down.

A row is data; `ops.supervise` starts and tends whatever rows it is given. The broker, Redis and the
simulator are started only where the settings name no address of their own.
"""

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class RestartBudget:
    """How often a process may end by itself before the whole run ends, or goes on without it.

    Attributes:
        restarts: this many within `window_s` are forgiven.
        first_wait_s, longest_wait_s: the wait before a restart doubles from one to the other.
    """

    restarts: int = 5
    window_s: float = 60.0
    first_wait_s: float = 0.2
    longest_wait_s: float = 5.0


@dataclass(frozen=True, slots=True)
class Health:
    """Which topics show that a process makes progress; being alive shows nothing.

    While the newest message of `writes` is older than that of `reads` by more than `max_age_s`, the
    operator is told that the process is stalled. It is not ended for it: the loop and the guard end
    themselves where the fault is theirs (`stream/watchdog.py`), and a gateway is as silent when it
    is the plant that is away.

    Attributes:
        writes: topic.
        reads: topic; None for a process that reads none, which is then to write all the time.
    """

    writes: str
    max_age_s: float
    reads: str | None = None


@dataclass(frozen=True, slots=True)
class Process:
    """One row: a program of the run.

    Attributes:
        name: also the name of its log and of its row in the report.
        command: what follows `potline`; empty for a program that is not ours.
        after: names of what must be ready before it starts (processes, or the step "topics").
        stop_rank: the lower, the earlier it is asked to end; equal ranks end together.
        stop_grace_s: how long it may take to end before it is killed.
        needs_setting: the settings key without which it is not started.
        stands_in_for: the settings key that, when set, names an outside one and keeps this from
            being started.
        copies_setting: the settings key that says how many run; None for one.
        is_vital: whether the run ends when this cannot be kept up; else it is started again and
            again, at the longest wait, while the others go on.
        health: how a stall is seen; None where no topic shows it.
        niceness: above 0 it gives way to the loop where processor time is short.
    """

    name: str
    does: str
    if_it_stops: str
    command: str = ""
    after: tuple[str, ...] = ()
    stop_rank: int = 4
    stop_grace_s: float = 3.0
    ready_deadline_s: float = 60.0
    restarts: RestartBudget = RestartBudget()
    needs_setting: str | None = None
    stands_in_for: str | None = None
    copies_setting: str | None = None
    is_vital: bool = True
    health: Health | None = None
    niceness: int = 0


TOPICS_STEP: Final = "topics"  # not a process: all topics exist, so that no worker starts deaf

BROKER: Final = Process(
    name="broker",
    does="Apache Kafka, one node, with its log in the run folder",
    if_it_stops="frames wait in the gateway; the loop holds; nothing acknowledged is lost",
    stop_rank=5,
    stands_in_for="kafka.address",
)
REDIS: Final = Process(
    name="redis",
    does="keeps the live picture for the control room",
    if_it_stops="the control room shows no fresh picture; the loop is unaffected",
    stop_rank=5,
    stands_in_for="redis.address",
    is_vital=False,
)
SCADA: Final = Process(
    name="scada",
    command="scada",
    does="simulates the line behind an OPC UA server",
    if_it_stops="the gateway and the guard report scada_lost and reconnect; nothing is written",
    stands_in_for="opcua.endpoint",
)
GATEWAY: Final = Process(
    name="gateway",
    command="gateway",
    does="reads the plant's nodes and publishes samples",
    if_it_stops="the loop holds on stale samples; the estimate predicts through the gap",
    health=Health(writes="samples", max_age_s=10.0),
    after=(TOPICS_STEP, "scada", "loop"),  # so that no sample waits for a compiler
    stop_rank=1,
    stop_grace_s=2.0,
)
LOOP: Final = Process(
    name="loop",
    command="loop",
    does="screens, estimates and decides, a worker per group of partitions",
    if_it_stops="last setpoints stay; its sections are taken up by another worker or its restart",
    health=Health(writes="estimates", max_age_s=30.0, reads="samples"),
    # Compiles before it needs Kafka, so it starts at once and waits for the topics by itself.
    stop_rank=2,
    copies_setting="loop.workers",
)
GUARD: Final = Process(
    name="guard",
    command="guard",
    does="checks every move, writes it, reads it back, keeps the heartbeat",
    if_it_stops="its heartbeat stops and SCADA takes the cells back to local control",
    health=Health(writes="moves", max_age_s=30.0, reads="proposals"),
    after=(TOPICS_STEP, "scada"),
    stop_rank=3,
)
FEED: Final = Process(
    name="feed",
    command="feed",
    does="folds the topics into the live picture in Redis",
    if_it_stops="the control room shows its picture as stale; the loop is unaffected",
    is_vital=False,
    niceness=5,
    after=(TOPICS_STEP, "redis"),
)
UI: Final = Process(
    name="ui",
    command="ui",
    does="serves the control room and sends commands",
    if_it_stops="no page and no commands; the loop is unaffected",
    is_vital=False,
    niceness=5,
    after=(TOPICS_STEP, "redis"),
)

FRONT: Final = Process(
    name="front",
    command="front",
    does="shows over OPC UA what potline does, and takes what people ask",
    if_it_stops="its clients see the connection end; the loop is unaffected",
    needs_setting="front.endpoint",
    is_vital=False,
    niceness=5,
    after=(TOPICS_STEP, "guard"),
)

PROCESSES: Final = (BROKER, REDIS, SCADA, GATEWAY, LOOP, GUARD, FEED, UI, FRONT)
BY_NAME: Final = {process.name: process for process in PROCESSES}


def instance_names(process: Process, copies: int) -> tuple[str, ...]:
    """Return the names under which `copies` of a process run: its own, or `name-1` onwards."""
    if copies == 1:
        return (process.name,)
    return tuple(f"{process.name}-{number}" for number in range(1, copies + 1))
