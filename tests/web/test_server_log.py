from __future__ import annotations

import pytest
from gunicorn.config import Config

from proxy.gunicorn_conf import gunicorn_options
from proxy.settings import Settings
from proxy.web.server_log import ErrorLog


@pytest.fixture
def log() -> ErrorLog:
    """The log of a server as we configure it, but for the handlers, which are this process's."""
    cfg = Config()
    for name, value in gunicorn_options(Settings(enable_metrics=False)).items():
        if name != "logconfig_dict":
            cfg.set(name, value)
    found = cfg.logger_class(cfg)
    assert isinstance(found, ErrorLog)
    return found


def test_gunicorns_access_line_is_not_even_begun(log: ErrorLog) -> None:
    log.access(None, None, None, None)  # each of these would be looked into
