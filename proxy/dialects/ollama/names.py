"""Forms of a model's name: `[host/][namespace/]model[:tag]`, with defaults that Ollama fills in and hides again.

Ids of OpenAI-style servers are such names too, only freer: nothing is refused here. Pure.
"""

from __future__ import annotations

DEFAULT_HOST = "registry.ollama.ai"
DEFAULT_NAMESPACE = "library"
DEFAULT_TAG = "latest"


def display_name(model_id: str) -> str:
    """The name under which a model is listed: its id, and always a tag (`gpt-4o` -> `gpt-4o:latest`).

    Clients compare listed names with `x` and `x:latest`; a bare `x` in the list is not found by some of them.
    """
    return model_id if ":" in model_id.rpartition("/")[2] else f"{model_id}:{DEFAULT_TAG}"


def are_same(name: str, other: str) -> bool:
    """Whether the two lead to one model: only one of them may say the tag that is taken for granted."""
    return display_name(name) == display_name(other)


def normalized_name(name: str) -> str:
    """The shortest full form of a name that a client wrote, as Ollama's messages show it: default host and namespace left out, tag kept."""
    shown = _without_prefix(name.strip(), DEFAULT_HOST)
    if shown.count("/") == 1:
        shown = _without_prefix(shown, DEFAULT_NAMESPACE)
    return display_name(shown)


def qualified_name(name: str) -> str:
    """The longest form: host, namespace, model and tag (`x` -> `registry.ollama.ai/library/x:latest`)."""
    shown = normalized_name(name)
    missing = (f"{DEFAULT_HOST}/{DEFAULT_NAMESPACE}/", f"{DEFAULT_HOST}/")
    slashes = shown.count("/")
    return shown if slashes >= len(missing) else missing[slashes] + shown


def _without_prefix(name: str, part: str) -> str:
    head, slash, rest = name.partition("/")
    return rest if slash and head.lower() == part else name
