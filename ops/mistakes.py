"""Mistakes in what a person wrote: all of them at once, each with what is allowed and where it is.

Errors::

    ConfigurationError   one or more mistakes; `potline` prints them and exits with 2
    OperationError       something outside does not work; `potline` prints it and exits with 1
"""

from collections.abc import Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any, Final

_UNKNOWN: Final = {"extra_forbidden", "unexpected_keyword_argument"}
_MISSING: Final = {"missing", "missing_argument"}
_SHOWN_CHARACTERS: Final = 60


@dataclass(frozen=True, slots=True)
class Mistake:
    """One thing that is wrong.

    Attributes:
        key: where in the settings or plant file, dotted.
        found: the value as written; empty where nothing was written.
        remedy: what is allowed, or what to do, as a sentence.
        origin: the file, environment variable or flag that it came from.
    """

    key: str
    found: str
    remedy: str
    origin: str

    def __str__(self) -> str:
        found = f" = {self.found}" if self.found else ""
        return f"{self.key}{found} ({self.origin}): {self.remedy}"


class ConfigurationError(ValueError):
    """What a person wrote cannot be used; carries every mistake found."""

    def __init__(self, mistakes: Sequence[Mistake]) -> None:
        self.mistakes = tuple(mistakes)
        super().__init__("\n".join(str(mistake) for mistake in mistakes))


class OperationError(RuntimeError):
    """Something outside potline does not work; the message names it and the remedy."""


def nearest(name: str, known: Sequence[str]) -> str:
    """Return a hint at the known name most like `name`, or at all of them."""
    close = get_close_matches(name, known, n=1, cutoff=0.6)
    if close:
        return f"unknown name. Did you mean {close[0]}?"
    return f"unknown name. Known are: {', '.join(known)}."


def shown(value: object) -> str:
    """Return a value as a person would write it, cut to a readable length."""
    text = repr(value)
    return text if len(text) <= _SHOWN_CHARACTERS else text[: _SHOWN_CHARACTERS - 3] + "..."


def mistake_of(error: Any, key: str, origin: str, known: Sequence[str]) -> Mistake:
    """Turn one row of pydantic's `ValidationError.errors()` into a mistake.

    Args:
        error: a `pydantic_core.ErrorDetails`.
        key: dotted key of the place.
        origin: where its value came from.
        known: names allowed at that place, for the hint at a misspelt one.
    """
    kind = error["type"]
    if kind in _UNKNOWN:
        return Mistake(key, shown(error["input"]), nearest(key.rpartition(".")[2], known), origin)
    if kind in _MISSING:
        return Mistake(key, "", "is missing. Remedy: add it.", origin)
    if kind in {"value_error", "assertion_error"}:
        sentence = str(error["ctx"]["error"])
        found = "" if isinstance(error["input"], (dict, list)) else shown(error["input"])
        return Mistake(key, found, _ended(sentence), origin)
    remedy = error["msg"].replace("Input should be", "must be").replace("Value error, ", "")
    return Mistake(key, shown(error["input"]), _ended(remedy), origin)


def _ended(sentence: str) -> str:
    return sentence if sentence.endswith((".", "?")) else sentence + "."
