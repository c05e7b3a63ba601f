"""Eleven servers that speak OpenAI's API each in its own way: their model lists, their refusals, their errors, their streams.

    base_url, stop, log = start_fake("groq")
    ... requests to f"{base_url}/chat/completions" ...
    assert log[-1].status == 200 and not log[-1].ignored
    stop()

Real servers that ignore what they do not know answer all the same here, and the log says what they ignored. They judge as the threads
and documents say that their users and makers left behind; nothing here was recorded from the real ones.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

from tests.fakes.azure import AzureFake
from tests.fakes.deepseek import DeepSeekFake
from tests.fakes.groq import GroqFake
from tests.fakes.llamacpp import LlamaCppFake
from tests.fakes.lmstudio import LMStudioFake
from tests.fakes.mistral import MistralFake
from tests.fakes.nim import NimFake
from tests.fakes.openai import OpenAIFake
from tests.fakes.openrouter import OpenRouterFake
from tests.fakes.server import Fake, LogEntry, serve
from tests.fakes.together import TogetherFake
from tests.fakes.vllm import VllmFake

FAKES: Mapping[str, type[Fake]] = MappingProxyType(
    {
        fake.name: fake
        for fake in (
            OpenAIFake,
            AzureFake,
            VllmFake,
            LlamaCppFake,
            LMStudioFake,
            OpenRouterFake,
            DeepSeekFake,
            GroqFake,
            MistralFake,
            TogetherFake,
            NimFake,
        )
    }
)


def start_fake(name: str) -> tuple[str, Callable[[], None], list[LogEntry]]:
    """A running server: its base URL, how to stop it, and what was asked of it so far."""
    return serve(FAKES[name]())
