"""How gunicorn serves the gateway: `serve`, `demo` and the file `gunicorn.conf.py` take everything from here.

The master reads this before gevent patches its workers. Nothing here may import requests, urllib3, Flask or the app; prometheus_client
comes in only when a worker has died.
"""

from __future__ import annotations

import logging
import os
import shutil
import tempfile
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Any

from proxy.gateway_config import GatewayConfig, load_config
from proxy.routing import profile_of
from proxy.settings import SettingsError
from proxy.upstream import model_changes  # noqa: F401 - here, before workers are forked: they share what it keeps
from proxy.upstream_settings import UpstreamSettings
from proxy.web.allocator import return_large_blocks
from proxy.web.logs import log_config
from proxy.web.server_log import ErrorLog

# An idle client's connection delays a graceful stop by so much; HTTP libraries keep theirs for about as long.
_KEEPALIVE_S = 5
# A worker that has not come round to its event loop for so long hangs. Streams do not count: they give way to the loop all the time.
_HANGING_AFTER_S = 60
# The master kills its workers at the graceful timeout. They stop waiting earlier, so that open streams can still be told why they end.
_LAST_WORDS_S = 2
_METRICS_VARIABLE = "PROMETHEUS_MULTIPROC_DIR"
_OPERATOR_METRICS_FOLDER = os.environ.get(_METRICS_VARIABLE) or None

_config_in_force: GatewayConfig | None = None
_refusal = ""


def options_from_environment() -> dict[str, Any]:
    """gunicorn's options by the configuration, for `gunicorn.conf.py`, which is read at the start and at each reload.

    A wrong configuration ends the start with one message. At a reload it is logged and the old one stays: a slip does not stop a running
    server.
    """
    global _config_in_force  # noqa: PLW0603 - gunicorn reads modules, and keeps nothing for them
    try:
        config = load_config()
        options = gunicorn_options(config)
    except SettingsError as error:
        if _config_in_force is None:
            raise SystemExit(f"Error: {error}") from None
        refuse(error)
        return gunicorn_options(_config_in_force)
    _config_in_force = config
    return options


def config_in_force() -> GatewayConfig | None:
    """The configuration that this master read, for its workers; `None` when some other server runs the app."""
    return _config_in_force


def put_in_force(config: GatewayConfig | None) -> None:
    """Makes `config` the one that workers get from now on: what has been read since could not be used."""
    global _config_in_force  # noqa: PLW0603
    _config_in_force = config


def refuse(error: SettingsError) -> None:
    """Says why a reload changes nothing."""
    global _refusal  # noqa: PLW0603
    _refusal = str(error)
    logging.getLogger("gunicorn.error").error("Settings are wrong, the old ones stay in force: %s", error)


def refusal() -> str:
    """Why the configuration that was read last was refused; `""` when it was not. Forgotten when told."""
    global _refusal
    told, _refusal = _refusal, ""
    return told


def gunicorn_options(config: GatewayConfig) -> dict[str, Any]:
    """gunicorn's options, hooks included, by its own names. Raises `SettingsError` when there is no room for temporary files."""
    settings = config.settings
    host = f"[{settings.proxy_host}]" if ":" in settings.proxy_host else settings.proxy_host
    last_words_at_s = max(settings.graceful_timeout - _LAST_WORDS_S, 1)
    return {
        "bind": f"{host}:{settings.proxy_port}",
        "worker_class": "proxy.worker.GatewayWorker",
        "workers": settings.web_concurrency,
        "worker_connections": settings.worker_connections,
        "timeout": _HANGING_AFTER_S,
        "graceful_timeout": settings.graceful_timeout,
        "keepalive": _KEEPALIVE_S,
        "forwarded_allow_ips": settings.forwarded_allow_ips,
        "worker_tmp_dir": folder_in_memory(),
        "control_socket_disable": True,
        "accesslog": None,
        "logger_class": ErrorLog,
        "logconfig_dict": log_config(settings.log_level, settings.debug, secrets=config.secrets()),
        "proc_name": "ollama-openai-proxy",
        "on_starting": partial(lead, config),
        "on_reload": partial(follow_config, config),
        "post_worker_init": partial(prepare_worker, last_words_at_s),
        "child_exit": forget_worker,
        "pre_exec": keep_metrics_folder,
        "on_exit": remove_metrics_folder,
        **({"when_ready": make_metrics_folder} if settings.enable_metrics else {}),
    }


def lead(config: GatewayConfig, server: Any) -> None:
    """Makes the master one that stops and reloads without losing a request."""
    # By name: it needs what is here.
    import_module("proxy.master").take_over(server, config.settings.drain_delay)
    if advice := advice_on_workers(config, server.cfg.workers):
        server.log.warning("%s", advice)


def advice_on_workers(config: GatewayConfig, workers: int) -> str:
    """What so many workers lose because they share nothing; `""` when nothing is lost."""
    if workers < 2 or config.settings.redis_url:
        return ""
    expecting = [f"'{told.name}'" for told in config.upstreams if _wants_signatures(told)]
    if not expecting:
        return ""
    return (
        f"What models of {', '.join(expecting)} want to see again with their tool calls (signatures, thoughts), each of {workers} workers "
        "keeps for itself: clients that do not bring it back lose it where another worker gets their next request. Set REDIS_URL, by which "
        "workers share it, or WEB_CONCURRENCY to 1"
    )


def _wants_signatures(told: UpstreamSettings) -> bool:
    profile = profile_of(told.replicas[0].base_url, told.profile, None, "", told.dialect)
    return bool(profile.signatures) or profile.must_echo_reasoning


def follow_config(config: GatewayConfig, server: Any) -> None:
    """Gives the master what a reload may have changed."""
    lead(config, server)
    if config.settings.enable_metrics and _METRICS_VARIABLE not in os.environ:
        make_metrics_folder(server)


def prepare_worker(last_words_at_s: float, worker: Any) -> None:
    """Lets a worker that stops tell the clients of open streams why they end, before the master kills it; sees to its memory and its log;
    and starts what runs beside the requests.
    """
    return_large_blocks()
    # No line tells the thread. To name it, gevent makes an object for each connection that is logged of: 62 us for its first record
    # instead of 7 (about 3 % of an answer over a new connection).
    logging.logThreads = False
    worker.cfg.set("graceful_timeout", last_words_at_s)
    # By name: they need gevent and Flask, which the master must not have.
    import_module("proxy.web.last_words").watch_for_the_end(worker, last_words_at_s)
    import_module("proxy.extension").start_gateways(worker.wsgi)


def folder_in_memory() -> str:
    """A folder for files that change all the time: heartbeats and counters. It works in containers whose file system is read-only."""
    if os.access("/dev/shm", os.W_OK | os.X_OK):  # noqa: S108
        return "/dev/shm"  # noqa: S108
    try:
        return tempfile.gettempdir()
    except FileNotFoundError:
        raise SettingsError({"TMPDIR": "must name a folder that can be written, or /dev/shm or /tmp must be one"}) from None


def make_metrics_folder(server: Any) -> None:
    """Makes the folder in which workers share their counters; one that the operator names is emptied.

    This is gunicorn's hook `when_ready`: the port is taken, so that a start that fails leaves nothing behind, and no worker has started.
    """
    if _OPERATOR_METRICS_FOLDER is None:
        os.environ[_METRICS_VARIABLE] = tempfile.mkdtemp(prefix=f"ollama-openai-proxy-{os.getpid()}-", dir=folder_in_memory())
    elif server.master_pid == 0:  # else an older master still serves from the same folder, while this one takes over
        folder = Path(_OPERATOR_METRICS_FOLDER)
        folder.mkdir(parents=True, exist_ok=True)
        for left_over in folder.glob("*.db"):
            left_over.unlink()


def forget_worker(_: Any, worker: Any) -> None:
    """Takes what a dead worker had under way out of the metrics; its totals stay."""
    if _METRICS_VARIABLE in os.environ:
        from prometheus_client.multiprocess import mark_process_dead  # it must not be imported before its folder is named

        mark_process_dead(worker.pid)  # type: ignore[no-untyped-call]


def keep_metrics_folder(server: Any) -> None:
    """Lets a new master, started by SIGUSR2, make a folder of its own: the old master takes this one along when it goes."""
    if _OPERATOR_METRICS_FOLDER is None:
        server.cfg.env_orig.pop(_METRICS_VARIABLE, None)


def remove_metrics_folder(_: Any) -> None:
    """Removes the folder, unless it is the operator's."""
    if _OPERATOR_METRICS_FOLDER is None and _METRICS_VARIABLE in os.environ:
        shutil.rmtree(os.environ[_METRICS_VARIABLE], ignore_errors=True)
