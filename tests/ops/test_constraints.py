"""What is installed is what was tried: every distribution is pinned, transitive ones too."""

import re
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, requires
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[2]
PINNED = {
    canonicalize_name(line.split("==")[0])
    for line in (ROOT / "constraints.txt").read_text().splitlines()
}


def needed(
    name: str, extras: frozenset[str], seen: set[tuple[str, frozenset[str]]]
) -> Iterator[str]:
    """Yield what a distribution needs here, and what that needs in turn."""
    if (name, extras) in seen:
        return
    seen.add((name, extras))
    try:
        wanted = [Requirement(text) for text in requires(name) or ()]
    except PackageNotFoundError:
        return
    for requirement in wanted:
        marker = requirement.marker
        if marker is None or any(marker.evaluate({"extra": e}) for e in extras | {""}):
            found = canonicalize_name(requirement.name)
            yield found
            yield from needed(found, frozenset(requirement.extras), seen)


def test_every_distribution_that_development_needs_is_pinned() -> None:
    names = set(needed("potline", frozenset({"dev"}), set())) - {"potline"}
    assert len(names) > 50
    assert sorted(names - PINNED) == []


def test_a_pin_is_one_version() -> None:
    for line in (ROOT / "constraints.txt").read_text().splitlines():
        assert re.fullmatch(r"[A-Za-z0-9._-]+==[A-Za-z0-9.+!]+", line), line
