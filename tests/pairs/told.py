"""What came of an exchange, in the words of no dialect: `Asked` at the upstream, `Told` at the client."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

Turn = tuple[str, ...]


@dataclass
class Asked:
    """What an upstream was asked.

    Attributes:
        turns: who says what, in order: `("system", text)`, `("user", text)`, `("image", base64)`, `("model", text)`,
            `("call", name, arguments)`, `("result", arguments of its call, text)`, `("failed", ...)` for one that is marked as an error.
        ids: those of the calls, in order.
    """

    model: str
    stream: bool
    turns: list[Turn] = field(default_factory=list)
    tools: dict[str, Any] = field(default_factory=dict)
    ids: list[str] = field(default_factory=list)

    def said_by(self, *roles: str) -> list[Turn]:
        return [turn for turn in self.turns if turn[0] in roles]


@dataclass
class Told:
    """What a client was told.

    Attributes:
        matched: the stop sequence that ended it, where the client is told.
        ended: whether the answer came to its own end.
        error: the message of an error, wherever it stood.
    """

    status: int = 200
    text: str = ""
    thoughts: str = ""
    calls: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    ids: list[str] = field(default_factory=list)
    finish: str = ""
    matched: str = ""
    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    ended: bool = False
    error: str = ""


def events(body: bytes) -> list[tuple[str, Any]]:
    """The server-sent events of a body: names (`""` for none) and decoded data; `[DONE]` as it is."""
    found: list[tuple[str, Any]] = []
    for block in body.decode().replace("\r\n", "\n").split("\n\n"):
        name, data = "", []
        for line in block.split("\n"):
            key, _, value = line.partition(":")
            if key == "event":
                name = value.strip()
            elif key == "data":
                data.append(value.removeprefix(" "))
        if data:
            text = "\n".join(data)
            found.append((name, text if text == "[DONE]" else json.loads(text)))
    return found


def lines(body: bytes) -> list[Any]:
    """The records of NDJSON; none may be blank."""
    return [json.loads(line) for line in body.decode().removesuffix("\n").split("\n")] if body else []


def same(call: dict[str, Any] | str) -> str:
    """Arguments, comparable."""
    return json.dumps(json.loads(call) if isinstance(call, str) else call, sort_keys=True)
