"""What `check` asks an upstream that lets it in, and what it makes of the answers."""

from __future__ import annotations

from tests.cli.check.capable_server import a_completion, a_stream, an_error, answer_chat
from tests.cli.check.checked import Check, Several, rows_of
from tests.fake_upstream import CUT, Answer, FakeUpstream, Request, json_answer, stream_of


def test_a_server_that_can_everything_passes_every_check(check: Check, upstream: FakeUpstream) -> None:
    status, rows, _ = check(upstream.base_url, OPENAI_API_KEY="sk-right")
    assert status == 0
    assert {question: verdict for question, (verdict, _) in rows.items()} == dict.fromkeys(
        ["reachable", "base URL", "key", "models", "chat", "streaming", "usage in streams", "tools", "embeddings"], "ok"
    )
    assert rows["models"][1] == "2 listed"
    assert rows["chat"][1] == "talker answers"
    assert rows["streaming"][1] == "an answer in 2 pieces"
    assert rows["embeddings"][1] == "text-embed makes vectors of 3 numbers"
    assert {request.headers["authorization"] for request in upstream.requests} == {"Bearer sk-right"}


def test_a_server_with_an_empty_list_has_no_model_to_ask(check: Check, upstream: FakeUpstream) -> None:
    upstream.on("/models", json_answer({"object": "list", "data": []}))
    status, rows, output = check(upstream.base_url)
    assert status == 1
    assert rows["models"] == ("failed", "the list is empty")
    assert rows["chat"][0] == "skipped"
    assert "models: Load a model on the server." in output


def test_a_server_that_cannot_list_is_usable_when_a_model_is_named(check: Check, upstream: FakeUpstream) -> None:
    upstream.on("/models", an_error(404, "Not Found"))
    unnamed, rows, _ = check(upstream.base_url)
    assert unnamed == 1
    assert rows["models"] == ("warning", "the server has no list of models")
    assert rows["chat"] == ("skipped", "there is no model to ask; name one with --model")
    named, rows, _ = check(upstream.base_url, "--model", "talker")
    assert named == 0
    assert rows["chat"] == ("ok", "talker answers")
    assert check(upstream.base_url, DEFAULT_MODEL="talker")[0] == 0


def test_a_model_that_the_server_does_not_have_is_told(check: Check, upstream: FakeUpstream) -> None:
    upstream.on("/chat/completions", an_error(404, "The model `x` does not exist", "model_not_found"))
    status, rows, output = check(upstream.base_url, "--model", "x")
    assert status == 1
    assert rows["chat"][0] == "failed"
    assert "Does the server have the model x?" in output


def test_a_server_without_usage_tools_and_embeddings_is_usable_with_warnings(check: Check, upstream: FakeUpstream) -> None:
    def answer(request: Request) -> Answer:
        if request.json.get("stream"):
            return a_stream(usage=False)
        return an_error(400, "this model does not support tools") if request.json.get("tools") else a_completion({"content": "Hello."})

    upstream.on("/chat/completions", answer)
    upstream.on("/embeddings", an_error(501, "embeddings are switched off"))
    status, rows, _ = check(upstream.base_url)
    assert status == 0
    assert rows["streaming"][0] == "ok"
    assert rows["usage in streams"] == ("warning", "the server does not count tokens")
    assert rows["tools"][0] == "warning"
    assert rows["embeddings"][0] == "warning"


def test_a_model_that_calls_no_tool_and_a_server_that_does_not_stream_are_told(check: Check, upstream: FakeUpstream) -> None:
    upstream.on("/chat/completions", a_completion({"content": "Hello."}))
    status, rows, _ = check(upstream.base_url)
    assert status == 0
    assert rows["streaming"] == ("warning", "the answer comes in one piece")
    assert rows["tools"] == ("warning", "accepted, but the model called none")


def test_a_stream_that_is_cut_fails(check: Check, upstream: FakeUpstream) -> None:
    chunk = {"id": "c1", "object": "chat.completion.chunk", "choices": [{"index": 0, "delta": {"content": "one"}, "finish_reason": None}]}
    cut = stream_of(chunk, done=False, then=[CUT])
    upstream.on("/chat/completions", lambda request: cut if request.json.get("stream") else answer_chat(request))
    _, rows, _ = check(upstream.base_url)
    assert rows["streaming"][0] == "failed"
    assert rows["usage in streams"] == ("skipped", "there was no stream")


def test_a_refused_parameter_is_left_out_like_the_gateway_does(check: Check, upstream: FakeUpstream) -> None:
    def answer(request: Request) -> Answer:
        if "max_tokens" in request.json:
            message = "Unsupported parameter: 'max_tokens' is not supported with this model. Use 'max_completion_tokens' instead."
            return json_answer(
                {"error": {"message": message, "type": "invalid_request_error", "param": "max_tokens", "code": "unsupported_parameter"}},
                400,
            )
        return answer_chat(request)

    upstream.on("/chat/completions", answer)
    status, rows, _ = check(upstream.base_url)
    assert status == 0
    assert rows["chat"][0] == "ok"
    assert sum("max_tokens" in request.json for request in upstream.requests_to("/chat/completions")) == 1


def test_models_that_clients_may_not_use_are_not_asked(check_several: Several, upstream: FakeUpstream) -> None:
    upstream.on(
        "/models", json_answer({"object": "list", "data": [{"id": name} for name in ("babbage-002", "old-embed", "talker", "text-embed")]})
    )
    toml = f'[upstreams.cloud]\nbase_url = "{upstream.base_url}"\nmodels.show = ["t*"]\n'
    status, _, output = check_several(toml)
    rows = dict(rows_of(output))
    assert status == 0
    assert rows["models"] == ("ok", "2 listed, and 2 hidden")
    assert {request.json["model"] for request in upstream.requests if request.body} == {"talker", "text-embed"}


def test_a_server_whose_models_are_all_hidden_is_told(check_several: Several, upstream: FakeUpstream) -> None:
    toml = f'[upstreams.cloud]\nbase_url = "{upstream.base_url}"\nmodels.show = ["gpt-*"]\n'
    status, _, output = check_several(toml)
    rows = dict(rows_of(output))
    assert status == 1
    assert rows["models"] == ("warning", "all 2 are hidden by models.show or models.hide")
    assert rows["chat"][0] == "skipped"
    assert "Are the globs spelled as the server spells its names?" in output
    assert upstream.requests_to("/chat/completions") == []
