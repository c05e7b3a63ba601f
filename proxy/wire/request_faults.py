"""What is wrong with a request, where its server says so with a status that means a fault of the server's own. Pure.

Such a server is well, and no other attempt would change what it says: it is told as what it is.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from proxy.errors import UpstreamRefused
from proxy.wire.refusal_reasons import reason_of, written_reason_of

_MOST_CHARS: Final = 4000
_MEDIA: Final = r"(?:image|picture|audio|sound|video|vision|multi-?modal)s?"


@dataclass(frozen=True, slots=True)
class RequestFault:
    """Attributes:
    reason: in OpenAI's words, as for `ProxyError.code`.
    advice: what a client or its operator can do, where the server's words do not say it.
    is_of_model: whether it is what this model, or its server, does not do: another may, and a fallback is asked.
    """

    reason: str
    advice: str = ""
    is_of_model: bool = False


# Not here: "Context size has been exceeded." (llama.cpp, when all its slots together fill the cache), "failed to process image" (its
# encoder failed), and what Ollama says of a model that it cannot load. Those are the server's own.
_TEXTS: Final[dict[RequestFault, tuple[str, ...]]] = {
    # llama.cpp without the projector, builds from May 2025 on, and its templates before; llamafile; vLLM; Ollama's `ErrNoVisionModel`.
    # Source: ggml-org/llama.cpp#13566, #15377 and #12947, mozilla-ai/llamafile#298, valentinfrlch/ha-llmvision#691.
    RequestFault("invalid_value", "send it to a model that takes such input, or give this one its projector (mmproj)", is_of_model=True): (
        rf"\b{_MEDIA}(?: (?:inputs?|content|data))? (?:is|are) not (?:currently )?supported\b",
        rf"\b(?:does not|doesn't|do not|cannot) (?:support|accept|take) {_MEDIA}\b",
        rf"\bmissing data required for {_MEDIA} input\b",
        r"\bprovide the mmproj\b",
        r"\bnot compiled for multimodal\b",
        r"\bnot a multimodal model\b",
        r"\bunsupported content part type\b",
    ),
    # llama.cpp's reader of media, and Go's, which Ollama has: neither knows WebP, which others read. Pillow's, which vLLM and SGLang have.
    # Source: ollama/ollama#11320, vllm-project/vllm#38253.
    RequestFault("invalid_value", "check its bytes and its type; PNG, JPEG and WAV are read by most servers", is_of_model=True): (
        r"\bfailed to load image or audio file\b",
        r"\bcannot identify image file\b",
        r"\bimage file is truncated\b",
        r"\bbroken data stream when reading image\b",
        r"\bimage: unknown format\b",
        r"\b(?:png|gif|bmp|webp|tiff): invalid format\b",
        r"\binvalid jpeg format\b",
    ),
    # llama.cpp, of texts whose vectors are made in one go.
    RequestFault("context_length_exceeded", "send shorter texts, or start the server with a larger --ubatch-size"): (
        r"\btoo large to process\b.{0,20}\bphysical batch size\b",
    ),
    # Servers of vectors that stand before transformers and TEI.
    RequestFault("context_length_exceeded"): (
        r"\b(?:input|text|prompt|sequence|document|query)s?(?: \([^)]{1,60}\))? (?:is|are) too (?:long|large)\b",
        r"\bmust have less than \d+ tokens\b",
        r"\blonger than the (?:specified )?maximum sequence length\b",
    ),
    # Ollama, asked for vectors. Source: chunkhound/chunkhound#41, ollama/ollama#9739.
    RequestFault("invalid_value", "ask a model that does", is_of_model=True): (
        r"\b(?:does not|doesn't|do not|don't) support (?:embeddings?|chat|generate|completions?|insert|tools|thinking)\b",
    ),
    # Ollama, when the model is loaded already. Source: its `types.go` and `llama.go`.
    RequestFault("invalid_value"): (
        r"\boption \"[^\"]{1,60}\" must be of type\b",
        r"\binvalid format: .{0,300}\bexpected \"json\"",
    ),
    # llama.cpp, and Ollama's two engines. Source: ollama/ollama#10805 and #12422, lidge-jun/opencodex#2135.
    RequestFault("invalid_value", "no grammar can be made of a schema, of the format or of a tool; make it simpler", is_of_model=True): (
        r"\bjson schema conversion failed\b",
        r"\bfailed to parse grammar\b",
        r"\binvalid json schema in format\b",
        r"\bunable to create sampling context\b",
        r"\bmodel vocabulary required for format\b",
    ),
    # llama.cpp's new template engine and its old one, and Ollama, which has it inside. Source: sipeed/picoclaw#207, janhq/jan#6254.
    RequestFault(
        "invalid_value", "the model's template takes no such conversation; change its messages, or ask another model", is_of_model=True
    ): (
        r"\bjinja exception\b",
        r"\braise_exception\(",
        r"\bconversation roles must alternate\b",
    ),
}
_FAULTS: Final = tuple((re.compile("|".join(texts), re.IGNORECASE | re.DOTALL), fault) for fault, texts in _TEXTS.items())


def request_fault_in(raw: object, message: str) -> RequestFault | None:
    """What is wrong with the request, by an error that a server calls its own; `None` where it may well be the server's.

    That something was filtered is believed where the code says it: a text may be about the filter, and that it failed.

    Args:
        message: the server's words, with their tags yet.
    """
    text = message[:_MOST_CHARS]
    fault = next((fault for pattern, fault in _FAULTS if pattern.search(text)), None)
    if fault is not None:
        return fault
    reason = reason_of(raw, message)
    if reason in ("context_length_exceeded", "invalid_value") or (reason == "content_filter" and written_reason_of(raw) == reason):
        return RequestFault(reason)
    return None


def blame_request(error: UpstreamRefused, status: int, words: str) -> None:
    """Makes `error` tell what is wrong with the request, where its server says so with a status that means its own fault.

    Args:
        status: the one that the server gave. 501 says itself that the server is well, and that another may do what it does not.
        words: its words, with their tags yet.
    """
    if status < 500 or status == 501 or error.is_models_own:
        return
    fault = request_fault_in(error.raw, words)
    if fault is None:
        return
    error.status, error.code = 400, fault.reason
    error.is_misnamed, error.is_unserved, error.is_requests_own = True, fault.is_of_model, not fault.is_of_model
    if fault.advice:
        error.message = f"{error.message.rstrip('. ')}; {fault.advice}"
        error.args = (error.message,)
