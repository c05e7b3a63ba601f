"""gunicorn, started from the command line. This runs in the master: see `proxy.gunicorn_conf` for what may be imported."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from gunicorn.app.base import BaseApplication

from proxy.gateway_config import GatewayConfig
from proxy.gunicorn_conf import gunicorn_options, refuse
from proxy.settings import SettingsError


class Server(BaseApplication):  # type: ignore[misc]
    """A gunicorn whose options come from our configuration, then from `GUNICORN_CMD_ARGS`.

    Args:
        read_config: asked at the start and at each reload. Raises `SettingsError`.
        make_app: makes the WSGI app; called in the workers only.
    """

    def __init__(self, read_config: Callable[[], GatewayConfig], make_app: Callable[[GatewayConfig], Any]) -> None:
        self._read_config = read_config
        self._make_app = make_app
        self.config = read_config()
        self._options = gunicorn_options(self.config)
        super().__init__(prog="ollama-openai-proxy")

    def load_config(self) -> None:
        for name, value in self._options.items():
            self.cfg.set(name, value)
        from_environment = self.cfg.parser().parse_args(self.cfg.get_cmd_args_from_env())
        for name, value in vars(from_environment).items():
            if value is not None and name in self.cfg.settings:
                self.cfg.set(name, value)

    def load(self) -> Any:
        return self._make_app(self.config)

    def reload(self) -> None:
        """Takes the configuration anew (SIGHUP). A wrong one is logged and the old one stays: a slip does not stop a running server."""
        try:
            config = self._read_config()
            options = gunicorn_options(config)
        except SettingsError as error:
            refuse(error)
            return
        self.config, self._options = config, options
        self.callable = None
        super().reload()
