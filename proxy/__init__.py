"""ollama-openai-proxy: an LLM API gateway that stands where an Ollama server stood.

The public names are loaded on first use, so that the gunicorn master, which reads only the configuration, never imports the HTTP client.
"""

from __future__ import annotations

from importlib import import_module, metadata
from typing import Any

__all__ = ["GatewayConfig", "Proxy", "Settings", "__version__", "create_app", "load_config"]

_HOMES = {
    "GatewayConfig": "proxy.gateway_config",
    "Proxy": "proxy.extension",
    "Settings": "proxy.settings",
    "create_app": "proxy.app",
    "load_config": "proxy.gateway_config",
}


def __getattr__(name: str) -> Any:
    if name == "__version__":
        return metadata.version("ollama-openai-proxy")
    if name in _HOMES:
        return getattr(import_module(_HOMES[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
