"""The gateway with the demo behind it: what `ollama-openai-proxy demo` serves.

Each worker starts a demo server of its own on loopback, so that requests take the same way as to any other upstream.
"""

from __future__ import annotations

from dataclasses import replace

from flask import Flask

from proxy.app import create_app
from proxy.demo.serving import start_demo_server
from proxy.settings import Settings


def create_demo_app(settings: Settings | None = None) -> Flask:
    """The gateway app whose upstream is a demo server, which is started here and lives as long as the process.

    Nothing of the configured upstream is used: neither its address nor its key, proxy or profile.

    Args:
        settings: read from the environment and `.env` when absent.
    """
    server = start_demo_server()
    ours = replace(
        settings or Settings.from_env(), openai_api_base_url=server.base_url, openai_api_key="", upstream_proxy="", upstream_profile="auto"
    )
    return create_app(ours)
