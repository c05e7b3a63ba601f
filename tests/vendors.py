"""Clients of the vendors' own libraries for servers on loopback.

They load no authorities of certificates: nobody asks those there, and loading them takes longer than most of what is asked.
"""

from __future__ import annotations

from typing import Any

import anthropic
import ollama
import openai


def anthropic_at(address: str, **options: Any) -> anthropic.Anthropic:
    """A client that asks once."""
    options = {"api_key": "of-the-client", "max_retries": 0, **options}
    return anthropic.Anthropic(base_url=address, http_client=anthropic.DefaultHttpxClient(verify=False), **options)


def openai_at(address: str, **options: Any) -> openai.OpenAI:
    """A client that asks once, of what is at `address` and ends in `/v1`."""
    options = {"api_key": "of-the-client", "max_retries": 0, **options}
    return openai.OpenAI(base_url=f"{address}/v1", http_client=openai.DefaultHttpxClient(verify=False), **options)


def ollama_at(address: str) -> ollama.Client:
    """A client."""
    return ollama.Client(host=address, verify=False)
