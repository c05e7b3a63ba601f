"""Real gateways: gunicorn with gevent workers, one per set of settings, shared by all tests that ask for the same."""

from __future__ import annotations

import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

from tests.live.master import COMMAND, ROOT, Master, running

_BY_GUNICORN = (sys.executable, "-m", "gunicorn", "-c", str(ROOT / "gunicorn.conf.py"), "wsgi:app")
_BY_DEMO = (*COMMAND, "demo")


class Gateways:
    """Starts gateways and keeps them. All run in one empty folder, so that no `.env` has a say."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._stack = ExitStack()
        self._running: dict[tuple[tuple[str, ...], frozenset[tuple[str, str]]], Master] = {}

    def serving(self, base_url: str, **settings: str) -> Master:
        """`gunicorn wsgi:app` in front of the upstream at `base_url`."""
        return self._get(_BY_GUNICORN, {"OPENAI_API_BASE_URL": base_url, **settings})

    def configured(self, file: Path, **settings: str) -> Master:
        """`gunicorn wsgi:app` in front of the upstreams that the configuration file names."""
        return self._get(_BY_GUNICORN, {"PROXY_CONFIG": str(file), **settings})

    def demo(self, **settings: str) -> Master:
        """`ollama-openai-proxy demo`."""
        return self._get(_BY_DEMO, settings)

    def close(self) -> None:
        """Ends all gateways; fails when one does not end with status 0, or has logged an exception on the way."""
        masters = list(self._running.values())
        with self._stack, ThreadPoolExecutor() as pool:
            endings = list(zip(pool.map(Master.stop, masters), masters, strict=True))
        wrong = [(master.lines, master.errors) for status, master in endings if status != 0 or _exceptions(master)]
        assert not wrong, wrong

    def _get(self, command: tuple[str, ...], settings: dict[str, str]) -> Master:
        key = (command, frozenset(settings.items()))
        if key not in self._running:
            environ = {"PYTHONPATH": str(ROOT), **settings}
            master = self._stack.enter_context(running(command, environ, self._folder))
            master.await_answer()
            self._running[key] = master
        return self._running[key]


def _exceptions(master: Master) -> list[str]:
    return [line for line in (*master.lines, *master.errors) if "Traceback" in line]
