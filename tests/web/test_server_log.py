from __future__ import annotations

import pytest
from gunicorn.config import Config
from gunicorn.glogging import Logger

from proxy.gateway_config import config_of
from proxy.gunicorn_conf import gunicorn_options
from proxy.settings import Settings
from proxy.web.server_log import ErrorLog


@pytest.fixture
def log() -> ErrorLog:
    """The log of a server as we configure it."""
    cfg = Config()
    for name, value in gunicorn_options(config_of(Settings(openai_api_base_url="http://127.0.0.1:9/v1", enable_metrics=False))).items():
        cfg.set(name, value)
    # The handlers are this process's, and stay as they are.
    log = cfg.logger_class.__new__(cfg.logger_class)
    log.cfg = cfg
    assert isinstance(log, ErrorLog)
    return log


def test_gunicorns_access_line_is_not_even_begun(log: ErrorLog) -> None:
    with pytest.raises(AttributeError):
        Logger.access(log, None, None, None, None)  # gunicorn's own looks into each of these
    log.access(None, None, None, None)
