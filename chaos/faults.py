"""What can be wrong with a replica, and how it is told so. Pure, but for chance, which comes from a seed."""

from __future__ import annotations

import random
from dataclasses import asdict, dataclass
from typing import Literal, get_args

import orjson

Kind = Literal[
    "status",  # answers with `status`, and with Retry-After when `retry_after_s` says so
    "reset",  # reads the request and resets the connection
    "reset_at_once",  # resets each connection as soon as it is made
    "close",  # reads the request and closes the connection
    "not_http",  # answers with bytes that are no HTTP
    "html",  # answers 200 with a page, as captive portals do
    "not_json",  # answers 200 with what should be JSON, or SSE of JSON, and is none
    "hang",  # reads the request and says nothing
    "slow",  # waits for `wait_s` before it answers well
    "cut",  # closes the connection in the middle of its answer
    "ends_early",  # ends a stream in good form, but without its last tokens and without a finish
    "error_first",  # answers 200 with an error in its body, a stream's first event
    "error_mid",  # breaks a stream off with an event that is an error
]
KINDS: tuple[Kind, ...] = get_args(Kind)

IN_THE_MIDDLE: frozenset[Kind] = frozenset({"cut", "ends_early", "error_mid"})
"""Those that break an answer that has begun well: of streams, that is. A whole answer is cut, too, and that is all."""


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that is wrong. `after_tokens` says where an answer breaks."""

    kind: Kind
    status: int = 500
    retry_after_s: int | None = None
    wait_s: float = 1.0
    after_tokens: int = 3


@dataclass(frozen=True, slots=True)
class Mode:
    """How a replica behaves. No faults: it is well.

    Attributes:
        faults: one of them, by chance, is each time what is wrong.
        share: of the requests that meet a fault.
        chats_only: whether its list of models is well meanwhile.
    """

    faults: tuple[Fault, ...] = ()
    share: float = 1.0
    seed: int = 0
    chats_only: bool = False

    def to_json(self) -> bytes:
        return orjson.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: bytes) -> Mode:
        members = orjson.loads(text)
        return cls(**{**members, "faults": tuple(Fault(**fault) for fault in members["faults"])})


WELL = Mode()


class Chance:
    """The faults of a mode, one request after the other: the same for the same seed."""

    def __init__(self, mode: Mode) -> None:
        self.mode = mode
        self._random = random.Random(mode.seed)  # noqa: S311 - chance that can be repeated

    def next(self, is_chat: bool) -> Fault | None:
        """What is wrong with the answer to the next request."""
        if not self.mode.faults or (self.mode.chats_only and not is_chat) or self._random.random() >= self.mode.share:
            return None
        fault = self._random.choice(self.mode.faults)
        return None if fault.kind in IN_THE_MIDDLE and not is_chat else fault
