"""The demo's HTTP side: OpenAI's endpoints under `/v1`, answered by the scripts."""

from __future__ import annotations

import base64
import secrets
import struct
import time
from collections.abc import Iterable, Iterator
from typing import Any

import orjson
from flask import Blueprint, Flask, Response, current_app, request
from werkzeug.exceptions import HTTPException

from proxy.demo.answers import Head, Record, chat_body, chat_chunks, completion_body, completion_chunks
from proxy.demo.ask import read_ask
from proxy.demo.errors import Refusal, too_long, unknown_model
from proxy.demo.models import DEMO_MODELS, DemoModel, find_model, model_entry
from proxy.demo.schemas import COMPLETION, EMBEDDINGS, load, texts_of
from proxy.demo.scripts import continuation, script
from proxy.demo.tokens import Answer, Part, say, split_tokens
from proxy.demo.vectors import DEFAULT_DIMENSIONS, embed

v1 = Blueprint("demo", __name__)


def make_demo_app(*, pace_s: float = 0.01) -> Flask:
    """The demo as a Flask app; `pace_s` is the pause between two tokens of a stream."""
    app = Flask("proxy.demo", static_folder=None)
    app.config["DEMO_PACE_S"] = pace_s
    app.register_blueprint(v1, url_prefix="/v1")
    app.register_error_handler(Refusal, lambda refusal: _json(refusal.body(), refusal.status))
    app.register_error_handler(HTTPException, _http_error)
    return app


@v1.post("/chat/completions")
def chat() -> Response:
    ask = read_ask(_payload())
    answer = say(script(ask), ask.stop, ask.max_tokens)
    head = _head("chatcmpl", ask.model)
    if ask.stream:
        return _stream(chat_chunks(answer, head, ask.prompt_tokens, logprobs=ask.logprobs, include_usage=ask.include_usage))
    return _json(chat_body(answer, head, ask.prompt_tokens, logprobs=ask.logprobs))


@v1.post("/completions")
def completions() -> Response:
    model, body = load(COMPLETION, _payload())
    if not model.can("completion"):
        raise Refusal(f"`{model.id}` makes embeddings and does not support completions.", param="model")
    prompts = texts_of(body["prompt"], "prompt")
    answers = [_continue(prompt, body) for prompt in prompts]
    words = sum(len(split_tokens(prompt)) for prompt in prompts)
    head, logprobs = _head("cmpl", model), "logprobs" in body
    if body.get("stream"):
        wanted = bool(body.get("stream_options", {}).get("include_usage"))
        return _stream(completion_chunks(answers, head, words, logprobs=logprobs, include_usage=wanted))
    return _json(completion_body(answers, head, words, logprobs=logprobs))


def _continue(prompt: str, body: dict[str, Any]) -> Answer:
    stop = texts_of(body["stop"], "stop") if body.get("stop") else ()
    text = continuation(prompt, body.get("suffix"))
    return say([Part("content", prompt + text if body.get("echo") else text)], stop, body.get("max_tokens"))


@v1.post("/embeddings")
def embeddings() -> Response:
    model, body = load(EMBEDDINGS, _payload())
    if not model.can("embedding"):
        raise Refusal(f"`{model.id}` does not support embeddings. Use demo-embed.", param="model")
    texts = texts_of(body["input"], "input")
    counts = [len(split_tokens(text)) for text in texts]
    if max(counts) > model.context_length:
        raise too_long(max(counts), model.context_length, "input")
    vectors = [embed(text, body.get("dimensions", DEFAULT_DIMENSIONS)) for text in texts]
    encode = _base64_floats if body.get("encoding_format") == "base64" else list
    data = [{"object": "embedding", "index": at, "embedding": encode(vector)} for at, vector in enumerate(vectors)]
    return _json({"object": "list", "data": data, "model": model.id, "usage": {"prompt_tokens": sum(counts), "total_tokens": sum(counts)}})


@v1.get("/models")
def models() -> Response:
    return _json({"object": "list", "data": [model_entry(model) for model in DEMO_MODELS]})


@v1.get("/models/<path:name>")
def one_model(name: str) -> Response:
    model = find_model(name)
    if model is None:
        raise unknown_model(name)
    return _json(model_entry(model))


def _payload() -> Any:
    try:
        return orjson.loads(request.get_data())
    except orjson.JSONDecodeError as error:
        raise Refusal(f"We could not parse the JSON body of your request: {error}.") from None


def _head(prefix: str, model: DemoModel) -> Head:
    return Head(f"{prefix}-demo-{secrets.token_hex(8)}", int(time.time()), model.id)


def _base64_floats(vector: list[float]) -> str:
    return base64.b64encode(struct.pack(f"<{len(vector)}f", *vector)).decode()


def _json(body: Record, status: int = 200) -> Response:
    return Response(orjson.dumps(body), status, content_type="application/json")


def _stream(records: Iterable[Record]) -> Response:
    return Response(_paced(records, current_app.config["DEMO_PACE_S"]), content_type="text/event-stream; charset=utf-8")


def _paced(records: Iterable[Record], pace_s: float) -> Iterator[bytes]:
    """The records as server-sent events. The pause is `time.sleep`, which under gevent lets all others run."""
    for record in records:
        yield b"data: " + orjson.dumps(record) + b"\n\n"
        time.sleep(pace_s)
    yield b"data: [DONE]\n\n"


def _http_error(error: HTTPException) -> Response:
    refusal = Refusal(f"{request.method} {request.path}: {error.name}", status=error.code or 500)
    return _json(refusal.body(), refusal.status)
