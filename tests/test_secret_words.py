from __future__ import annotations

import re

import pytest

from proxy.secret_words import KEY_LOOKS, may_hold_key
from proxy.web.logs import Redactor
from proxy.wire.plain_words import plain

KEYS = [
    f"{begin}abc123DEF456"
    for begin in ("sk-", "sk-proj-", "sk_", "csk-", "gsk_", "xai-", "nvapi-", "pplx-", "hf_", "fw_", "tgp_v1_", "AIza", "sk-ant-")
]


@pytest.mark.parametrize("key", KEYS)
def test_a_key_is_known_by_its_looks_in_logs_and_answers_alike(key: str) -> None:
    assert may_hold_key(key.lower())
    assert Redactor().redact(f"with {key}, refused") == "with ***, refused"
    assert plain(f"with {key}, refused") == "with [key], refused"


@pytest.mark.parametrize("text", ["risk-averse", "a task-list", "xai", "hf_x", "AIza", "disk_usage_total", "chef_recipes"])
def test_other_words_are_no_keys(text: str) -> None:
    assert re.search(KEY_LOOKS, text) is None
