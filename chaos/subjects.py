"""Who stands in front of the replicas: the gateway; or nginx, which shows that the harness finds what it looks for."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.machine import find_program
from benchmarks.processes import Launch
from chaos.load.kinds import EVERYBODY, OPENAI_STREAM, OPENAI_WHOLE, Kind
from chaos.orders import MODEL
from chaos.ports import quiet_port
from chaos.programs import ROOT

WORKERS = 2
# Answers here take milliseconds, and a frozen replica shall be told from a slow one within the run. All else is as it comes.
TIMEOUTS = {"connect": 1.0, "first_byte": 2.0, "idle": 2.0, "health_check": 1.0}
GRACEFUL_S = 8
UPSTREAM = "boxes"

_SERVE = "import sys; from proxy.cli import main; sys.exit(main(['serve']))"
_NGINX = """\
daemon off;
worker_processes {workers};
pid {folder}/nginx.pid;
error_log stderr error;
events {{ worker_connections 1024; }}
http {{
    access_log off;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    upstream boxes {{ zone boxes 64k; {servers} keepalive 16; }}
    server {{
        listen 127.0.0.1:{port};
        location = / {{ return 200 "ready"; }}
        location / {{
            proxy_pass http://boxes;
            proxy_http_version 1.1;
            proxy_set_header Connection "";
            proxy_buffering off;
            proxy_connect_timeout {connect:.0f}s;
            proxy_read_timeout {first_byte:.0f}s;
            proxy_next_upstream error timeout invalid_header http_500 http_503 http_429 non_idempotent;
        }}
    }}
}}
"""


@dataclass(frozen=True, slots=True)
class Config:
    """What is configured besides the replicas. Changes of it are what a reload is for.

    Attributes:
        cooldown_s: how long a breaker stays open.
        failures: how many in a row open one.
        aliases: more names for the model.
        limits: of the upstream, by their keys.
        env: more variables.
    """

    cooldown_s: float = 5.0
    failures: int = 5
    aliases: Sequence[str] = ()
    limits: Mapping[str, float] = field(default_factory=dict)
    env: Mapping[str, str] = field(default_factory=dict)

    def to_toml(self, base_urls: Sequence[str]) -> str:
        """The configuration file."""
        urls = ", ".join(f'"{url}"' for url in base_urls)
        aliases = "\n".join(f'{name} = "{MODEL}"' for name in self.aliases)
        return (
            f"[upstreams.{UPSTREAM}]\nbase_url = [{urls}]\nbreaker_cooldown = {self.cooldown_s}\nbreaker_failures = {self.failures}\n\n"
            f"[upstreams.{UPSTREAM}.timeouts]\n{_lines(TIMEOUTS)}\n\n"
            f"[upstreams.{UPSTREAM}.limits]\n{_lines(self.limits)}\n\n"
            f"[upstreams.{UPSTREAM}.aliases]\n{aliases}\n"
        )


PLAIN = Config()


@dataclass(frozen=True, slots=True)
class Subject:
    """One who can stand in front of the replicas. `launch` is given a folder of its own, the base URLs, and the configuration."""

    name: str
    kinds: Sequence[Kind]
    launch: Callable[[Path, Sequence[str], Config], Launch]


def config_file(folder: Path) -> Path:
    """Where the gateway's configuration is."""
    return folder / "proxy.toml"


def launch_gateway(folder: Path, base_urls: Sequence[str], config: Config) -> Launch:
    """The gateway, as `serve` starts it."""
    port = quiet_port()
    config_file(folder).write_text(config.to_toml(base_urls))
    settings = {
        "PYTHONPATH": str(ROOT),
        "PROXY_CONFIG": str(config_file(folder)),
        "PROXY_HOST": "127.0.0.1",
        "PROXY_PORT": str(port),
        "WEB_CONCURRENCY": str(WORKERS),
        "GRACEFUL_TIMEOUT": str(GRACEFUL_S),
    }
    return Launch([sys.executable, "-c", _SERVE], port, env={**settings, **config.env})


def launch_nginx(folder: Path, base_urls: Sequence[str], _: Config) -> Launch:
    """nginx with the replicas as its upstream, told to ask the next one of whatever it can tell for a failure."""
    port = quiet_port()
    servers = " ".join(f"server {url.removeprefix('http://').removesuffix('/v1')} max_fails=5 fail_timeout=5s;" for url in base_urls)
    file = folder / "nginx.conf"
    file.write_text(_NGINX.format(folder=folder, port=port, servers=servers, workers=WORKERS, **TIMEOUTS))
    return Launch([find_program("nginx"), "-p", str(folder), "-c", str(file), "-e", "stderr"], port)


def _lines(members: Mapping[str, float]) -> str:
    return "\n".join(f"{name} = {value}" for name, value in members.items())


GATEWAY = Subject("gateway", EVERYBODY, launch_gateway)
NGINX = Subject("nginx", (OPENAI_STREAM, OPENAI_WHOLE), launch_nginx)
SUBJECTS = {subject.name: subject for subject in (GATEWAY, NGINX)}
