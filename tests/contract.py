"""The contract of the edge, line by line, and which tests hold each line.

A test names the line that it holds: `@pytest.mark.contract(4)`. Every run that includes such a test
prints the table; `tests/test_contract.py` fails where a line has no test and is not said to be
open.
"""

from typing import Final

CONTRACT: Final[dict[int, str]] = {
    1: "heartbeats both ways; who falls silent loses the cells, on the far side by its own timer",
    2: "shed stops writing, keeps what stands, hands back, and comes back as the policy says",
    3: "AUTO only with every permissive, and by way of a stage that predicts and does not write",
    4: "no bump: the first write of a stay is the read-back",
    5: "checks in their order, each needed; what is asked and what is applied are on record",
    6: "read back from the plant's own node, newer than the write; one retry, then shed",
    7: "stale, frozen, bad and future data are found by source time",
    8: "voting of redundant sensors, the lost channel told",
    9: "a trip keeps its first cause over a restart, until a person resets it",
    10: "an operator's override wins at once; changes of limits need two people",
    11: "a bypass has an owner, a reason and an end, and never reaches hard limits",
    12: "clocks that are apart are found, and shed",
    13: "whatever is missing or fails, nothing is written",
    14: "one writer",
    15: "nothing is queued over an outage; what has expired is not sent",
}
# What is not built, or not wholly: said here, so that nobody takes the table for more than it is.
OPEN: Final[dict[int, str]] = {}
