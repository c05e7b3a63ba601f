"""nginx, twice: as the upstream with canned answers, and as a plain reverse proxy in front of it. Writes configurations and files."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from benchmarks.machine import find_program
from benchmarks.processes import Launch, free_port
from benchmarks.upstreams.canned import answers, places

# One process, no log, no limit on requests per connection. Streams are chunked, as real ones are: `ssi` takes the length of a file away.
_FRAME = """\
daemon off;
master_process off;
pid {folder}/nginx.pid;
error_log stderr error;
worker_rlimit_nofile 20000;
events {{ worker_connections 8192; }}
http {{
    access_log off;
    keepalive_requests 1000000000;
    keepalive_timeout 600s;
    client_max_body_size 64m;
    client_body_buffer_size 16m;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    tcp_nodelay on;
    open_file_cache max=100 inactive=600s;
{body}
}}
"""
_UPSTREAM = """\
    server {{
        listen 127.0.0.1:{port} backlog=4096;
        location = / {{ return 200 "ready"; }}
        location /answers/ {{
            internal;
            root {folder};
            types {{ application/json json; text/event-stream sse; }}
            output_buffers 2 2m;
            ssi on;
            ssi_types text/event-stream;
        }}
{locations}
    }}
"""
# A POST to a file is 405: the answer is made of that error, which costs nginx no second request.
_LOCATION = "        location = {path} {{ error_page 405 =200 /answers/{file}; return 405; }}"
_REVERSE_PROXY = """\
    upstream target {{ server {target}; keepalive 64; }}
    server {{
        listen 127.0.0.1:{port} backlog=4096;
        location = / {{ return 200 "ready"; }}
        location / {{
            proxy_pass http://target{prefix}/;
            proxy_http_version 1.1;
            proxy_set_header Connection "";
            proxy_buffering off;
        }}
    }}
"""


def launch_upstream(folder: Path) -> Launch:
    """The upstream. It is asked at `/<place>/v1`, for the places of `canned.places`."""
    home, port = folder / "upstream", free_port()
    (home / "answers").mkdir(parents=True)
    for name, body in answers().items():
        (home / "answers" / name).write_bytes(body)
    return _launch(home, port, upstream_config(home, port))


def launch_reverse_proxy(folder: Path, upstream_url: str) -> Launch:
    """nginx in front of `upstream_url`, a URL that ends in /v1."""
    port = free_port()
    home = folder / f"nginx-{port}"
    home.mkdir()
    return _launch(home, port, reverse_proxy_config(home, port, upstream_url))


def upstream_config(folder: Path, port: int) -> str:
    """The configuration of the upstream."""
    return _FRAME.format(folder=folder, body=_UPSTREAM.format(folder=folder, port=port, locations="\n".join(_locations())))


def reverse_proxy_config(folder: Path, port: int, upstream_url: str) -> str:
    """The configuration of the reverse proxy."""
    target, _, prefix = upstream_url.removeprefix("http://").removesuffix("/v1").partition("/")
    body = _REVERSE_PROXY.format(port=port, target=target, prefix=f"/{prefix}" if prefix else "")
    return _FRAME.format(folder=folder, body=body)


def _locations() -> Iterator[str]:
    for place, (chat, models) in places().items():
        for path, file in (("chat/completions", chat), ("models", models), ("embeddings", "embeddings.json")):
            yield _LOCATION.format(path=f"/{place}/v1/{path}", file=file)


def _launch(home: Path, port: int, config: str) -> Launch:
    file = home / "nginx.conf"
    file.write_text(config)
    return Launch([find_program("nginx"), "-p", str(home), "-c", str(file), "-e", "stderr"], port)
