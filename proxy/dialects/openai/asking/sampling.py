"""How to choose tokens: OpenAI's fields, and those that users of Ollama and vLLM send to any server. Pure.

What Ollama calls `options` may stand at the top of the request, in an object `options`, or in `extra_body`, which is what remains when a
client sends that argument of the SDK as a field. What stands at the top wins.
"""

from __future__ import annotations

from typing import Any, Final, TypeVar

from proxy.canonical.google_options import GOOGLE_OPTIONS
from proxy.canonical.openai_options import PROMPT_CACHE, VERBOSITY
from proxy.canonical.request import Sampling
from proxy.canonical.runner_options import RUNNER_FLAGS, RUNNER_NUMBERS
from proxy.dialects.openai.asking.row import Row, wrong_type
from proxy.errors import InvalidRequest
from proxy.wire.durations import keep_alive_s

T = TypeVar("T")

_RANDOM_SEED = _NO_LIMIT = -1
_GOOGLE: Final = "google"
_OF_GOOGLE: Final = frozenset({_GOOGLE, *GOOGLE_OPTIONS, *GOOGLE_OPTIONS.values()})


def read_options(row: Row) -> Row:
    """What the request says beside its top. Raises `InvalidRequest`."""
    extra = row.mapping("extra_body") or {}
    inner = extra.get("options")
    options = row.mapping("options") or {}
    return Row({**extra, **(inner if type(inner) is dict else {}), **options}, "options")


def read_sampling(row: Row, options: Row, max_tokens: int | None) -> Sampling:
    """What the client said of choosing tokens, and nothing that it did not say; `max_tokens` as its endpoint calls it.

    Raises:
        InvalidRequest: a field has the wrong type.
    """
    limit, seed, top_k = options.integer("num_predict"), options.integer("seed"), _integer(row, options, "top_k")
    return Sampling(
        # Ollama's -1 and -2 are no limits.
        max_tokens=max_tokens if max_tokens is not None else limit if limit is not None and limit > 0 else None,
        temperature=_number(row, options, "temperature"),
        top_p=_number(row, options, "top_p"),
        top_k=top_k if top_k is not None and top_k >= 0 else None,
        min_p=_number(row, options, "min_p"),
        typical_p=_number(row, options, "typical_p"),
        seed=_first(row.integer("seed"), None if seed == _RANDOM_SEED else seed),
        presence_penalty=_number(row, options, "presence_penalty"),
        frequency_penalty=_number(row, options, "frequency_penalty"),
        repeat_penalty=_first(_number(row, options, "repeat_penalty"), _number(row, options, "repetition_penalty")),
        stop=read_stop(row) or read_stop(options),
    )


def read_limit(row: Row, name: str) -> int | None:
    """The longest answer in tokens. llama.cpp and LM Studio take -1 for no limit, and so do their clients. Raises `InvalidRequest`."""
    return None if row.get(name) == _NO_LIMIT else row.integer(name, 1)


def read_stop(row: Row) -> tuple[str, ...]:
    """The stop sequences: one, or several. Raises `InvalidRequest`."""
    given = row.get("stop")
    stops = [given] if type(given) is str else row.items("stop")
    for index, stop in enumerate(stops):
        if type(stop) is not str:
            raise wrong_type(f"{row.place('stop')}[{index}]", "a string", stop)
    return tuple(filter(None, stops))


def read_extra(row: Row, options: Row) -> dict[str, Any]:
    """What only some upstreams know, under the names of `ChatRequest.extra`. Raises `InvalidRequest`."""
    extra: dict[str, Any] = {}
    num_ctx = _integer(row, options, "num_ctx")
    if num_ctx is not None and num_ctx > 0:
        extra["num_ctx"] = num_ctx
    wishes = {name: _integer(row, options, name) for name in RUNNER_NUMBERS} | {name: _flag(row, options, name) for name in RUNNER_FLAGS}
    extra |= {name: value for name, value in wishes.items() if value is not None}
    extra |= _google_options(row, options)
    if row.has_any(PROMPT_CACHE):
        extra |= {name: row.get(name) for name in PROMPT_CACHE if row.get(name) is not None}
    source = row if row.get("keep_alive") is not None else options
    keep_alive = source.get("keep_alive")
    if keep_alive is not None:
        try:
            extra["keep_alive_s"] = keep_alive_s(keep_alive)
        except ValueError as error:
            place = source.place("keep_alive")
            raise InvalidRequest(f"Invalid '{place}': {error}.", param=place, code="invalid_value") from None
    return extra


def read_verbosity(row: Row) -> dict[str, Any]:
    """How much to say, where `row` tells it: a part of `ChatRequest.extra`."""
    return {} if row.get(VERBOSITY) is None else {VERBOSITY: row.get(VERBOSITY)}


def _google_options(row: Row, options: Row) -> dict[str, Any]:
    """What Gemini takes beside its parameters, by Gemini's names; also in `google`, where Google's own OpenAI-style door has it."""
    if not row.has_any(_OF_GOOGLE) and not options.has_any(_OF_GOOGLE):
        return {}  # as with most requests
    found: dict[str, Any] = {}
    for place in (options, row):
        inner = place.get(_GOOGLE)
        for source in (Row(inner), place) if type(inner) is dict else (place,):
            for name, also in GOOGLE_OPTIONS.items():
                value = source.get(also) if source.get(name) is None else source.get(name)
                if value is not None:
                    found[name] = value
    return found


def _number(row: Row, options: Row, name: str) -> float | None:
    return (options if row.get(name) is None else row).number(name)


def _integer(row: Row, options: Row, name: str) -> int | None:
    return (options if row.get(name) is None else row).integer(name)


def _flag(row: Row, options: Row, name: str) -> bool | None:
    return (options if row.get(name) is None else row).flag(name)


def _first(*values: T | None) -> T | None:
    return next((value for value in values if value is not None), None)
