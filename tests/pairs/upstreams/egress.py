"""One of the upstreams' APIs: how it plays a scene."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from tests.fake_upstream import CUT, Answer, FakeUpstream, Request, Step, json_answer
from tests.pairs.scenes import Scene
from tests.pairs.told import Asked
from tests.pairs.upstreams.pieces import Json

SSE = {"Content-Type": "text/event-stream"}


@dataclass(frozen=True)
class Egress:
    """One of the upstreams' APIs.

    Attributes:
        root: whether its base URL ends before the version.
        models: path and answer of the list of models.
        paths: where chats are asked for, whole and as a stream.
        in_pieces: whether the arguments of a call come in pieces, so that half of them can be told.
        prompt_path: where plain texts are gone on with, if anywhere.
        continued: a record of a chat as one of such a text.
    """

    name: str
    root: bool
    models: tuple[str, Any]
    paths: tuple[str, ...]
    wants_stream: Callable[[Request], bool]
    whole: Callable[[Scene], Any]
    records: Callable[[Scene], list[Any]]
    written: Callable[[Any], bytes]
    trouble: Any
    refusal: Any
    stream_headers: dict[str, str]
    asked: Callable[[Request], Asked]
    end: bytes = b""
    in_pieces: bool = False
    prompt_path: str = ""
    continued: Callable[[Json], Json] = dict

    def base_url(self, upstream: FakeUpstream) -> str:
        """The address, as an operator would write it."""
        return upstream.origin if self.root else upstream.base_url

    def play(self, upstream: FakeUpstream, scene: Scene) -> None:
        """Lets the upstream play the scene."""
        upstream.on(self.models[0], json_answer(self.models[1]))
        for path in (*self.paths, *([self.prompt_path] if self.prompt_path else [])):
            upstream.on(path, lambda request: self.answer(request, scene))

    def answer(self, request: Request, scene: Scene) -> Answer:
        """The answer of the scene to this request."""
        if scene.end == "refused":
            return json_answer(self.refusal, 400)
        if not self.wants_stream(request):
            if scene.end == "told":
                return json_answer(self.trouble, 500)
            whole = self.whole(scene)
            body = json.dumps(self.continued(whole) if "prompt" in request.json else whole).encode()
            if scene.end:
                return Answer(
                    200, {"Content-Type": "application/json", "Content-Length": str(len(body))}, [body[: len(body) // 2]], "close"
                )
            return Answer(200, {"Content-Type": "application/json"}, [body], "length")
        return Answer(200, self.stream_headers, self.steps(scene, continued="prompt" in request.json))

    def steps(self, scene: Scene, *, continued: bool = False) -> list[Step]:
        """The stream, one record at a time."""
        records = self.records(scene)
        if continued:
            records = [self.continued(record) for record in records]
        if not scene.end:
            return [*map(self.written, records), *([self.end] if self.end else [])]
        begun: list[Step] = [self.written(record) for record in itertools.takewhile(lambda record: not record.get("_late"), records)]
        torn = [record for record in records if record.get("_torn")]
        if torn:
            written = self.written(torn[-1])
            begun.append(written if scene.end == "told" else written[: len(written) // 2])
        ends: dict[str, list[Step]] = {"told": [self.written(self.trouble)], "cut": [CUT], "quiet": []}
        return [*begun, *ends[scene.end]]
