"""Conversations: how long their parts are, and how long their people think.

Lengths are in tokens, drawn anew for each seed. They are made up, in the proportions of chats of which some begin with a long document.
"""

from __future__ import annotations

import math
import random
from collections.abc import Iterator
from dataclasses import dataclass

# What the conversations of an application begin with.
APPLICATIONS = 20
SYSTEM_TOKENS = 500
THINKING_S = 12.0


@dataclass(frozen=True, slots=True)
class Turn:
    """One request of a conversation.

    Attributes:
        told: how many tokens of its prompt are new, after the earlier turns and their answers.
        answered: how many its answer has.
        thought_s: how long the person then waits before the next turn.
    """

    told: int
    answered: int
    thought_s: float


@dataclass(frozen=True, slots=True)
class Conversation:
    """Turns that follow each other. Conversations with the same `key` have the same system prompt and begin with the same words."""

    name: int
    application: int
    key: bytes
    turns: tuple[Turn, ...]


@dataclass(frozen=True, slots=True)
class Load:
    """A kind of traffic.

    Attributes:
        per_s: how many conversations begin in a second.
        alike: share of conversations that all begin with the same words, and have one turn: a job that asks the same of many things.
    """

    per_s: float
    alike: float = 0.0

    def arrivals(self, seed: int, until_s: float) -> Iterator[tuple[float, Conversation]]:
        """When conversations begin, and which."""
        chance = random.Random(seed)  # noqa: S311 - the same each time
        now_s, name = 0.0, 0
        while (now_s := now_s + chance.expovariate(self.per_s)) < until_s:
            name += 1
            yield now_s, _one_of_many(name, chance) if chance.random() < self.alike else _a_chat(name, chance)


def _a_chat(name: int, chance: random.Random) -> Conversation:
    has_document = chance.random() < 0.3
    opening = _about(chance, 4000 if has_document else 200)
    later = (_about(chance, 80) for _ in range(_geometric(chance, mean=5) - 1))
    turns = tuple(Turn(told, _about(chance, 180), chance.expovariate(1 / THINKING_S)) for told in (opening, *later))
    return Conversation(name, chance.randrange(APPLICATIONS), b"chat %d" % name, turns)


def _one_of_many(name: int, chance: random.Random) -> Conversation:
    return Conversation(name, APPLICATIONS, b"alike", (Turn(_about(chance, 300), _about(chance, 180), 0.0),))


def _about(chance: random.Random, median: int) -> int:
    return max(1, round(median * chance.lognormvariate(0, 0.7)))


def _geometric(chance: random.Random, mean: float) -> int:
    return 1 + int(math.log(1 - chance.random()) / math.log(1 - 1 / mean))
