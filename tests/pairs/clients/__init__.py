"""The clients' APIs: how a scene is asked in each, and how the answer is read. Strict readers: what an SDK stumbles over fails here."""

from tests.pairs.clients.anthropic import MESSAGES
from tests.pairs.clients.ingress import Ingress
from tests.pairs.clients.ollama import OLLAMA_CHAT, OLLAMA_GENERATE
from tests.pairs.clients.openai_chat import CHAT
from tests.pairs.clients.openai_completions import COMPLETIONS
from tests.pairs.clients.openai_responses import RESPONSES

INGRESSES = (CHAT, RESPONSES, MESSAGES, OLLAMA_CHAT)
"""Those that chat."""

PROMPTS = (COMPLETIONS, OLLAMA_GENERATE)
"""Those in which one text is asked for another."""

__all__ = ["INGRESSES", "PROMPTS", "Ingress"]
