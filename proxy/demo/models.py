"""The scripted models: what each can do, and how the model list shows it. Data only."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

# 1 March 2026; each next model is a minute older, so that lists by age keep the order below.
_NEWEST_CREATED = 1_772_323_200


@dataclass(frozen=True, slots=True)
class DemoModel:
    """One scripted model. `capabilities` are Ollama's words; `context_length` is counted in words, as all usage here is."""

    id: str
    description: str
    capabilities: tuple[str, ...] = ("completion",)
    context_length: int = 8192
    parameters: tuple[str, ...] = ()

    def can(self, capability: str) -> bool:
        """Whether the model has the capability."""
        return capability in self.capabilities


_CHAT_PARAMETERS = (
    "logprobs",
    "max_completion_tokens",
    "max_tokens",
    "response_format",
    "stop",
    "stream_options",
    "structured_outputs",
    "top_logprobs",
)
_TOOL_PARAMETERS = ("parallel_tool_calls", "tool_choice", "tools")

DEMO_MODELS = (
    DemoModel("demo-chat", "Answers what you wrote; continues texts.", ("completion", "insert"), parameters=_CHAT_PARAMETERS),
    DemoModel(
        "demo-thinking",
        "Thinks first, unless asked not to; calls tools too.",
        ("completion", "thinking", "tools"),
        parameters=(*_CHAT_PARAMETERS, *_TOOL_PARAMETERS, "reasoning", "reasoning_effort"),
    ),
    DemoModel(
        "demo-tools", "Calls the tools that fit the question.", ("completion", "tools"), parameters=(*_CHAT_PARAMETERS, *_TOOL_PARAMETERS)
    ),
    DemoModel("demo-vision", "Says type and size of pictures.", ("completion", "vision"), parameters=_CHAT_PARAMETERS),
    DemoModel("demo-json", "Answers in JSON, by your schema.", parameters=_CHAT_PARAMETERS),
    DemoModel("demo-embed", "Vectors in which texts with common words are near.", ("embedding",), context_length=512),
)
_BY_ID = {model.id: model for model in DEMO_MODELS}


def find_model(name: str) -> DemoModel | None:
    """The model of that name."""
    return _BY_ID.get(name)


def model_entry(model: DemoModel) -> dict[str, Any]:
    """The model's entry in `/v1/models`, with the fields by which servers tell what a model can do."""
    parameters = {"supported_parameters": list(model.parameters)} if model.parameters else {}
    return {
        "id": model.id,
        "object": "model",
        "created": _NEWEST_CREATED - 60 * DEMO_MODELS.index(model),
        "owned_by": "demo",
        "description": model.description,
        "context_length": model.context_length,
        "capabilities": list(model.capabilities),
        **parameters,
        "architecture": {
            "input_modalities": ["text", "image"] if model.can("vision") else ["text"],
            "output_modalities": ["embeddings"] if model.can("embedding") else ["text"],
        },
    }
