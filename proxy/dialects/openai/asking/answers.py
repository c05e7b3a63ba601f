"""How many answers are asked for, and what makes them differ. Pure."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from proxy.canonical.request import Sampling
from proxy.dialects.openai.asking.row import Row
from proxy.errors import InvalidRequest

MOST_ANSWERS: Final = 8
"""To one request: each is a call of its own, for which other users of the upstream may have to wait."""


def read_answers(row: Row) -> int:
    """How many answers to each prompt are asked for. Raises `InvalidRequest` where not all are wanted that are made."""
    answers, best_of = row.integer("n", 1) or 1, row.integer("best_of", 1)
    if best_of not in (None, answers):
        message = f"Invalid 'best_of': this model gives all the answers that it makes; send 'n' with {best_of}, or leave 'best_of' out."
        raise InvalidRequest(message, param="best_of", code="unsupported_value")
    if answers > MOST_ANSWERS:
        raise too_many_answers("n", answers)
    return answers


def too_many_answers(name: str, answers: int) -> InvalidRequest:
    """The error about a field that asks for so many."""
    message = f"Invalid '{name}': this model gives at most {MOST_ANSWERS} answers to one request, and {answers} were asked for."
    return InvalidRequest(message, param=name, code="unsupported_value")


def with_seed_of(sampling: Sampling, answer: int) -> Sampling:
    """How to choose the tokens of one of several answers to the same: the same seed would make them the same."""
    return sampling if sampling.seed is None or not answer else replace(sampling, seed=sampling.seed + answer)
