"""What becomes of a field on its way: the words for it, as they stand in the tables `dialects/<name>/support.py`. Data, no logic but `met`.

Two tables make a pair: a client's dialect says which feature each of its fields is (`CLIENT_FIELDS`), and an upstream's what it makes of
each feature (`UPSTREAM_FEATURES`). `docs/dialects/` is written from them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final, Literal, get_args

Outcome = Literal["carried", "translated", "approximated", "dropped", "refused"]
"""`carried` as it came; `translated` to other words of the same meaning; `approximated` by something near it, or only in part, or only
where the kind of server or the model knows it; `dropped` in silence; `refused` aloud.
"""

OUTCOMES: Final[tuple[Outcome, ...]] = get_args(Outcome)
_LOST: Final = ("dropped", "refused")

FEATURES: Final[Mapping[str, str]] = MappingProxyType(
    {
        "system": "what the system says",
        "system_turns": "what the system says between turns",
        "text": "text of turns",
        "images": "pictures in base64",
        "image_urls": "pictures by URL",
        "image_detail": "how closely to look at a picture",
        "audio": "sound",
        "files": "documents in base64",
        "file_urls": "documents by URL",
        "names": "names of who speaks",
        "tools": "functions",
        "strict_tools": "functions whose arguments must fit their schema",
        "tool_choice": "whether a call is wanted, or forbidden",
        "named_tool": "one function that must be called",
        "parallel_tool_calls": "whether several calls may be made at once",
        "tool_calls": "calls in earlier turns",
        "tool_results": "results of calls",
        "tool_result_images": "pictures in results of calls",
        "tool_errors": "results that say that a call failed",
        "json_mode": "an answer in JSON",
        "json_schema": "an answer that fits a schema",
        "reasoning": "how hard to think",
        "reasoning_budget": "how many tokens may be thought",
        "hidden_reasoning": "that no thoughts are to be shown",
        "reasoning_history": "thoughts of earlier turns",
        "opaque": "signatures of thoughts and calls",
        "prefill": "a last turn of the model's that is to be gone on with",
        "max_tokens": "the longest answer",
        "temperature": "temperature",
        "top_p": "top_p",
        "top_k": "top_k",
        "min_p": "min_p",
        "typical_p": "typical_p",
        "seed": "seed",
        "presence_penalty": "presence penalty",
        "frequency_penalty": "frequency penalty",
        "repeat_penalty": "repeat penalty",
        "stop": "stop sequences",
        "logprobs": "log probabilities",
        "user": "who asks",
        "cache_hints": "marks of what to cache",
        "num_ctx": "the window to load a model with",
        "runner": "how Ollama's runner places a model on its machine, and how far back it looks for what is repeated",
        "keep_alive": "how long the model stays loaded",
        "google_options": "which answers Gemini withholds, which part of a conversation it keeps, and labels for its bill",
        "service_tier": "how soon an answer is wanted, and at which price",
        "verbosity": "how much to say",
        "prompt_cache": "which prompts share a cache, and for how long",
        "stream": "an answer as it is made",
        "usage": "numbers of tokens",
        "prompts": "plain texts to go on with",
        "finished_prompts": "prompts that are finished for the model",
        "suffix": "a gap to fill",
        "embeddings": "vectors",
        "dimensions": "the length of vectors",
        "truncate": "whether texts that are too long are shortened",
        "token_counts": "numbers of tokens before anything is asked",
    }
)
"""All that a request can mean, in the words of `canonical`."""


@dataclass(frozen=True, slots=True)
class Support:
    """What becomes of one field, or one feature.

    Attributes:
        note: what it becomes, or why it is lost: a sentence's end for the tables of the documentation.
        feature: of a client's field, what it means: one of `FEATURES`; `""` when it ends at the gateway, whatever the upstream.
    """

    outcome: Outcome
    note: str = ""
    feature: str = ""


LOST_ANYWHERE: Final[Mapping[str, Support]] = MappingProxyType(
    {
        "a fence of Markdown around an answer in JSON": Support(
            "dropped", "clients parse what they get; words behind the fence stay, and a token that is half of it loses its log probability"
        ),
    }
)
"""What all upstreams answer, and no client of another language gets."""


def met(field: Support, features: Mapping[str, Support]) -> Support:
    """What becomes of a client's field at an upstream that makes this of features: the worse of both, and what is to be said of either.

    Of what is lost only the loss is said: how it would have arrived is no answer to why it does not.
    """
    there = features.get(field.feature)
    if there is None:
        return field
    worse = max(field, there, key=lambda support: OUTCOMES.index(support.outcome))
    if worse.outcome in _LOST:
        return Support(worse.outcome, worse.note, field.feature)
    notes = "; ".join(dict.fromkeys(filter(None, (field.note, there.note))))
    return Support(worse.outcome, notes, field.feature)
