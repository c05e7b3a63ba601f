"""A base URL that leads to no API is told from a wrong key and from a missing model, with the right one where there is one."""

from __future__ import annotations

import pytest

from tests.cli.check.capable_server import an_error
from tests.cli.check.checked import Check, Checked
from tests.fake_upstream import Answer, FakeUpstream, Request, json_answer

A_PAGE = {"Content-Type": "text/html"}, [b"<!doctype html><title>Chat</title>"], "length"


def is_told_as_wrong_url(checked: Checked) -> bool:
    """Whether nothing but the base URL is blamed, and no key is praised."""
    status, rows, output = checked
    verdicts = {question: verdict for question, (verdict, _) in rows.items()}
    blamed = verdicts.pop("reachable") == "ok" and verdicts.pop("base URL") == "failed" and set(verdicts.values()) == {"skipped"}
    return status == 1 and blamed and "base URL: " in output and "Does the server have the model" not in output


def test_an_address_without_v1_is_told_when_v1_is_there(check: Check, upstream: FakeUpstream) -> None:
    def only_under_v1(request: Request) -> Answer:
        return json_answer({"object": "list", "data": [{"id": "talker"}]}) if request.path.startswith("/v1") else an_error(404, "Not Found")

    upstream.on("/models", only_under_v1)
    upstream.on("/chat/completions", only_under_v1)
    status, rows, output = check(upstream.origin)
    assert status == 1
    assert rows["base URL"] == ("failed", f"the API is not here, but at {upstream.base_url}")
    assert f"base URL: Set OPENAI_API_BASE_URL to {upstream.base_url}." in output


def test_an_address_that_answers_with_a_web_page_is_told_when_v1_is_there(check: Check, upstream: FakeUpstream) -> None:
    def page_for_people(request: Request) -> Answer:
        if request.path.startswith("/v1"):
            return an_error(401, "key, please")
        return Answer(200, {"Content-Type": "text/html"}, [b"<!doctype html><title>Chat</title>"], "length")

    upstream.on("/models", page_for_people)
    upstream.on("/chat/completions", page_for_people)
    _, rows, _ = check(upstream.origin)
    assert rows["base URL"] == ("failed", f"the API is not here, but at {upstream.base_url}")


@pytest.mark.parametrize("arguments", [(), ("--model", "m")], ids=["without a model", "with one"])
@pytest.mark.parametrize("answer", [Answer(404, *A_PAGE), Answer(200, *A_PAGE), Answer(501, *A_PAGE)], ids=["404", "200", "501"])
def test_a_website_is_no_server_without_models(check: Check, answer: Answer, arguments: tuple[str, ...]) -> None:
    with FakeUpstream() as website:
        for path in ("/models", "/chat/completions", "/v1/models", "/v1/chat/completions"):
            website.on(path, Answer(404, *A_PAGE) if answer.status == 501 and path.endswith("/models") else answer)
        checked = check(website.base_url, *arguments)
    assert is_told_as_wrong_url(checked)
    assert checked[1]["base URL"][1] == "there is no OpenAI-compatible API at this URL"
    assert "it often ends in /v1" in checked[2]


@pytest.mark.parametrize("arguments", [(), ("--model", "m")], ids=["without a model", "with one"])
@pytest.mark.parametrize("path", ["/v1/chat/completions", "/v1/models", "/openai/v1", "/foo/v1", "/v1/foo", "/foo", "/chat/completions"])
def test_a_wrong_path_is_told_with_the_right_one(check: Check, upstream: FakeUpstream, path: str, arguments: tuple[str, ...]) -> None:
    checked = check(f"{upstream.origin}{path}", *arguments)
    assert is_told_as_wrong_url(checked)
    assert checked[1]["base URL"][1] == f"the API is not here, but at {upstream.base_url}"
    assert f"Set OPENAI_API_BASE_URL to {upstream.base_url}." in checked[2]


def test_a_right_path_is_found_when_only_chats_are_there(check: Check) -> None:
    with FakeUpstream() as server:
        server.on("/api/v1/chat/completions", an_error(400, "you must provide a model parameter"))
        checked = check(f"{server.origin}/api/v1/chat/completions")
    assert is_told_as_wrong_url(checked)
    assert checked[1]["base URL"][1] == f"the API is not here, but at {server.origin}/api/v1"


def test_a_redirect_is_told_as_a_wrong_url(check: Check) -> None:
    with FakeUpstream() as server:
        for path in ("/models", "/chat/completions"):
            server.on(path, Answer(301, {"Location": "https://elsewhere.example/v1"}, [b""], "length"))
        checked = check(server.base_url, "--model", "m")
    assert is_told_as_wrong_url(checked)
    assert "redirects" in checked[1]["base URL"][1]


def test_a_server_that_only_fails_gets_no_praise_for_key_and_url(check: Check, upstream: FakeUpstream) -> None:
    upstream.on("/models", an_error(500, "out of order"))
    upstream.on("/chat/completions", an_error(500, "out of order"))
    for arguments in ((), ("--model", "talker")):
        status, rows, _ = check(upstream.base_url, *arguments)
        assert status == 1
        assert (rows["base URL"][0], rows["key"][0]) == ("skipped", "skipped")


@pytest.mark.parametrize("error", [an_error(500, "out of order"), Answer(500, *A_PAGE)], ids=["JSON", "page"])
def test_a_named_model_that_only_fails_proves_no_url_and_no_key(check: Check, upstream: FakeUpstream, error: Answer) -> None:
    upstream.on("/models", an_error(404, "Not Found"))
    upstream.on("/chat/completions", error)
    _, rows, _ = check(upstream.base_url, "--model", "talker")
    assert (rows["base URL"][0], rows["key"][0], rows["chat"][0]) == ("skipped", "skipped", "failed")


def test_a_site_that_fails_at_an_empty_chat_is_no_api(check: Check) -> None:
    with FakeUpstream() as website:
        website.on("/models", Answer(404, *A_PAGE))
        website.on("/chat/completions", Answer(500, *A_PAGE))
        checked = check(website.base_url)
    assert is_told_as_wrong_url(checked)


def test_a_missing_model_on_a_server_without_a_list_is_no_wrong_url(check: Check, upstream: FakeUpstream) -> None:
    upstream.on("/models", an_error(404, "Not Found"))
    upstream.on("/chat/completions", an_error(404, "The model `x` does not exist", "model_not_found"))
    _, rows, output = check(upstream.base_url, "--model", "x")
    assert rows["base URL"][0] == "ok"
    assert rows["models"] == ("warning", "the server has no list of models")
    assert "Does the server have the model x?" in output


def test_a_server_that_lists_models_and_serves_no_chats_is_told(check: Check, upstream: FakeUpstream) -> None:
    upstream.on("/chat/completions", an_error(404, "Not Found"))
    _, rows, output = check(upstream.base_url)
    assert (rows["base URL"][0], rows["chat"][0]) == ("ok", "failed")
    assert "does this server serve chats?" in output


def test_a_url_with_a_query_is_not_corrected(check: Check) -> None:
    with FakeUpstream() as server:
        status, rows, output = check(f"{server.base_url}?key=hunter2")
    assert status == 1
    assert rows["base URL"] == ("failed", "there is no OpenAI-compatible API at this URL")
    assert "hunter2" not in output
