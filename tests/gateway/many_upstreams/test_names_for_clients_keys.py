"""Names that no known list has, where an upstream shows its list to clients' keys alone: who can do something about it is told what, and
nobody is told to come again who would hear the same.
"""

from __future__ import annotations

import time

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from tests.facts.speech import refusal
from tests.fake_upstream import Answer, FakeUpstream, Request, json_answer
from tests.gateway import several
from tests.gateway.from_outside import CHAT, MESSAGES
from tests.gateway.many_upstreams.two_upstreams import TWO, Client, asked, says

KEY, OTHER_KEY, WRONG_KEY, CHAT_KEY = "sk-of-a-client-1", "sk-of-a-client-2", "sk-of-nobody-3", "sk-for-chats-4"
BOTH = """
[upstreams.boxes]
base_url = @boxes

[upstreams.cloud]
base_url = @cloud
pass_client_key = true
"""
TO_THE_CLOUD = f'{BOTH}\n[settings]\ndefault_upstream = "cloud"\n'
ALONE = "[upstreams.cloud]\nbase_url = @cloud\npass_client_key = true\n"
HOW_TO_SEND = "Authorization: Bearer <key>"
REQUESTS = ["/api/chat", "/api/generate", "/v1/chat/completions", "/v1/embeddings", "/api/embed"]
QUESTIONS = ["/api/show", "/v1/models/{}"]
ALL = [*REQUESTS, *QUESTIONS]


def key_of(request: Request) -> str:
    return request.headers.get("authorization", "").removeprefix("Bearer ")


def missing(upstream: FakeUpstream) -> None:
    """Lets the upstream have no model by any name."""
    for path in (CHAT, "/embeddings"):
        upstream.on(path, json_answer(refusal("no such model", code="model_not_found"), 404))


@pytest.fixture(autouse=True)
def strict(boxes: FakeUpstream, cloud: FakeUpstream) -> None:
    """The boxes lack what they do not list. The cloud lets nobody in without a key, and one key may do all but list models."""
    missing(boxes)
    shown = {KEY: ["large"], OTHER_KEY: ["private"]}

    def models(request: Request) -> Answer:
        key = key_of(request)
        if key == CHAT_KEY:
            return json_answer(refusal("Missing scopes: api.model.read"), 403)
        if key not in shown:
            return json_answer(refusal("a wrong key" if key else "no key", code="invalid_api_key"), 401)
        return json_answer({"object": "list", "data": [{"id": model, "object": "model"} for model in shown[key]]})

    cloud.on("/models", models)
    for path in (CHAT, "/embeddings"):
        cloud.on(path, chats)


def chats(request: Request) -> Answer:
    key = key_of(request)
    if key not in (KEY, OTHER_KEY, CHAT_KEY):
        return json_answer(refusal("a wrong key" if key else "no key", code="invalid_api_key"), 401)
    return json_answer(refusal("no such model", code="model_not_found"), 404)


def ask(client: FlaskClient, path: str, model: str, key: str = "") -> TestResponse:
    headers = {"Authorization": f"Bearer {key}"} if key else {}
    if path.startswith("/v1/models"):
        return client.get(path.format(model), headers=headers)
    body = {"model": model, "stream": False, "messages": MESSAGES, "prompt": "hi", "input": "hi"}
    return client.post(path, json=body, headers=headers)


def message(response: TestResponse) -> str:
    """What the answer says, in its dialect; whoever is told to come again by it is told so by a header, too."""
    error = response.get_json()["error"]
    assert ("Retry-After" in response.headers) == (response.status_code == 503)
    text: str = error if isinstance(error, str) else error["message"]
    return text


@pytest.mark.parametrize("path", ALL)
@pytest.mark.parametrize(
    ("key", "status", "words"),
    [
        ("", 401, ["the upstream 'cloud'", "(no key)", f"send yours as '{HOW_TO_SEND}'"]),
        (WRONG_KEY, 401, ["the upstream 'cloud'", "(a wrong key)", f"as '{HOW_TO_SEND}'", "ask for 'cloud/unheard'"]),
        (CHAT_KEY, 403, ["the upstream 'cloud'", "Missing scopes", f"as '{HOW_TO_SEND}'", "ask for 'cloud/unheard'"]),
        (KEY, 404, ["not found"]),
    ],
)
def test_name_that_nobody_has_has_a_final_answer(a_client: Client, path: str, key: str, status: int, words: list[str]) -> None:
    client = a_client(BOTH)
    for _ in range(2):
        answer = ask(client, path, "unheard", key)
        assert (answer.status_code, [word for word in words if word not in message(answer)]) == (status, [])


@pytest.mark.parametrize("path", ALL)
def test_key_of_another_client_changes_nothing(a_client: Client, path: str) -> None:
    client = a_client(BOTH)
    before = [ask(client, path, "unheard", key).status_code for key in ("", WRONG_KEY)]
    assert ask(client, path, "unheard", OTHER_KEY).status_code == 404
    after = [ask(client, path, "unheard", key).status_code for key in ("", WRONG_KEY, KEY)]
    assert (before, after) == ([401, 401], [401, 401, 404])


def test_key_that_was_refused_is_not_told_to_others(a_client: Client) -> None:
    client = a_client(BOTH)
    assert client.get("/api/tags").status_code == 200  # The cloud refuses this question.
    assert "no key" not in message(ask(client, "/api/chat", "unheard", WRONG_KEY))


@pytest.mark.parametrize("path", ALL)
@pytest.mark.parametrize("key", ["", WRONG_KEY, KEY])
def test_name_is_unknown_when_the_list_is_shown_to_everybody(a_client: Client, cloud: FakeUpstream, path: str, key: str) -> None:
    several.lists(cloud, "large")
    assert ask(a_client(BOTH), path, "unheard", key).status_code == 404


@pytest.mark.parametrize("path", ALL)
@pytest.mark.parametrize("key", ["", KEY])
def test_name_may_be_there_while_the_upstream_fails_to_list(a_client: Client, cloud: FakeUpstream, path: str, key: str) -> None:
    cloud.on("/models", json_answer(refusal("not today"), 500))
    answer = ask(a_client(BOTH), path, "unheard", key)
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "2")
    assert message(answer).endswith("not all have told them: the upstream 'cloud' says: not today")


def test_name_may_be_there_while_the_list_is_on_its_way(a_client: Client, cloud: FakeUpstream) -> None:
    gate, listed = cloud.gate(), json_answer({"object": "list", "data": [{"id": "large"}]})
    cloud.on("/models", Answer(200, listed.headers, listed.steps, "length", before=[gate]))
    answer = ask(a_client(BOTH), "/api/chat", "unheard", KEY)
    gate.set()
    assert answer.status_code == 503
    assert "the upstream 'cloud' has not told its models yet" in message(answer)


def test_failure_that_may_pass_is_told_before_a_key_that_is_refused(a_client: Client, cloud: FakeUpstream) -> None:
    client = a_client(f'{BOTH}[upstreams.gone]\nbase_url = "http://127.0.0.1:9/v1"\n')
    answer = ask(client, "/api/chat", "unheard")
    assert (answer.status_code, "the upstream 'gone'" in message(answer)) == (503, True)


@pytest.mark.parametrize("path", REQUESTS)
@pytest.mark.parametrize("model", ["unheard", "cloud/unheard", "large"])
@pytest.mark.parametrize("text", [BOTH, TO_THE_CLOUD])
def test_upstream_that_is_asked_without_a_key_says_what_to_bring(
    a_client: Client, boxes: FakeUpstream, path: str, model: str, text: str
) -> None:
    client = a_client(text)
    for key, word in (("", "(no key)"), (WRONG_KEY, "(a wrong key)")):
        answer = ask(client, path, model, key)
        assert answer.status_code == 401
        assert [part for part in ("the upstream 'cloud'", word, HOW_TO_SEND) if part not in message(answer)] == []


@pytest.mark.parametrize("path", QUESTIONS)
@pytest.mark.parametrize(("text", "called"), [(BOTH, "the upstream 'cloud'"), (ALONE, "the upstream")])
@pytest.mark.parametrize("model", ["cloud/large", "cloud/unheard"])
def test_question_about_a_model_of_an_upstream_says_what_to_bring(a_client: Client, path: str, text: str, called: str, model: str) -> None:
    client = a_client(text)
    for key, word in (("", "(no key)"), (WRONG_KEY, "(a wrong key)")):
        answer = ask(client, path, model, key)
        assert answer.status_code == 401
        assert [part for part in (called, word, HOW_TO_SEND) if part not in message(answer)] == []


@pytest.mark.parametrize("path", ["/v1/chat/completions", "/api/chat", "/v1/models"])
def test_only_upstream_says_what_to_bring(a_client: Client, path: str) -> None:
    client = a_client(ALONE)
    answer = ask(client, path, "large")
    assert (answer.status_code, HOW_TO_SEND in message(answer)) == (401, True)


def test_errors_of_openais_clients_keep_the_upstreams_code(a_client: Client) -> None:
    error = ask(a_client(BOTH), "/v1/chat/completions", "unheard").get_json()["error"]
    assert error["code"] == "invalid_api_key"


def test_key_that_may_not_list_may_chat(a_client: Client, cloud: FakeUpstream) -> None:
    says(cloud)
    client = a_client(BOTH)
    assert ask(client, "/api/chat", "cloud/large", CHAT_KEY).status_code == 200
    assert ask(client, "/v1/chat/completions", "cloud:large", CHAT_KEY).status_code == 200
    assert ask(client, "/api/chat", "large", KEY).status_code == 200
    assert ask(client, "/api/chat", "large", CHAT_KEY).status_code == 200
    assert asked(cloud) == ["large"] * 4


def test_what_a_key_may_not_do_is_said_by_the_upstream(a_client: Client, cloud: FakeUpstream) -> None:
    cloud.on(CHAT, json_answer(refusal("no access to this model"), 403))
    answer = ask(a_client(BOTH), "/v1/chat/completions", "cloud/large", KEY)
    assert (answer.status_code, message(answer)) == (403, "no access to this model")


def test_list_that_the_key_was_not_shown_is_asked_for_while_another_is_slow(
    a_client: Client, boxes: FakeUpstream, cloud: FakeUpstream
) -> None:
    says(cloud)
    listed = json_answer({"object": "list", "data": [{"id": "big"}]})
    boxes.on("/models", Answer(200, listed.headers, listed.steps, "length", before=[1.5]))
    client = a_client(BOTH)
    assert ask(client, "/api/chat", "large", KEY).status_code == 200
    assert ask(client, "/api/chat", "private", OTHER_KEY).status_code == 200


@pytest.mark.parametrize("status", [401, 403])
@pytest.mark.parametrize("path", ALL)
def test_list_that_the_operators_key_may_not_see_has_no_plain_names(a_client: Client, cloud: FakeUpstream, path: str, status: int) -> None:
    cloud.on("/models", json_answer(refusal("Missing scopes: api.model.read"), status))
    answer = ask(a_client(TWO), path, "unheard")
    assert answer.status_code == 404
    for words in ("not found", "the upstream 'cloud' does not tell its models (Missing scopes: api.model.read)", "'cloud/unheard'"):
        assert words in message(answer)


WITH_GONE = '[upstreams.gone]\nbase_url = "http://127.0.0.1:9/v1"\n'


@pytest.mark.parametrize("path", ["/api/chat", *QUESTIONS])
@pytest.mark.parametrize("text", [f"{BOTH}{WITH_GONE}", f"{ALONE}{WITH_GONE}", f"{WITH_GONE}{ALONE}"])
@pytest.mark.parametrize("model", ["cloud/unheard", "cloud:unheard"])
@pytest.mark.parametrize("other_key", ["", OTHER_KEY])
def test_name_with_a_prefix_hears_of_its_own_upstream_while_another_is_gone(
    a_client: Client, path: str, text: str, model: str, other_key: str
) -> None:
    client = a_client(text)
    if other_key:
        assert client.get("/v1/models", headers={"Authorization": f"Bearer {other_key}"}).status_code == 200
    for key, status, word in (("", 401, "(no key)"), (WRONG_KEY, 401, "(a wrong key)"), (KEY, 404, "not found")):
        answer = ask(client, path, model, key)
        assert (answer.status_code, word in message(answer), "gone" in message(answer)) == (status, True, False)


@pytest.mark.parametrize("path", QUESTIONS)
@pytest.mark.parametrize("model", ["cloud/unheard", "cloud:unheard"])
def test_no_advice_gives_a_name_a_second_prefix(a_client: Client, boxes: FakeUpstream, path: str, model: str) -> None:
    client = a_client(BOTH)
    assert ask(client, path, model, KEY).status_code == 404
    told = ask(client, path, model, WRONG_KEY)
    assert (told.status_code, "cloud/cloud" in told.text, "ask for" in told.text) == (401, False, False)
    boxes.on("/models", json_answer(refusal("Missing scopes: api.model.read"), 403))
    assert message(ask(a_client(BOTH), path, model, KEY)).endswith("not found")


MAY_NOT_LIST = json_answer(refusal("Missing scopes: api.model.read"), 403)
OF_THE_OPERATOR = "[upstreams.cloud]\nbase_url = @cloud\napi_key = 'sk-of-the-operator-5'\n"


@pytest.fixture
def one_model(cloud: FakeUpstream) -> None:
    """Lets the cloud tell of `large` alone whatever key asks, but for those that are unknown."""

    def tell(request: Request) -> Answer:
        if key_of(request) in ("", WRONG_KEY):
            return json_answer(refusal("a wrong key", code="invalid_api_key"), 401)
        return json_answer({"id": "large", "object": "model", "owned_by": "the cloud"})

    cloud.on("/models/large", tell)
    cloud.on("/models/unheard", json_answer(refusal("no such model", code="model_not_found"), 404))


@pytest.mark.usefixtures("one_model")
@pytest.mark.parametrize("other_key", ["", KEY])
@pytest.mark.parametrize(
    ("text", "models"),
    [
        (BOTH, ["cloud/large", "cloud:large", "CLOUD/large"]),
        (TO_THE_CLOUD, ["large", "cloud/large"]),
        (f"{TO_THE_CLOUD}{WITH_GONE}", ["large", "cloud/large"]),
        (ALONE, ["large", "cloud/large"]),
    ],
)
def test_questions_are_answered_where_a_clients_key_may_do_all_but_list(
    a_client: Client, text: str, models: list[str], other_key: str
) -> None:
    client = a_client(text)
    if other_key:
        client.get("/v1/models", headers={"Authorization": f"Bearer {other_key}"})
    for model in models:
        told = ask(client, "/v1/models/{}", model, CHAT_KEY)
        assert (told.status_code, told.get_json()["id"], told.get_json()["owned_by"]) == (200, model, "the cloud")
        shown = ask(client, "/api/show", model, CHAT_KEY)
        assert (shown.status_code, "completion" in shown.get_json()["capabilities"]) == (200, True)
        assert [ask(client, path, model, key).status_code for path in QUESTIONS for key in ("", WRONG_KEY)] == [401] * 4


@pytest.mark.usefixtures("one_model")
@pytest.mark.parametrize("status", [401, 403])
@pytest.mark.parametrize(
    ("text", "models"),
    [
        (TWO, ["cloud/large", "cloud:large"]),
        (f'{TWO}[settings]\ndefault_upstream = "cloud"\n', ["large", "cloud/large"]),
        (OF_THE_OPERATOR, ["large", "cloud/large"]),
    ],
)
def test_questions_are_answered_where_the_operators_key_may_do_all_but_list(
    a_client: Client, cloud: FakeUpstream, text: str, models: list[str], status: int
) -> None:
    cloud.on("/models", json_answer(refusal("Missing scopes: api.model.read"), status))
    client = a_client(text)
    for model in models:
        told = ask(client, "/v1/models/{}", model)
        assert (told.status_code, told.get_json()["id"]) == (200, model)
        assert ask(client, "/api/show", model).status_code == 200


@pytest.mark.usefixtures("one_model")
@pytest.mark.parametrize("model", ["unheard", "cloud/unheard"])
@pytest.mark.parametrize("text", [TO_THE_CLOUD, ALONE, f"{TO_THE_CLOUD}{WITH_GONE}"])
def test_upstream_that_is_asked_for_a_model_alone_has_the_last_word(a_client: Client, text: str, model: str) -> None:
    client = a_client(text)
    expected = 503 if WITH_GONE in text and model == "unheard" else 404
    assert [ask(client, path, model, CHAT_KEY).status_code for path in ("/v1/models/{}", "/api/chat")] == [expected] * 2


@pytest.mark.usefixtures("one_model")
def test_what_another_key_is_shown_of_a_model_is_not_told(a_client: Client, cloud: FakeUpstream) -> None:
    shown = json_answer({"object": "list", "data": [{"id": "large", "object": "model", "context_length": 4321}]})
    cloud.on("/models", lambda request: shown if key_of(request) == KEY else MAY_NOT_LIST)
    client = a_client(TO_THE_CLOUD)
    assert "4321" in ask(client, "/api/show", "large", KEY).text
    answer = ask(client, "/api/show", "large", CHAT_KEY)
    assert (answer.status_code, "4321" in answer.text) == (200, False)


@pytest.mark.usefixtures("one_model")
@pytest.mark.parametrize(("text", "model"), [(BOTH, "cloud/unheard"), (BOTH, "cloud:large"), (ALONE, "unheard")])
def test_models_that_nobody_lists_are_not_said_to_be_pulled(a_client: Client, text: str, model: str) -> None:
    headers = {"Authorization": f"Bearer {CHAT_KEY}"}
    client = a_client(text)
    for stream in (False, True):
        pulled = client.post("/api/pull", json={"model": model, "stream": stream}, headers=headers)
        assert (pulled.status_code, "success" in pulled.text) == (403, False)
    assert client.delete("/api/delete", json={"model": model}, headers=headers).status_code == 403


@pytest.mark.parametrize("path", QUESTIONS)
def test_model_that_is_listed_waits_for_no_list_that_hangs(a_client: Client, boxes: FakeUpstream, cloud: FakeUpstream, path: str) -> None:
    boxes.on("/models", json_answer({"object": "list", "data": [{"id": "big"}]}))
    cloud.on("/models", Answer(200, {}, [], before=[4.0]))
    client = a_client(TWO)
    began_s = time.monotonic()
    assert ask(client, path, "big").status_code == 200
    assert time.monotonic() - began_s < 3
