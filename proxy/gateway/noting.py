"""What the corridor notes of an exchange's end, for the log and the metrics."""

from __future__ import annotations

from collections.abc import Sequence

from proxy.canonical.completion import Usage
from proxy.canonical.events import ChatEvent, Failed, Finished, UsageSeen
from proxy.errors import ProxyError, UpstreamBroken
from proxy.telemetry import ExchangeNotes


def note_usage(notes: ExchangeNotes, usage: Usage) -> None:
    """Notes the tokens; unknown ones stay unknown."""
    notes.prompt_tokens, notes.completion_tokens = usage.prompt_tokens, usage.completion_tokens


def note_end(notes: ExchangeNotes, usage: Usage, finish_reason: str) -> None:
    """Notes an answer that is complete."""
    note_usage(notes, usage)
    notes.finish_reason, notes.end = finish_reason, "finished"


def note_failure(notes: ExchangeNotes, error: ProxyError) -> None:
    """Notes an answer that failed after it had begun."""
    notes.end = "truncated" if isinstance(error, UpstreamBroken) else "failed"
    notes.error_kind, notes.error_message = error.kind, error.message
    notes.failures.append(error.kind)


def note_late_failure(notes: ExchangeNotes, error: ProxyError) -> None:
    """Notes an answer that never began, though its status was sent. What failed on the way was noted then."""
    notes.end, notes.error_kind, notes.error_message = "failed", error.kind, error.message


def note_events(notes: ExchangeNotes, events: Sequence[ChatEvent]) -> bool:
    """Notes what these events say of the end of a stream; whether they end it."""
    for event in events:
        if type(event) is UsageSeen:
            note_usage(notes, event.usage)
        elif type(event) is Finished:
            notes.finish_reason, notes.end = event.finish_reason, "finished"
            return True
        elif type(event) is Failed:
            note_failure(notes, event.error)
            return True
    return False
