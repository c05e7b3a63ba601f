"""What is noted of every exchange, and the names under which it is shown. One place for metric names and labels."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

# How an answer ended: by itself; by an error before or during the stream; because the client left; without the upstream's own end.
End = Literal["", "finished", "failed", "client_gone", "truncated"]


@dataclass(slots=True)
class ExchangeNotes:
    """What happened in one exchange. Filled on the way by whoever knows; read once, when the response is closed.

    Attributes:
        endpoint: what was asked, for logs and metrics (`ollama.chat`, `openai.chat`).
        model: the name asked for; `known_model` says whether it may be a metric label (it is listed), else the label is `other`.
        first_byte_s: seconds from the request's arrival to the first byte of the answer's body.
    """

    endpoint: str = ""
    model: str = ""
    known_model: bool = False
    upstream: str = ""
    upstream_model: str = ""
    stream: bool = False
    attempts: int = 0
    repairs: int = 0
    first_byte_s: float | None = None
    bytes_sent: int = 0
    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    finish_reason: str = ""
    end: End = ""
    error_kind: str = ""
    error_message: str = ""
