"""Reads `options`: Ollama's names for how to choose tokens. Pure.

Ollama reads options apart from the rest of a request, by another reader: exact names only, unknown names and `null` skipped, floats
truncated where integers stand, and a wrong type is a 500. Source: `api/types.go` `Options.FromMap`.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from typing import Any, NoReturn, TypeVar, cast

from marshmallow import EXCLUDE, Schema, ValidationError, fields, pre_load

from proxy.canonical.request import Sampling
from proxy.errors import InvalidRequest
from proxy.wire.golang import INT64_MAX, INT64_MIN

T = TypeVar("T")


class _Option(fields.Field[T]):
    """One option; its `name` is the client's word for it."""

    @abstractmethod
    def read(self, value: Any) -> T:
        """`value` as this option's type. Raises `ValidationError`."""

    def misfit(self, wanted: str) -> ValidationError:
        """The error about a value of the wrong type."""
        return ValidationError(f'option "{self.name}" must be of {wanted}')

    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any) -> T:
        return self.read(value)


class _Integer(_Option[int]):
    def read(self, value: Any) -> int:
        if type(value) is int or type(value) is float:
            return max(INT64_MIN, min(INT64_MAX, int(value)))
        raise self.misfit("type integer")


class _Float(_Option[float]):
    def read(self, value: Any) -> float:
        if type(value) is int or type(value) is float:
            return float(value)
        raise self.misfit("type float32")


class _Boolean(_Option[bool]):
    def read(self, value: Any) -> bool:
        if type(value) is bool:
            return value
        raise self.misfit("type boolean")


class _Strings(_Option[list[str]]):
    def read(self, value: Any) -> list[str]:
        if type(value) is not list:
            raise self.misfit("type array")
        if not all(type(item) is str for item in value):
            raise self.misfit("an array of strings")
        return value


class OptionsSchema(Schema):
    """The options that Ollama knows. Those that only place a model on local hardware are checked, and mean nothing here."""

    class Meta:
        unknown = EXCLUDE

    num_ctx = _Integer()
    num_predict = _Integer()
    temperature = _Float()
    top_p = _Float()
    top_k = _Integer()
    min_p = _Float()
    typical_p = _Float()
    seed = _Integer()
    stop = _Strings()
    repeat_penalty = _Float()
    presence_penalty = _Float()
    frequency_penalty = _Float()

    repeat_last_n = _Integer()
    num_keep = _Integer()
    num_batch = _Integer()
    num_gpu = _Integer()
    main_gpu = _Integer()
    num_thread = _Integer()
    draft_num_predict = _Integer()
    use_mmap = _Boolean()

    def __init__(self) -> None:
        super().__init__()
        self._readers = {name: cast("_Option[Any]", field).read for name, field in self.load_fields.items()}

    def read(self, options: Mapping[str, Any]) -> dict[str, Any]:
        """What `load` gives, by the same fields. What is wrong, and what of it comes first, `load` itself says. Raises `InvalidRequest`."""
        readers = self._readers
        try:
            return {name: readers[name](value) for name, value in options.items() if value is not None and name in readers}
        except ValidationError:
            loaded: dict[str, Any] = self.load(options)
            return loaded

    @pre_load
    def drop_nulls(self, options: dict[str, Any], **kwargs: Any) -> dict[str, Any]:
        return {name: value for name, value in options.items() if value is not None}

    def handle_error(self, error: ValidationError, data: Any, *, many: bool, **kwargs: Any) -> NoReturn:
        name, (message, *_) = next(iter(error.messages_dict.items()))
        raise InvalidRequest(message, status=500, param=f"options.{name}") from None


OPTIONS = OptionsSchema()

RANDOM_SEED = -1


def read_options(row: Mapping[str, Any]) -> dict[str, Any]:
    """The known options among a request's `options`, in their types. Raises `InvalidRequest` with status 500."""
    options = row.get("options")
    return OPTIONS.read(options) if options else {}


def sampling(options: Mapping[str, Any], row: Mapping[str, Any]) -> Sampling:
    """What the client said of choosing tokens, and nothing that it did not say."""
    asked = options.get
    max_tokens, top_k, seed = asked("num_predict"), asked("top_k"), asked("seed")
    logprobs = row.get("logprobs", False)
    return Sampling(
        # -1 (no limit), -2 (until the window is full) and 0 are no limits that an OpenAI-style server would understand.
        max_tokens=max_tokens if max_tokens and max_tokens > 0 else None,
        temperature=asked("temperature"),
        top_p=asked("top_p"),
        # n8n sends -1 for "not set"
        top_k=top_k if top_k is not None and top_k >= 0 else None,
        min_p=asked("min_p"),
        typical_p=asked("typical_p"),
        seed=seed if seed != RANDOM_SEED else None,
        presence_penalty=asked("presence_penalty"),
        frequency_penalty=asked("frequency_penalty"),
        repeat_penalty=asked("repeat_penalty"),
        stop=tuple(filter(None, asked("stop", ()))),
        logprobs=logprobs,
        top_logprobs=(row.get("top_logprobs") or None) if logprobs else None,
    )


def check_top_logprobs(row: Mapping[str, Any]) -> None:
    """Raises `InvalidRequest` when more alternatives are asked for than Ollama gives; it looks at this before it looks for the model."""
    if not 0 <= row.get("top_logprobs", 0) <= 20:
        raise InvalidRequest("top_logprobs must be between 0 and 20", param="top_logprobs")
