"""gunicorn, started from the command line. This runs in the master: see `proxy.gunicorn_conf` for what may be imported."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

from gunicorn.app.base import BaseApplication

from proxy.gunicorn_conf import gunicorn_options
from proxy.settings import Settings, SettingsError


class Server(BaseApplication):  # type: ignore[misc]
    """A gunicorn whose options come from our settings, then from `GUNICORN_CMD_ARGS`.

    Args:
        read_settings: asked at the start and at each reload. Raises `SettingsError`.
        make_app: makes the WSGI app; called in the workers only.
    """

    def __init__(self, read_settings: Callable[[], Settings], make_app: Callable[[Settings], Any]) -> None:
        self._read_settings = read_settings
        self._make_app = make_app
        self.settings = read_settings()
        self._options = gunicorn_options(self.settings)
        super().__init__(prog="ollama-openai-proxy")

    def load_config(self) -> None:
        for name, value in self._options.items():
            self.cfg.set(name, value)
        from_environment = self.cfg.parser().parse_args(self.cfg.get_cmd_args_from_env())
        for name, value in vars(from_environment).items():
            if value is not None and name in self.cfg.settings:
                self.cfg.set(name, value)

    def load(self) -> Any:
        return self._make_app(self.settings)

    def reload(self) -> None:
        """Takes the settings anew (SIGHUP). Wrong ones are logged and the old ones stay, so that a slip does not stop a running server."""
        try:
            settings = self._read_settings()
            options = gunicorn_options(settings)
        except SettingsError as error:
            logging.getLogger("gunicorn.error").error("Settings are wrong, the old ones stay in force: %s", error)
            return
        self.settings, self._options = settings, options
        self.callable = None
        super().reload()
