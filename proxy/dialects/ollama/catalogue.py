"""How models are shown: `/api/tags`, `/api/show`, `/api/ps`. Pure.

Ollama shows what stands in a model file. A remote upstream tells less: what it does not tell is left out, or, where clients fail without
it, given a value that means "unknown" or that they assume anyway. What an Ollama server tells is shown as it tells it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import Any

import orjson

from proxy.canonical.catalog import CAPABILITIES, ListedModel, ModelCard, made_at
from proxy.dialects.ollama.management import ShowRequest
from proxy.dialects.ollama.modelfile import modelfile_text, parameters_text, template_text
from proxy.dialects.ollama.names import display_name
from proxy.dialects.ollama.reading.models import card_of
from proxy.dialects.ollama.reading.times import unix_s
from proxy.dialects.ollama.records import Record
from proxy.wire.ndjson import line_safe

# Where nothing says what a model can do, everything is allowed. These two let clients offer chat and tools; Roo Code hides models without.
DEFAULT_CAPABILITIES = ("completion", "tools")

# `<architecture>.context_length` must be there: clients drop or misjudge models without it. 32768 is what Copilot itself falls back to
# (ollamaProvider.ts), so naming it makes no difference there and gives the others the same idea.
DEFAULT_CONTEXT_LENGTH = 32_768

# The key above needs a name before the dot, and Zed wants one under `general.architecture`.
UNKNOWN_ARCHITECTURE = "unknown"

# Copilot shows `general.basename` as the model's label, so it gets the name that its user knows (Ollama does so since 0.18.3).
_COPILOT = "GitHubCopilotChat/"


def render_tags(models: Iterable[ListedModel]) -> bytes:
    """The list of `/api/tags`: newest first, then by name. A name that another one would be shown by is the other's."""
    listed: dict[str, ListedModel] = {}
    for model in models:
        name = display_name(model.name)
        if name not in listed or name == model.name:
            listed[name] = model
    newest_first = sorted(listed.items(), key=lambda item: (-item[1].card.created, item[0]))
    return line_safe(
        orjson.dumps({"models": [_own_tag(name, model) if model.card.tag else _tag(name, model) for name, model in newest_first]})
    )


def render_ps() -> bytes:
    """The models that are loaded: none, for a remote upstream's memory is its own business."""
    return b'{"models":[]}'


def render_loaded(told: Iterable[tuple[str, Iterable[tuple[str, Mapping[str, Any]]]]], name_of: Callable[[str, str], str]) -> bytes:
    """The models that are loaded on several Ollama servers: as Ollama has it, the one that stays longest first.

    Args:
        told: the entries of each server, with their names.
        name_of: server and its name of a model -> the one that clients use, `""` where they may not know of it.
    """
    entries = [
        {**entry, "name": display_name(name), "model": display_name(name)}
        for server, loaded in told
        for model, entry in loaded
        if (name := name_of(server, model))
    ]
    entries.sort(key=lambda entry: -unix_s(entry.get("expires_at")))
    return line_safe(orjson.dumps({"models": entries}))


def render_show(request: ShowRequest, card: ModelCard, user_agent: str) -> bytes:
    """What `/api/show` says of one model.

    Args:
        card: what is known; its id may differ from the name that was asked for.
        user_agent: Copilot gets its own `general.basename`.
    """
    capabilities = capability_words(card)
    parameters: Record = {**({"num_ctx": card.context_length} if card.context_length else {}), **request.options}
    template = request.template or template_text(capabilities)
    record: Record = {
        "modelfile": modelfile_text(display_name(request.model), template, request.system, parameters),
        "template": template,
        "details": _details(card),
        "model_info": _model_info(card, request.model if user_agent.startswith(_COPILOT) else _basename(card)),
        "capabilities": capabilities,
        "modified_at": made_at(card),
    }
    if parameters:
        record["parameters"] = parameters_text(parameters)
    if request.system:
        record["system"] = request.system
    if "vision" in capabilities:
        # The sign of vision for clients from before `capabilities`.
        record["projector_info"] = {"general.architecture": "clip"}
    return line_safe(orjson.dumps(record))


def model_digest(origin: str, model_id: str) -> str:
    """64 hex digits that stay the same and differ between models: clients take models of one digest for one model."""
    return hashlib.sha256(f"{origin}\n{model_id}".encode()).hexdigest()


def capability_words(card: ModelCard) -> list[str]:
    """What the model can do, in Ollama's words and order."""
    known = card.has if card.capabilities is None else card.capabilities
    if card.capabilities is None and "embedding" not in known:
        # A model that makes vectors does that instead of completion, so for one the defaults would be wrong.
        known = known.union(DEFAULT_CAPABILITIES)
    return [word for word in CAPABILITIES if word in known]


def _own_tag(name: str, model: ListedModel) -> Record:
    """The entry of an Ollama server under the name that clients use, with what it lacks, and with what the operator says otherwise.

    Servers before 0.30 list no capabilities: they tell them in `/api/show`, which is theirs. A guess here would contradict it.
    """
    entry, ours = model.card.tag, _tag(name, model)
    if model.card.capabilities is None:
        del ours["capabilities"]
    theirs = _tag(name, replace(model, card=card_of(model.card.id, entry)))
    details = entry.get("details")
    own_details = details if isinstance(details, dict) else {}
    return {
        **_laid_over(entry, ours, theirs),
        "name": name,
        "model": name,
        "details": _laid_over(own_details, ours["details"], theirs["details"]),
    }


def _laid_over(entry: Mapping[str, Any], ours: Record, theirs: Record) -> Record:
    """`entry`, and of `ours` what it lacks, and what would not be made of it."""
    return {**entry, **{key: value for key, value in ours.items() if key not in entry or value != theirs.get(key)}}


def _tag(name: str, model: ListedModel) -> Record:
    card = model.card
    details = _details(card)
    if card.context_length:
        details["context_length"] = card.context_length
    if card.embedding_length:
        details["embedding_length"] = card.embedding_length
    return {
        "name": name,
        "model": name,
        "modified_at": made_at(card),
        "size": card.size_bytes or 0,
        "digest": model_digest(model.origin, card.id),
        "details": details,
        "capabilities": capability_words(card),
    }


def _details(card: ModelCard) -> Record:
    """All six keys, always: OllamaKit, Zed and koog refuse an entry without them; an empty text is Ollama's own "unknown"."""
    families = [card.family] if card.family else []
    if "vision" in capability_words(card):
        # Enchanted takes a model for one that sees by this word.
        families.append("clip")
    return {
        "parent_model": "",
        "format": "",
        "family": card.family,
        "families": families,
        "parameter_size": _parameter_size(card.parameter_count),
        "quantization_level": card.quantization,
    }


def _model_info(card: ModelCard, basename: str) -> Record:
    architecture = card.family or UNKNOWN_ARCHITECTURE
    info: Record = {
        "general.architecture": architecture,
        "general.basename": basename,
        f"{architecture}.context_length": card.context_length or DEFAULT_CONTEXT_LENGTH,
    }
    if card.parameter_count:
        info["general.parameter_count"] = card.parameter_count
    if card.embedding_length:
        info[f"{architecture}.embedding_length"] = card.embedding_length
    return info


def _basename(card: ModelCard) -> str:
    """The id without what comes before its last slash, and without tag."""
    last = card.id.rpartition("/")[2]
    return last.partition(":")[0] or last


def _parameter_size(count: int | None) -> str:
    if not count:
        return ""
    for scale, letter in ((10**12, "T"), (10**9, "B"), (10**6, "M"), (10**3, "K")):
        if count >= scale:
            return f"{count / scale:.1f}{letter}"
    return str(count)
