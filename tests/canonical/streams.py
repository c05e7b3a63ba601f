"""Streams of events for tests, by hand and by chance."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from hypothesis import strategies as st

from proxy.canonical.events import ChatEvent, Finished, KeepAlive, PartClosed, PartDelta, PartOpened, Started


def a_text(*deltas: str | PartDelta) -> list[ChatEvent]:
    """A text part with these deltas."""
    return [PartOpened("text"), *(PartDelta(delta) if isinstance(delta, str) else delta for delta in deltas), PartClosed()]


def a_stream(*parts: Sequence[ChatEvent], end: ChatEvent | None = None) -> list[ChatEvent]:
    """A legal stream with these parts."""
    return [Started("id"), *(event for part in parts for event in part), end or Finished("stop", "stop")]


def merged(events: Iterable[ChatEvent]) -> list[ChatEvent]:
    """`events` without what depends on the cuts between deltas: neighbouring deltas are one, empty ones none."""
    out: list[ChatEvent] = []
    for event in events:
        if isinstance(event, PartDelta):
            last = out[-1] if out else None
            if isinstance(last, PartDelta):
                out[-1] = PartDelta(last.text + event.text, [*(last.logprobs or ()), *(event.logprobs or ())] or None)
            elif event.text or event.logprobs:
                out.append(event)
        elif not isinstance(event, KeepAlive):
            out.append(event)
    return out


def token(text: str) -> PartDelta:
    """A delta of one token with its log probability."""
    return PartDelta(text, [{"token": text, "logprob": -0.5}])


def cuts_of(text: str) -> st.SearchStrategy[list[str]]:
    """All ways to cut `text` into pieces."""
    return st.lists(st.integers(0, len(text)), max_size=8).map(
        lambda at: [text[begin:end] for begin, end in zip([0, *sorted(at)], [*sorted(at), len(text)], strict=True)]
    )


def texts_of(events: Iterable[ChatEvent]) -> list[tuple[str, str]]:
    """The parts as pairs of kind and text."""
    parts: list[tuple[str, str]] = []
    for event in events:
        if isinstance(event, PartOpened):
            parts.append((event.kind, ""))
        elif isinstance(event, PartDelta):
            parts[-1] = (parts[-1][0], parts[-1][1] + event.text)
    return parts
