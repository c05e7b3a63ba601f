"""What a mount holds, on both sides of a fork."""

from __future__ import annotations

import os
import threading
from typing import cast

import pytest

from proxy.gateway import Gateway
from proxy.settings import Settings
from proxy.web.state import MountState


class Builder:
    """Makes gateways, each another one."""

    def __init__(self) -> None:
        self.made = 0

    def __call__(self) -> Gateway:
        self.made += 1
        return cast(Gateway, f"gateway {self.made}")


@pytest.fixture
def build() -> Builder:
    return Builder()


@pytest.fixture
def mount(build: Builder) -> MountState:
    return MountState(Settings(), build(), None, build)


def test_gateway_in_the_process_that_made_it_is_that_one(mount: MountState, build: Builder) -> None:
    assert [mount.gateway, mount.gateway] == ["gateway 1", "gateway 1"]
    assert build.made == 1


def fork(monkeypatch: pytest.MonkeyPatch) -> None:
    """From now on, this is another process."""
    child = os.getpid() + 1
    monkeypatch.setattr(os, "getpid", lambda: child)


def test_gateway_after_a_fork_is_a_new_one_for_all_threads(mount: MountState, build: Builder, monkeypatch: pytest.MonkeyPatch) -> None:
    fork(monkeypatch)
    found: list[object] = []
    threads = [threading.Thread(target=lambda: found.append(mount.gateway)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(5)
    assert found == ["gateway 2"] * 8
    assert build.made == 2


def test_gateway_that_cannot_be_made_anew_stays(build: Builder, monkeypatch: pytest.MonkeyPatch) -> None:
    mount = MountState(Settings(), build(), None)
    fork(monkeypatch)
    assert mount.gateway == "gateway 1"
