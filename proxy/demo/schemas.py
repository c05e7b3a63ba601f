"""What the demo accepts, checked with OpenAI's types: the bodies of its three endpoints."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from marshmallow import INCLUDE, Schema, ValidationError, fields, validate

from proxy.demo.errors import Refusal, unknown_model
from proxy.demo.models import DemoModel, find_model
from proxy.demo.vectors import MAX_DIMENSIONS


def _flag() -> fields.Boolean:
    return fields.Boolean(truthy={True}, falsy={False}, allow_none=True)


def _whole(least: int, most: int | None = None) -> fields.Integer:
    return fields.Integer(strict=True, allow_none=True, validate=validate.Range(least, most))


def _object() -> fields.Dict:
    return fields.Dict(keys=fields.String(), allow_none=True)


class _Body(Schema):
    """What all bodies have. Unknown fields are taken, as most servers do; null means absent."""

    class Meta:
        unknown = INCLUDE

    model = fields.String(required=True)


class _TextBody(_Body):
    stream = _flag()
    stream_options = _object()
    stop = fields.Raw(allow_none=True)
    max_tokens = _whole(1)
    temperature = fields.Float(allow_none=True, validate=validate.Range(0, 2))
    top_p = fields.Float(allow_none=True, validate=validate.Range(0, 1))
    n = fields.Integer(strict=True, allow_none=True, validate=validate.Equal(1, error="this demo makes one answer per request"))


class ChatBody(_TextBody):
    messages = fields.List(_object(), required=True, validate=validate.Length(min=1))
    max_completion_tokens = _whole(1)
    logprobs = _flag()
    top_logprobs = _whole(0, 20)
    tools = fields.List(_object(), allow_none=True, validate=validate.Length(min=1))
    tool_choice = fields.Raw(allow_none=True)
    parallel_tool_calls = _flag()
    response_format = _object()
    reasoning_effort = fields.String(allow_none=True, validate=validate.OneOf(("none", "minimal", "low", "medium", "high", "xhigh", "max")))
    reasoning = _object()
    thinking = _object()
    chat_template_kwargs = _object()


class CompletionBody(_TextBody):
    prompt = fields.Raw(required=True)
    suffix = fields.String(allow_none=True)
    echo = _flag()
    logprobs = _whole(0, 5)


class EmbeddingsBody(_Body):
    input = fields.Raw(required=True)
    dimensions = _whole(1, MAX_DIMENSIONS)
    encoding_format = fields.String(allow_none=True, validate=validate.OneOf(("float", "base64")))


CHAT, COMPLETION, EMBEDDINGS = ChatBody(), CompletionBody(), EmbeddingsBody()


def load(schema: Schema, payload: Any) -> tuple[DemoModel, dict[str, Any]]:
    """The model asked for and the fields that the client set. Raises `Refusal`."""
    if not isinstance(payload, Mapping):
        raise Refusal("The body must be a JSON object.")
    try:
        loaded: dict[str, Any] = schema.load(payload)
    except ValidationError as error:
        raise _refusal_of(error) from None
    model = find_model(loaded["model"])
    if model is None:
        raise unknown_model(loaded["model"])
    return model, {key: value for key, value in loaded.items() if value is not None}


def _refusal_of(error: ValidationError) -> Refusal:
    messages = error.messages_dict
    field = next(iter(messages))
    return Refusal(f"Invalid '{field}': {_first(messages[field])}", param=field)


def _first(messages: Any) -> str:
    """The first text in nested messages."""
    while not isinstance(messages, str):
        messages = next(iter(messages.values() if isinstance(messages, Mapping) else messages))
    return messages


def texts_of(value: Any, param: str) -> list[str]:
    """A text or a list of texts, as a list. Raises `Refusal` for anything else."""
    values = [value] if isinstance(value, str) else value
    if not isinstance(values, list) or not values or not all(isinstance(one, str) for one in values):
        raise Refusal(f"Invalid '{param}': a text or a list of texts is expected.", param=param)
    return values
