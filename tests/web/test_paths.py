from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.web.paths import TidyPaths


def tidied(path: str) -> str:
    seen: list[str] = []

    def app(environ: dict[str, Any], _: Any) -> list[bytes]:
        seen.append(environ["PATH_INFO"])
        return []

    TidyPaths(app)({"PATH_INFO": path}, lambda *_: None)
    return seen[0]


@pytest.mark.parametrize(
    ("path", "tidy"),
    [
        ("/", "/"),
        ("", ""),
        ("//", "/"),
        ("/api/chat", "/api/chat"),
        ("//api/chat", "/api/chat"),
        ("/api///chat/", "/api/chat"),
        ("/v1/models/a/b", "/v1/models/a/b"),
        ("/a/./b/../c/", "/a/./b/../c"),
    ],
)
def test_path_has_single_slashes_and_none_at_its_end(path: str, tidy: str) -> None:
    assert tidied(path) == tidy


@given(st.text("/ab."))
def test_path_when_tidy_stays(path: str) -> None:
    assert tidied(tidied(path)) == tidied(path)
    assert tidied(path).replace("/", "") == path.replace("/", "")
