"""Requests that only load or unload a model: how they are told apart. Pure."""

from __future__ import annotations

from typing import Literal

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
