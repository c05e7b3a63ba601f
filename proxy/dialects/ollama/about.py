"""What the server says of itself, and of an account that it does not have. Pure."""

from __future__ import annotations

from collections.abc import Sequence

import orjson

RUNNING = "Ollama is running"

STATUS = b'{"cloud":{"disabled":false,"source":"none"}}'

# Signed out, and no `signin_url`: the CLI opens that address in a browser or waits for the sign-in to happen, which would help nobody here.
# Without it, it says that one must be signed in for cloud models and goes on (O:cmd/cmd.go, O:cmd/config).
SIGNED_OUT = b'{"error":"unauthorized"}'

# What signing out answers, signed in or not.
NOTHING = b"null"

RECOMMENDATIONS = b'{"recommendations":[]}'


def render_version(version: str) -> bytes:
    """The version of Ollama whose API this is."""
    return orjson.dumps({"version": version})


def render_service(name: str, version: str, ollama_version: str, endpoints: Sequence[tuple[str, Sequence[str]]]) -> bytes:
    """What the gateway is, for those who ask for JSON at its root.

    Args:
        endpoints: paths with their methods.
    """
    listed = [{"path": path, "methods": methods} for path, methods in sorted(endpoints)]
    return orjson.dumps({"service": name, "version": version, "ollama_version": ollama_version, "endpoints": listed})
