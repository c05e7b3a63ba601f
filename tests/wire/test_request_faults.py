"""Errors by which servers blame themselves for what is wrong with a request, in the words of real ones."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from proxy.errors import UpstreamRefused
from proxy.wire.refusals import read_error, refusal_in_answer

LLAMACPP = "image input is not supported - hint: if this is unexpected, you may need to provide the mmproj"
TEMPLATE = (
    "\n------------\nWhile executing CallExpression at line 47, column 32 in source:\n"
    "{{- raise_exception('After the optional system message, con...\n"
    "Error: Jinja Exception: After the optional system message, conversation roles must alternate user and assistant roles"
)
VALUE, LENGTH = "invalid_value", "context_length_exceeded"
OF_THE_REQUEST = {
    LLAMACPP: (VALUE, "a model that takes such input"),
    LLAMACPP.replace("image", "audio"): (VALUE, "(mmproj)"),
    "video input is not supported by this server": (VALUE, "(mmproj)"),
    'Failed to parse messages: Unsupported content part type: "image_url"; messages = [\n  {}]': (VALUE, "(mmproj)"),
    "this model is missing data required for image input": (VALUE, "(mmproj)"),
    "Failed to create new sequence: failed to process inputs: this model is missing data required for image input": (VALUE, "(mmproj)"),
    "Failed to create new sequence: failed to process inputs: image: unknown format": (VALUE, "check its bytes"),
    "Failed to load image or audio file": (VALUE, "check its bytes"),
    "cannot identify image file <_io.BytesIO object at 0x7f0>": (VALUE, "check its bytes"),
    "image file is truncated (12 bytes not processed)": (VALUE, "check its bytes"),
    "input (6301 tokens) is too large to process. increase the physical batch size (current batch size: 512)": (
        LENGTH,
        "send shorter texts",
    ),
    "input is too large to process. increase the physical batch size": (LENGTH, "--ubatch-size"),
    "Failed to create new sequence: the input length exceeds the context length": (LENGTH, ""),
    "the request exceeds the available context size, try increasing it": (LENGTH, ""),
    "The decoder prompt (length 5000) is longer than the maximum model length of 4096.": (LENGTH, ""),
    "Sequence is too long (max 512)": (LENGTH, ""),
    "`inputs` must have less than 512 tokens. Given: 901": (LENGTH, ""),
    "this model does not support embeddings": (VALUE, "a model that does"),
    "registry.ollama.ai/library/x:latest does not support tools": (VALUE, "a model that does"),
    'option "temperature" must be of type float32': (VALUE, ""),
    'invalid format: "yaml"; expected "json" or a valid JSON Schema object': (VALUE, ""),
    "failed to load model vocabulary required for format": (VALUE, "of a schema"),
    "Failed to create new sequence: unable to create sampling context": (VALUE, "of a schema"),
    "JSON schema conversion failed:\nUnrecognized schema": (VALUE, "of a schema"),
    TEMPLATE: (VALUE, "template"),
    "Conversation roles must alternate user/assistant/user/assistant/... at row 19, column 27:\n": (VALUE, "template"),
}
# What is advised where another model may do what this one does not.
OF_THE_MODEL = ("check its bytes", "a model that takes such input", "(mmproj)", "a model that does", "of a schema", "template")
OF_THE_SERVER = [
    "Internal Server Error",
    "Context size has been exceeded.",  # llama.cpp, of all its slots together
    "failed to process image",
    "model requires more system memory (9.1 GiB) than is available (7.9 GiB)",
    "llama runner process has terminated: signal: killed",
    "The model took too long to load",
    "The content filter did not answer",
    "CUDA error: out of memory",
    "unexpected EOF",
    "Loading model",
]


def refusal(status: int, error: Any) -> UpstreamRefused:
    return read_error(status, {}, orjson.dumps({"error": error}))


@pytest.mark.parametrize("status", [500, 502, 503, 529])
@pytest.mark.parametrize(("words", "told"), OF_THE_REQUEST.items())
def test_what_is_wrong_with_a_request_is_told_as_that_whatever_the_status(status: int, words: str, told: tuple[str, str]) -> None:
    code, advice = told
    error = refusal(status, {"code": status, "message": words, "type": "server_error"})
    assert (error.status, error.code, error.upstream_status) == (400, code, status)
    assert (error.is_unserved, error.is_requests_own) == (advice in OF_THE_MODEL, advice not in OF_THE_MODEL)
    assert (error.is_misnamed, error.is_models_own) == (True, False)
    assert advice in error.message
    assert " ".join(words.split())[:40].rstrip(". ") in error.message


@pytest.mark.parametrize(("words", "told"), OF_THE_REQUEST.items())
@pytest.mark.parametrize("shape", [lambda words: words, lambda words: {"message": words, "code": 500}])
def test_so_is_what_an_answer_with_status_200_says(words: str, told: tuple[str, str], shape: Any) -> None:
    error = refusal_in_answer({"error": shape(words)})
    assert (error.status, error.code, error.is_requests_own or error.is_unserved) == (400, told[0], True)


@pytest.mark.parametrize("status", [500, 502, 503])
@pytest.mark.parametrize("words", OF_THE_SERVER)
def test_what_is_wrong_with_the_server_stays_its_own(status: int, words: str) -> None:
    error = refusal(status, {"code": status, "message": words, "type": "server_error"})
    assert (error.status, error.message) == (status, words)
    assert (error.is_requests_own, error.is_unserved, error.is_misnamed) == (False, False, False)
    assert not refusal_in_answer({"error": {"message": words, "code": status}}).is_requests_own


def test_not_implemented_is_no_fault() -> None:
    error = refusal(501, {"code": 501, "message": "This server does not support embeddings. Start it with `--embeddings`"})
    assert (error.status, error.is_requests_own) == (501, False)


def test_filtered_is_what_a_code_says_is_filtered() -> None:
    error = refusal(500, {"message": "no", "code": "content_filter"})
    assert (error.status, error.code, error.is_requests_own) == (400, "content_filter", True)


@pytest.mark.parametrize(
    ("status", "words"),
    [(400, "maximum context length is 4096 tokens"), (429, "prompt is too long"), (403, "x requires moderation; your input was flagged")],
)
def test_statuses_that_blame_the_request_or_its_key_are_about_the_request_too(status: int, words: str) -> None:
    error = refusal(status, {"message": words})
    assert (error.is_requests_own, error.is_misnamed, error.message) == (True, False, words)


def test_a_server_that_is_well_in_its_own_eyes_is_told_unchanged() -> None:
    error = refusal(400, {"message": LLAMACPP, "code": "no_eyes"})
    assert (error.message, error.code) == (LLAMACPP, "no_eyes")
