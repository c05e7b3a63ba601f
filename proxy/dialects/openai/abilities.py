"""What an entry of a model list says that its model can do, in Ollama's words. Pure.

Every server has its own way to say so, and most say only a part: each `_Source` answers with what it knows, yes or no.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

Entry = Mapping[str, Any]
Answers = Mapping[str, bool]

# Who knows these of a model knows all that clients act upon.
_TELLING: Final = ("completion", "tools", "thinking", "vision")


def abilities_of(entry: Entry) -> tuple[frozenset[str] | None, frozenset[str]]:
    """All that the model can do, `None` when the entry leaves something open; and what it can do at least."""
    answers: dict[str, bool] = {}
    for source in _SOURCES:
        for word, answer in source(entry).items():
            answers.setdefault(word, answer)
    has = frozenset(word for word, answer in answers.items() if answer)
    # Models that make vectors do nothing else.
    only_vectors = has == {"embedding"}
    return (has if only_vectors or all(word in answers for word in _TELLING) else None), has


def _by_parameters(entry: Entry) -> Answers:
    """OpenRouter names every parameter that a model takes."""
    names = entry.get("supported_parameters")
    if not isinstance(names, list) or not names:
        return {}
    return {"completion": True, "tools": "tools" in names, "thinking": "reasoning" in names or "include_reasoning" in names}


def _by_modalities(entry: Entry) -> Answers:
    """What goes in and what comes out: OpenRouter, llama.cpp's router, and servers that list both at the top."""
    architecture = entry.get("architecture")
    place = architecture if isinstance(architecture, dict) else entry
    taken, made = place.get("input_modalities"), place.get("output_modalities")
    answers: dict[str, bool] = {}
    if isinstance(taken, list):
        answers |= {"vision": "image" in taken, "audio": "audio" in taken}
    if isinstance(made, list):
        if "embeddings" in made or "embedding" in made:
            return {"embedding": True}
        answers["image"] = "image" in made
    return answers


_MISTRAL: Final = {
    "completion_chat": "completion",
    "function_calling": "tools",
    "vision": "vision",
    "reasoning": "thinking",
    "completion_fim": "insert",
    "audio": "audio",
}
_FLAGS: Final = _MISTRAL | {"chat_completion": "completion", "embeddings": "embedding"}


def _by_flags(entry: Entry) -> Answers:
    """Mistral and Azure answer for each capability, true or false. A model for vectors says `false` to chat."""
    flags = entry.get("capabilities")
    if not isinstance(flags, dict):
        return {}
    answers = {word: flags[flag] for flag, word in _FLAGS.items() if isinstance(flags.get(flag), bool)}
    return {"embedding": True} if answers.get("embedding") and not answers.get("completion") else answers


_WORDS: Final = {
    "completion": "completion",
    "chat": "completion",
    "tool_use": "tools",
    "tools": "tools",
    "function_calling": "tools",
    "vision": "vision",
    "multimodal": "vision",
    "reasoning": "thinking",
    "thinking": "thinking",
    "embedding": "embedding",
    "embeddings": "embedding",
    "insert": "insert",
    "audio": "audio",
}


def _by_words(entry: Entry) -> Answers:
    """llama.cpp and LM Studio list words. What is not listed may only have been forgotten."""
    words = entry.get("capabilities") if isinstance(entry.get("capabilities"), list) else entry.get("supported_features")
    if not isinstance(words, list):
        return {}
    return {_WORDS[word]: True for word in words if isinstance(word, str) and word in _WORDS}


_TYPES: Final[dict[str, Answers]] = {
    "llm": {"completion": True, "vision": False},
    "vlm": {"completion": True, "vision": True},
    "embeddings": {"embedding": True},
    "embedding": {"embedding": True},
    "chat": {"completion": True},
    "language": {"completion": True},
    "code": {"completion": True},
    "image": {"image": True, "completion": False},
}


def _by_type(entry: Entry) -> Answers:
    """LM Studio and Together sort their models."""
    kind = entry.get("type")
    return _TYPES.get(kind, {}) if isinstance(kind, str) else {}


def _by_switches(entry: Entry) -> Answers:
    """Fireworks has a key for each."""
    keys = {"supports_chat": "completion", "supports_tools": "tools", "supports_image_input": "vision"}
    return {word: entry[key] for key, word in keys.items() if isinstance(entry.get(key), bool)}


_SOURCES: Final[tuple[Callable[[Entry], Answers], ...]] = (
    _by_type,
    _by_parameters,
    _by_flags,
    _by_words,
    _by_modalities,
    _by_switches,
)
