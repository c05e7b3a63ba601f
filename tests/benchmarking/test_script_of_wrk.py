"""What wrk's script says of answers, in the Lua that wrk has built in."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import lupa.luajit21
import pytest

from benchmarks import workloads
from benchmarks.upstreams import canned
from tests.benchmarking.made_up import ollama_stream

ROOT = Path(__file__).parents[2]


LUA = (ROOT / "benchmarks/loads/ask.lua").read_text()


def is_right(body: bytes, question: workloads.Question, status: int = 200) -> bool:
    """What the script says of an answer, in the Lua that wrk has built in."""
    lua = lupa.luajit21.LuaRuntime(encoding=None)
    lua.execute(LUA)
    values = lua.globals()
    values[b"mark"], values[b"least"], values[b"greatest"] = question.mark, len(body) - 999, len(body) + 999
    values[b"words"] = question.words
    return bool(values[b"is_right"](status, body))


@pytest.mark.parametrize("dialect", ["ollama", "openai"])
@pytest.mark.parametrize(
    ("change", "right"),
    [
        (lambda body: body, True),
        (lambda body: body.replace(b" word100", b""), False),
        (lambda body: body.replace(b" word100", b" word100 word100"), False),
        (lambda body: body.replace(b" word100", b" word101", 1), False),
        (lambda body: body.replace(b" word197", b" word198"), False),
        (lambda body: body.replace(b" word197", b" word197 word198"), False),
        (lambda body: body[:-20], False),
    ],
)
def test_wrk_sees_a_word_that_was_lost_doubled_or_changed(dialect: workloads.Dialect, change: Any, right: bool) -> None:
    body = {"ollama": ollama_stream(), "openai": canned.answers()["stream.sse"]}[dialect]
    assert is_right(change(body), workloads.stream().questions[dialect]) is right


def test_wrk_counts_no_words_where_none_are() -> None:
    question = workloads.chat().questions["openai"]
    assert is_right(canned.answers()["chat.json"], question)
    assert not is_right(canned.answers()["chat.json"], question, status=502)
    assert not is_right(canned.answers()["tools.json"], question)
