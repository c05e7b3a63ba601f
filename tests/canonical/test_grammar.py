from __future__ import annotations

import pytest

from proxy.canonical.completion import Usage
from proxy.canonical.events import ChatEvent, Failed, Finished, KeepAlive, PartClosed, PartDelta, PartOpened, Started, UsageSeen
from proxy.canonical.grammar import GrammarError, check
from proxy.errors import UpstreamBroken

STARTED, OPENED, DELTA, CLOSED, FINISHED = Started("id"), PartOpened("text"), PartDelta("x"), PartClosed(), Finished("stop")
FAILED, USAGE, ALIVE = Failed(UpstreamBroken("x")), UsageSeen(Usage(1, 2)), KeepAlive()
CALL = PartOpened("tool_call", "a", "f")


@pytest.mark.parametrize(
    "events",
    [
        [STARTED, FINISHED],
        [STARTED, OPENED, DELTA, DELTA, CLOSED, CALL, CLOSED, FINISHED],
        [ALIVE, STARTED, ALIVE, USAGE, OPENED, USAGE, ALIVE, DELTA, CLOSED, USAGE, FINISHED],
        [FAILED],
        [ALIVE, FAILED],
        [STARTED, FAILED],
        [STARTED, OPENED, DELTA, FAILED],
        [STARTED, CALL, CLOSED, PartOpened("tool_call", "b", "f"), CLOSED, FINISHED],
    ],
)
def test_legal_streams_pass(events: list[ChatEvent]) -> None:
    check(events)


@pytest.mark.parametrize(
    "events",
    [
        [],
        [STARTED],
        [STARTED, OPENED, DELTA, CLOSED],
        [FINISHED],
        [USAGE, STARTED, FINISHED],
        [OPENED, CLOSED, FINISHED],
        [Started(""), FINISHED],
        [STARTED, STARTED, FINISHED],
        [STARTED, DELTA, FINISHED],
        [STARTED, CLOSED, FINISHED],
        [STARTED, OPENED, OPENED, CLOSED, FINISHED],
        [STARTED, OPENED, FINISHED],
        [STARTED, FINISHED, ALIVE],
        [STARTED, FINISHED, FINISHED],
        [STARTED, FAILED, FINISHED],
        [STARTED, PartOpened("tool_call", "a"), CLOSED, FINISHED],
        [STARTED, PartOpened("tool_call", "", "f"), CLOSED, FINISHED],
        [STARTED, CALL, CLOSED, CALL, CLOSED, FINISHED],
    ],
)
def test_illegal_streams_are_refused(events: list[ChatEvent]) -> None:
    with pytest.raises(GrammarError):
        check(events)
