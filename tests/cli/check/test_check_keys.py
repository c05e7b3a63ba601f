"""Which key a server refuses, and where its operator wrote it. No key is shown."""

from __future__ import annotations

import pytest

from tests.cli.check.capable_server import an_error
from tests.cli.check.checked import Check, Several, rows_of
from tests.fake_upstream import Answer, FakeUpstream, Request, json_answer


@pytest.mark.parametrize("refused", [401, 403])
def test_a_wrong_key_is_told_from_a_wrong_address(check: Check, upstream: FakeUpstream, refused: int) -> None:
    upstream.on("/models", an_error(refused, "Incorrect API key provided.", "invalid_api_key"))
    status, rows, output = check(upstream.base_url, OPENAI_API_KEY="sk-hunter2")
    assert status == 1
    assert rows["reachable"][0] == "ok"
    assert rows["key"] == ("failed", "Incorrect API key provided.")
    assert rows["chat"] == ("skipped", "the server lets nobody in")
    assert "key: Set OPENAI_API_KEY" in output
    assert "hunter2" not in output


def test_a_wrong_key_is_found_when_only_chats_need_one(check: Check, upstream: FakeUpstream) -> None:
    upstream.on("/chat/completions", an_error(401, "No auth credentials found"))
    status, rows, _ = check(upstream.base_url)
    assert status == 1
    assert rows["key"] == ("failed", "No auth credentials found")
    assert rows["models"] == ("ok", "2 listed")


def test_each_key_that_takes_a_turn_is_tried(check_several: Several, upstream: FakeUpstream) -> None:
    def list_for_right_keys(request: Request) -> Answer:
        if request.headers["authorization"] == "Bearer sk-wrong-00":
            return an_error(401, "Incorrect API key provided.")
        return json_answer({"object": "list", "data": [{"id": "talker"}]})

    upstream.on("/models", list_for_right_keys)
    toml = f'[upstreams.cloud]\nbase_url = "{upstream.base_url}"\napi_key = ["sk-right-00", "sk-wrong-00", "sk-right-01"]\n'
    status, _, output = check_several(toml)
    rows = dict(rows_of(output))
    assert (status, rows["chat"][0]) == (1, "ok")
    assert (rows["key 2"], rows["key 3"]) == (("failed", "Incorrect API key provided."), ("ok", "accepted"))
    assert "sk-wrong-00" not in output


def test_a_refused_key_is_told_by_the_name_that_its_operator_gave_it(check_several: Several, upstream: FakeUpstream) -> None:
    upstream.on("/models", an_error(401, "No."))
    toml = f'[upstreams.cloud]\nbase_url = "{upstream.base_url}"\n'
    assert "key: Set upstreams.cloud.api_key to a key of this server." in check_several(toml)[2]
    by_variable = check_several(toml + 'key_env = "SECRET"\n', SECRET="sk-x")[2]
    assert "key: Let upstreams.cloud.key_env lead to a key of this server." in by_variable
    assert "key: Set UPSTREAM_CLOUD_API_KEY to a key of this server." in check_several("", UPSTREAM_CLOUD_BASE_URL=upstream.base_url)[2]


def test_an_upstream_for_the_keys_of_clients_need_not_let_us_in(check_several: Several, upstream: FakeUpstream) -> None:
    upstream.on("/models", an_error(401, "Who are you?"))
    status, _, output = check_several(f'[upstreams.cloud]\nbase_url = "{upstream.base_url}"\npass_client_key = true\n')
    assert status == 0
    rows = dict(rows_of(output))
    assert rows["key"] == ("skipped", "the server wants a key, and clients are to bring their own")
    assert rows["models"] == ("skipped", "the server shows its list to a key; each client's own is asked with")
