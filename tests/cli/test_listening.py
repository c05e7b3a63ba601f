"""Where `serve` and `demo` listen, and with which of gunicorn's options."""

from __future__ import annotations

import os
import tempfile
from typing import Any

import pytest
from gunicorn.util import load_class
from gunicorn.workers.ggevent import GeventWorker

from proxy.cli.demo import _for_a_demo
from proxy.cli.listening import address_of
from proxy.cli.table import in_columns
from proxy.gateway_config import load_config
from proxy.gunicorn_conf import gunicorn_options
from proxy.settings import Settings, SettingsError


def options(**environ: str) -> dict[str, Any]:
    return gunicorn_options(load_config(environ, None, needs_upstream=False))


def test_gunicorn_is_told_what_the_settings_say() -> None:
    told = options(PROXY_PORT="8080", WEB_CONCURRENCY="3", WORKER_CONNECTIONS="50", GRACEFUL_TIMEOUT="20", FORWARDED_ALLOW_IPS="10.0.0.1")
    assert told["bind"] == "0.0.0.0:8080"
    assert (told["workers"], told["worker_connections"], told["graceful_timeout"]) == (3, 50, 20)
    assert told["forwarded_allow_ips"] == "10.0.0.1"


def test_gunicorn_serves_with_gevent_and_loads_the_app_in_its_workers_only() -> None:
    told = options()
    assert issubclass(load_class(told["worker_class"]), GeventWorker)
    assert "preload_app" not in told


def test_gunicorn_writes_no_access_log_and_opens_no_control_socket() -> None:
    told = options()
    assert told["accesslog"] is None
    assert told["control_socket_disable"] is True


@pytest.mark.parametrize(("host", "bind"), [("::1", "[::1]:11434"), ("127.0.0.1", "127.0.0.1:11434"), ("localhost", "localhost:11434")])
def test_an_address_is_written_as_gunicorn_reads_it(host: str, bind: str) -> None:
    assert options(PROXY_HOST=host)["bind"] == bind


def test_a_machine_without_a_folder_for_temporary_files_is_told_so(monkeypatch: pytest.MonkeyPatch) -> None:
    def nowhere() -> str:
        raise FileNotFoundError

    monkeypatch.setattr(os, "access", lambda *_: False)
    assert options()["worker_tmp_dir"] == tempfile.gettempdir()
    monkeypatch.setattr(tempfile, "gettempdir", nowhere)
    with pytest.raises(SettingsError, match="TMPDIR must name a folder that can be written"):
        options()


def test_the_log_is_configured_for_gunicorn_too() -> None:
    told = options(LOG_LEVEL="ERROR")["logconfig_dict"]
    assert told["loggers"]["gunicorn.error"]["level"] == "ERROR"
    assert told["loggers"]["proxy"]["level"] == "ERROR"


def test_a_demo_is_for_this_machine_only_unless_told_otherwise() -> None:
    by_default = _for_a_demo(Settings.from_env({}, dotenv=None))
    assert (by_default.proxy_host, by_default.web_concurrency) == ("127.0.0.1", 1)
    as_told = _for_a_demo(Settings.from_env({"PROXY_HOST": "0.0.0.0", "WEB_CONCURRENCY": "2"}, dotenv=None))
    assert (as_told.proxy_host, as_told.web_concurrency) == ("0.0.0.0", 2)


@pytest.mark.parametrize(
    ("host", "address"),
    [
        ("0.0.0.0", "http://127.0.0.1:11434"),
        ("::", "http://[::1]:11434"),
        ("::1", "http://[::1]:11434"),
        ("localhost", "http://localhost:11434"),
    ],
)
def test_the_address_that_is_printed_can_be_opened(host: str, address: str) -> None:
    assert address_of(Settings.from_env({"PROXY_HOST": host}, dotenv=None)) == address


def test_columns_are_as_wide_as_their_widest_cell() -> None:
    assert in_columns([("a", "bbb", "c"), ("aaaa", "b", "")]) == "a     bbb  c\naaaa  b"
