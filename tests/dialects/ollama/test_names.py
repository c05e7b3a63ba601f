from __future__ import annotations

import pytest

from proxy.dialects.ollama.names import display_name, normalized_name, qualified_name


@pytest.mark.parametrize(
    ("model_id", "shown"),
    [
        ("gpt-4o", "gpt-4o:latest"),
        ("llama3:8b", "llama3:8b"),
        ("meta-llama/Llama-3.1-8B-Instruct", "meta-llama/Llama-3.1-8B-Instruct:latest"),
        ("deepseek/deepseek-r1:free", "deepseek/deepseek-r1:free"),
        ("ft:gpt-4o-mini:acme::abc", "ft:gpt-4o-mini:acme::abc"),
        ("localhost:5000/team/model", "localhost:5000/team/model:latest"),
        ("C:/models/tiny.gguf", "C:/models/tiny.gguf:latest"),
        ("library/x", "library/x:latest"),
    ],
)
def test_display_name_keeps_the_id_and_always_has_a_tag(model_id: str, shown: str) -> None:
    assert display_name(model_id) == shown
    assert display_name(shown) == shown


@pytest.mark.parametrize(
    ("name", "normalized", "qualified"),
    [
        ("x", "x:latest", "registry.ollama.ai/library/x:latest"),
        (" x:7b ", "x:7b", "registry.ollama.ai/library/x:7b"),
        ("library/x", "x:latest", "registry.ollama.ai/library/x:latest"),
        ("Registry.Ollama.AI/Library/x", "x:latest", "registry.ollama.ai/library/x:latest"),
        ("me/x", "me/x:latest", "registry.ollama.ai/me/x:latest"),
        ("registry.ollama.ai/me/x", "me/x:latest", "registry.ollama.ai/me/x:latest"),
        ("hf.co/me/x:Q4", "hf.co/me/x:Q4", "hf.co/me/x:Q4"),
        ("hf.co/library/x", "hf.co/library/x:latest", "hf.co/library/x:latest"),
        ("accounts/fireworks/models/x", "accounts/fireworks/models/x:latest", "accounts/fireworks/models/x:latest"),
    ],
)
def test_names_are_normalised_and_qualified_as_ollama_does(name: str, normalized: str, qualified: str) -> None:
    assert normalized_name(name) == normalized
    assert qualified_name(name) == qualified
