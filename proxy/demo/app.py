"""The gateway with the demo behind it: what `ollama-openai-proxy demo` serves.

Each worker starts a demo server of its own on loopback, so that requests take the same way as to any other upstream.
"""

from __future__ import annotations

from dataclasses import replace

from flask import Flask

from proxy.app import create_app
from proxy.config_file import DEFAULT_NAME
from proxy.demo.serving import start_demo_server
from proxy.gateway_config import GatewayConfig, load_config
from proxy.upstream_reading import upstream_of


def create_demo_app(config: GatewayConfig | None = None) -> Flask:
    """The gateway app whose upstream is a demo server, which is started here and lives as long as the process.

    Nothing of the configured upstreams is used: neither their addresses nor their keys, proxies, profiles and fallbacks.

    Args:
        config: read from the environment, `.env` and the file PROXY_CONFIG when absent.
    """
    config = config or load_config(needs_upstream=False)
    server = start_demo_server()
    settings = replace(config.settings, openai_api_base_url=server.base_url, openai_api_key="", upstream_proxy="", upstream_profile="auto")
    return create_app(replace(config, settings=settings, upstreams=(upstream_of(settings),), default_upstream=DEFAULT_NAME, fallbacks={}))
