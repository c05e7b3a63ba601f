"""Requests that only load or unload a model: how they are told apart; and what else of a request has no canonical field. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from proxy.canonical.request import ChatRequest, PromptRequest

KEEP_ALIVE = "keep_alive_s"
"""The key in a request's `extra` under which the client's `keep_alive` stands: seconds as a float, `math.inf` for "forever"."""

LoadReason = Literal["load", "unload"]


def load_reason(request: ChatRequest | PromptRequest) -> LoadReason | None:
    """The `done_reason` of a request that asks no model for anything, or `None` when there is something to answer.

    A chat without messages, or a generate without prompt (whatever else it brings), loads the model; with `keep_alive` 0 it unloads it.
    """
    asked = request.messages if isinstance(request, ChatRequest) else request.prompt
    if asked:
        return None
    return "unload" if request.extra.get(KEEP_ALIVE) == 0 else "load"


def is_unload(prompt: str | None, row: Mapping[str, Any]) -> bool:
    """Whether a generate, still unread, unloads: Ollama then looks at nothing else."""
    return not prompt and row.get("keep_alive") == 0


def extra_options(row: Mapping[str, Any], options: Mapping[str, Any]) -> dict[str, Any]:
    """What has no canonical field: the wished window `num_ctx`, and `keep_alive` under `KEEP_ALIVE`."""
    extra = {}
    if options.get("num_ctx", 0) > 0:
        extra["num_ctx"] = options["num_ctx"]
    if "keep_alive" in row:
        extra[KEEP_ALIVE] = row["keep_alive"]
    return extra
