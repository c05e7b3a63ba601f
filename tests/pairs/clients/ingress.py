"""One of the clients' APIs: how a scene is asked in it, and what all readers of answers share."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from flask.testing import FlaskClient

from tests.pairs.scenes import Scene
from tests.pairs.told import Told

Json = dict[str, Any]


@dataclass(frozen=True)
class Ingress:
    """One of the clients' APIs."""

    name: str
    dialect: str
    path: str
    body: Callable[[Scene], Json]
    read_stream: Callable[[bytes], Told]
    read_whole: Callable[[Any], Told]
    headers: Mapping[str, str]

    def ask(self, client: FlaskClient, scene: Scene, *, stream: bool, **more: Any) -> Told:
        """What the client is told."""
        body = {"model": "m", **self.body(scene), "stream": stream, **more}
        answer = client.post(self.path, json=body, headers=dict(self.headers))
        if answer.status_code != 200:
            return Told(answer.status_code, error=message_of(answer.get_json()))
        told = self.read_stream(answer.data) if stream else self.read_whole(json.loads(answer.data))
        told.status = answer.status_code
        return told


def message_of(body: Any) -> str:
    error = body["error"]
    message = error if isinstance(error, str) else error["message"]
    assert isinstance(message, str)
    assert message
    return message


def add_call(told: Told, id: str, name: str, arguments: Any) -> None:  # noqa: A002 (as the records call it)
    try:
        told.calls.append((name, json.loads(arguments) if isinstance(arguments, str) else arguments))
    except json.JSONDecodeError:
        assert told.finish in ("length", "content_filter")  # Only these say that nobody may act upon it.
        return
    told.ids.append(id)


def counted(told: Told, usage: Any, prompt: str, completion: str) -> Told:
    told.prompt_tokens, told.completion_tokens = usage.get(prompt), usage.get(completion)
    return told
