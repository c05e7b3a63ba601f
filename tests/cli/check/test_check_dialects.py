"""A server that speaks another dialect than the one that is configured is known by its own, and not blamed for anything else."""

from __future__ import annotations

import pytest

from tests.cli.check.capable_server import an_error
from tests.cli.check.checked import Check, Several, rows_of
from tests.fake_upstream import Answer, FakeUpstream, Request, json_answer
from tests.pairs.scenes import BY_NAME
from tests.pairs.upstreams import ANTHROPIC, EGRESSES, Egress

NATIVE = [egress for egress in EGRESSES if egress.root]
APIS = {"openai": "an OpenAI-compatible API", "anthropic": "an Anthropic API", "gemini": "a Gemini API", "ollama": "an Ollama API"}


@pytest.mark.parametrize("path", ["", "/v1", "/v1beta", "/api", "/v1/messages"])
@pytest.mark.parametrize("egress", NATIVE, ids=lambda egress: egress.name)
def test_a_dialect_that_is_missing_is_told(check: Check, egress: Egress, path: str) -> None:
    with FakeUpstream() as server:
        egress.play(server, BY_NAME["text"])
        status, rows, output = check(f"{server.origin}{path}", OPENAI_API_KEY="sk-right")
        cured, _, _ = check(server.origin, OPENAI_API_KEY="sk-right", UPSTREAM_DEFAULT_DIALECT=egress.name)
    assert (status, cured) == (1, 0)
    assert rows.pop("dialect") == ("failed", f"there is {APIS[egress.name]} here, not an OpenAI-compatible API")
    assert f'dialect: Set UPSTREAM_DEFAULT_DIALECT to "{egress.name}", and OPENAI_API_BASE_URL to {server.origin}.' in output
    assert rows.pop("reachable")[0] == "ok"
    assert {verdict for verdict, _ in rows.values()} == {"skipped"}


@pytest.mark.parametrize("spoken", EGRESSES, ids=lambda egress: egress.name)
@pytest.mark.parametrize("configured", NATIVE, ids=lambda egress: egress.name)
def test_a_dialect_that_is_wrong_is_told(check_several: Several, configured: Egress, spoken: Egress) -> None:
    if configured is spoken:
        return
    with FakeUpstream() as server:
        spoken.play(server, BY_NAME["text"])
        status, _, output = check_several(f'[upstreams.it]\nbase_url = "{server.base_url}"\ndialect = "{configured.name}"\n')
        where = spoken.base_url(server)
    assert status == 1
    assert dict(rows_of(output))["dialect"] == ("failed", f"there is {APIS[spoken.name]} here, not {APIS[configured.name]}")
    assert f'Set upstreams.it.dialect to "{spoken.name}", and upstreams.it.base_url to {where}.' in output


def test_a_key_that_is_shown_in_another_dialects_way_is_not_blamed(check: Check) -> None:
    def wants_its_own_header(request: Request) -> Answer:
        return (
            json_answer(ANTHROPIC.models[1])
            if request.headers.get("x-api-key") == "sk-right"
            else an_error(401, "x-api-key header is required")
        )

    with FakeUpstream() as server:
        server.on("/v1/models", wants_its_own_header)
        _, rows, output = check(server.base_url, OPENAI_API_KEY="sk-right")
        _, with_wrong_key, _ = check(server.base_url, OPENAI_API_KEY="sk-wrong")
    assert rows["key"][0] == "skipped"
    assert 'Set UPSTREAM_DEFAULT_DIALECT to "anthropic"' in output
    assert with_wrong_key["key"] == ("failed", "x-api-key header is required")


def test_servers_that_serve_no_chats_are_not_taken_for_others(check: Check, upstream: FakeUpstream) -> None:
    upstream.on("/chat/completions", an_error(404, "Not Found"))
    upstream.on("/api/tags", json_answer({"models": [{"name": "m", "model": "m", "digest": ""}]}))  # as llama.cpp lists it
    _, rows, _ = check(upstream.base_url)
    assert "dialect" not in rows


def test_anthropic_is_not_asked_for_vectors(check: Check) -> None:
    with FakeUpstream() as server:
        ANTHROPIC.play(server, BY_NAME["text"])
        status, rows, _ = check(server.origin, UPSTREAM_DEFAULT_DIALECT="anthropic")
    assert (status, rows["embeddings"]) == (0, ("skipped", "an Anthropic API has none"))


@pytest.mark.parametrize("egress", EGRESSES, ids=lambda egress: egress.name)
def test_an_answer_in_pieces_is_known_as_such_in_every_dialect(check: Check, egress: Egress) -> None:
    with FakeUpstream() as server:
        egress.play(server, BY_NAME["text"])
        _, rows, _ = check(egress.base_url(server), UPSTREAM_DEFAULT_DIALECT=egress.name)
    verdict, finding = rows["streaming"]
    assert (verdict, finding.startswith("an answer in ")) == ("ok", True)
