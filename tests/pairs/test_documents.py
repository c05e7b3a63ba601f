"""Documents, pictures and sounds, in every pair: shown, or refused in words that say where in the client's request they stand."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest

from tests.fake_upstream import FakeUpstream
from tests.pairs.clients import INGRESSES, PROMPTS
from tests.pairs.conftest import Gateway
from tests.pairs.scenes import Scene
from tests.pairs.told import Told
from tests.pairs.upstreams import EGRESSES, Egress

Json = dict[str, Any]
BY_NAME = {ingress.name: ingress for ingress in (*INGRESSES, *PROMPTS)}
PLAIN = Scene("plain")
ON_ALL = pytest.mark.parametrize("egress", EGRESSES, ids=[f"on {egress.name}" for egress in EGRESSES])
OF_OPENAI = ("openai.chat", "openai.responses")

WORDS = "The price of one is 42."
PDF = base64.b64encode(b"%PDF-1.4\n1 0 obj\n<<>>\nendobj\n").decode()
SHEET = base64.b64encode(b"PK\x03\x04 cells").decode()
HEIC = base64.b64encode(b"\0\0\0\x18ftypheic\0\0\0\0").decode()
FLAC = base64.b64encode(b"fLaC\0\0\0\x22").decode()


def ask(gateway_of: Gateway, upstream: FakeUpstream, egress: Egress, name: str, body: Json, *, stream: bool = False) -> tuple[Told, Json]:
    """What the client is told, and what the upstream was asked: nothing where the gateway refused."""
    egress.play(upstream, PLAIN)
    told = BY_NAME[name].ask(gateway_of(upstream, egress), PLAIN, stream=stream, **body)
    asked = [request.json for request in upstream.requests if request.method == "POST" and not request.path.endswith("/responses")]
    assert len(asked) == (told.status == 200)
    return told, asked[0] if asked else {}


def a_document(mime: str, data: str, title: str = "prices") -> dict[str, Json]:
    """A question about it, in each language that has documents."""
    url = f"data:{mime};base64,{data}"
    question = {"type": "text", "text": "How much?"}
    source = {"type": "base64", "media_type": mime, "data": data}
    if mime == "text/plain":
        source = {"type": "text", "media_type": mime, "data": WORDS}
    return {
        "openai.chat": {
            "messages": [{"role": "user", "content": [question, {"type": "file", "file": {"filename": title, "file_data": url}}]}]
        },
        "openai.responses": {
            "input": [
                {
                    "role": "user",
                    "content": [
                        {"type": "input_text", "text": "How much?"},
                        {"type": "input_file", "filename": title, "file_data": url},
                    ],
                }
            ]
        },
        "anthropic.messages": {
            "messages": [{"role": "user", "content": [{"type": "document", "source": source, "title": title}, question]}]
        },
    }


def holds(body: Json, *wanted: str) -> bool:
    """Whether one of these stands in what the upstream was asked."""
    written = json.dumps(body, ensure_ascii=False)
    return any(word in written for word in wanted)


@ON_ALL
@pytest.mark.parametrize("name", a_document("text/plain", ""))
def test_a_text_that_is_shown_is_read_everywhere(gateway_of: Gateway, upstream: FakeUpstream, name: str, egress: Egress) -> None:
    encoded = base64.b64encode(WORDS.encode()).decode()
    told, asked = ask(gateway_of, upstream, egress, name, a_document("text/plain", encoded)[name])
    assert told.text == PLAIN.text
    assert holds(asked, WORDS, encoded)
    assert holds(asked, "prices")
    assert holds(asked, "How much?")


@ON_ALL
@pytest.mark.parametrize("name", OF_OPENAI)
@pytest.mark.parametrize("mime", ["application/json", "application/xml", "application/x-yaml", "application/javascript"])
def test_words_are_read_everywhere_whatever_their_type_is_called(
    gateway_of: Gateway, upstream: FakeUpstream, mime: str, name: str, egress: Egress
) -> None:
    encoded = base64.b64encode(WORDS.encode()).decode()
    told, asked = ask(gateway_of, upstream, egress, name, a_document(mime, encoded)[name])
    assert told.text == PLAIN.text
    assert holds(asked, WORDS, encoded)
    is_relayed = (name, egress.name) == ("openai.chat", "openai")
    assert holds(asked, mime) is is_relayed


@ON_ALL
@pytest.mark.parametrize("name", OF_OPENAI)
def test_what_nobody_reads_is_refused_by_its_type_and_place(gateway_of: Gateway, upstream: FakeUpstream, name: str, egress: Egress) -> None:
    told, _ = ask(gateway_of, upstream, egress, name, a_document("application/vnd.ms-excel", SHEET)[name])
    if (name, egress.name) == ("openai.chat", "openai"):
        assert told.status == 200
        return
    assert told.status == 400
    assert "document" in told.error
    place = {"openai.chat": "messages[0].content[1].file.file_data", "openai.responses": "input[0].content[1].file_data"}[name]
    assert told.error.startswith(f"{place}: ")


@ON_ALL
@pytest.mark.parametrize("name", a_document("application/pdf", PDF))
def test_a_document_is_shown_or_refused(gateway_of: Gateway, upstream: FakeUpstream, name: str, egress: Egress) -> None:
    told, asked = ask(gateway_of, upstream, egress, name, a_document("application/pdf", PDF)[name], stream=True)
    relayed = (name, egress.name) == ("openai.chat", "openai")
    if egress.name in ("openai", "ollama") and not relayed:
        assert told.status == 400
        assert "document" in told.error or "file" in told.error
        return
    assert told.text == PLAIN.text
    assert holds(asked, PDF)


# Places of what is refused

URL = "http://example.org/a.png"
TURNS: list[Json] = [{"role": "user", "content": "hi"}, {"role": "assistant", "content": "Hi."}]
# The client, the upstream, what is shown behind two turns, and by which words its place is told.
REFUSED: list[tuple[str, str, Json, str]] = [
    (
        "openai.chat",
        "anthropic",
        {"messages": [*TURNS, {"role": "user", "content": [{"type": "input_audio", "input_audio": {"data": FLAC, "format": "flac"}}]}]},
        "messages[2].content[0].input_audio.data",
    ),
    (
        "openai.responses",
        "ollama",
        {"input": [*TURNS, {"role": "user", "content": [{"type": "input_image", "image_url": URL}]}]},
        "input[2].content[0].image_url",
    ),
    (
        "openai.responses",
        "ollama",
        {
            "input": [
                {"type": "function_call", "call_id": "a", "name": "f", "arguments": "{}"},
                {"type": "function_call_output", "call_id": "a", "output": [{"type": "input_image", "image_url": URL}]},
            ]
        },
        "input[1].output[0].image_url",
    ),
    (
        "anthropic.messages",
        "ollama",
        {"messages": [*TURNS, {"role": "user", "content": [{"type": "image", "source": {"type": "url", "url": URL}}]}]},
        "messages.2.content.0",
    ),
    (
        "anthropic.messages",
        "gemini",
        {"messages": [*TURNS, {"role": "user", "content": [{"type": "image", "source": {"type": "url", "url": URL}}]}]},
        "messages.2.content.0",
    ),
    (
        "anthropic.messages",
        "openai",
        {
            "messages": [
                {"role": "user", "content": "go"},
                {"role": "assistant", "content": [{"type": "tool_use", "id": "toolu_1", "name": "f", "input": {}}]},
                {
                    "role": "user",
                    "content": [
                        {
                            "type": "tool_result",
                            "tool_use_id": "toolu_1",
                            "content": [
                                {"type": "text", "text": "see"},
                                {"type": "document", "source": {"type": "base64", "media_type": "application/pdf", "data": PDF}},
                            ],
                        }
                    ],
                },
            ]
        },
        "messages.2.content.0.content.1",
    ),
    ("ollama.chat", "anthropic", {"messages": [*TURNS, {"role": "user", "content": "see", "images": [FLAC]}]}, "messages[2].images[0]"),
    ("ollama.generate", "anthropic", {"prompt": "see", "images": [HEIC]}, "images[0]"),
]


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
@pytest.mark.parametrize(("name", "kind", "body", "place"), REFUSED, ids=[f"{name} on {kind}: {place}" for name, kind, _, place in REFUSED])
def test_what_is_refused_is_found_by_its_place(
    gateway_of: Gateway, upstream: FakeUpstream, name: str, kind: str, body: Json, place: str, stream: bool
) -> None:
    egress = next(egress for egress in EGRESSES if egress.name == kind)
    told, _ = ask(gateway_of, upstream, egress, name, body, stream=stream)
    assert told.status == 400
    assert told.error.startswith(f"{place}: ")


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
@pytest.mark.parametrize(
    ("path", "body", "param"),
    [
        ("/v1/responses", {"input": "hi", "top_logprobs": 2}, "top_logprobs"),
        ("/v1/responses", {"input": [{"role": "user", "content": [{"type": "input_image", "image_url": URL}]}]}, None),
        ("/v1/chat/completions", {"messages": TURNS, "logprobs": True}, "logprobs"),
        ("/v1/completions", {"prompt": "hi", "logprobs": 2}, "logprobs"),
    ],
)
def test_openais_clients_are_told_the_field_that_they_sent(
    gateway_of: Gateway, upstream: FakeUpstream, path: str, body: Json, param: str | None, stream: bool
) -> None:
    egress = next(egress for egress in EGRESSES if egress.name == ("anthropic" if param else "ollama"))
    egress.play(upstream, PLAIN)
    answer = gateway_of(upstream, egress).post(path, json={"model": "m", "stream": stream, **body})
    assert (answer.status_code, answer.json["error"]["param"]) == (400, param or "input[0].content[0].image_url")
