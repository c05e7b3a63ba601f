"""The settings, read once from the environment and `.env`, validated, and handed down. Nobody else reads the environment."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything that an operator can decide. Field names are the variables' names in lower case; secrets are hidden in `repr`."""

    openai_api_base_url: str = ""
    openai_api_key: str = field(default="", repr=False)
    proxy_host: str = "0.0.0.0"
    proxy_port: int = 11434
    web_concurrency: int = 1
    worker_connections: int = 1000
    graceful_timeout: int = 30
    forwarded_allow_ips: str = "127.0.0.1,::1"
    log_level: str = "INFO"
    request_timeout: float = 60.0
    first_byte_timeout: float = 300.0
    connect_timeout: float = 5.0
    body_timeout: float = 30.0
    keepalive_interval: float = 15.0
    max_retries: int = 3
    retry_after_max: float = 5.0
    breaker_failures: int = 5
    breaker_cooldown: float = 5.0
    debug: bool = False
    model_mapping_file: str = ""
    model_catalog_file: str = ""
    model_list_ttl: float = 60.0
    default_model: str = ""
    upstream_profile: str = "auto"
    upstream_proxy: str = ""
    upstream_ca_bundle: str = ""
    disable_ssl_verification: bool = False
    enable_metrics: bool = True
    cors_origins: tuple[str, ...] = ("*",)
    allowed_hosts: tuple[str, ...] = ()
    request_max_size: int = 10 * 1024 * 1024
    health_check_timeout: float = 30.0
    ollama_version: str = "0.33.0"
    origins: Mapping[str, str] = field(default_factory=dict, repr=False, compare=False)
