"""Which errors are about what their request names."""

from __future__ import annotations

import orjson
import pytest

from proxy.errors import UpstreamBroken, UpstreamRefused
from proxy.wire.messages import UpstreamCall
from proxy.wire.named_things import settle

NAMING = [
    {"messages": [{"content": [{"type": "file", "file": {"file_id": "file-1"}}]}]},
    {"contents": [{"parts": [{"fileData": {"fileUri": "https://x/v1beta/files/1"}}]}]},
    {"contents": [{"parts": [{"file_data": {"file_uri": "https://x/v1beta/files/1"}}]}]},
    {"cachedContent": "cachedContents/1"},
    {"cached_content": "cachedContents/1"},
    {"previous_response_id": "resp_1"},
    {"conversation": "conv_1"},
    {"conversation": {"id": "conv_1"}},
    {"prompt": {"version": "2", "id": "pmpt_1"}},
    {"container": "container_01"},
    {"container": {"id": "container_01", "skills": []}},
    {"container": {"skills": [{"type": "custom", "skill_id": "skill_1", "version": "latest"}]}},
    {"tools": [{"type": "code_interpreter", "container": "cntr_1"}]},
    {"tools": [{"type": "code_interpreter", "container": {"type": "auto", "file_ids": ["file-1"]}}]},
    {"tools": [{"type": "file_search", "vector_store_ids": ["vs_1"]}]},
    {"input": [{"type": "item_reference", "id": "rs_1"}]},
]
NAMING_NOTHING = [
    {"messages": [{"role": "user", "content": "hi"}]},
    {"messages": [{"role": "user", "content": 'my "file_id": "file-1"'}]},
    {"prompt": "file_id"},
    {"container": None, "cachedContent": "", "previous_response_id": None, "file_ids": []},
    {"tools": [{"type": "code_interpreter", "container": {"type": "auto"}}]},
    {"tools": [{"name": "read", "input_schema": {"properties": {"file_id": {"type": "string"}, "container": {"type": "string"}}}}]},
    {"messages": [{"content": [{"type": "tool_use", "id": "toolu_1", "input": {"container": "web-1"}}]}]},
]


def settled(message: str, body: object, *, status: int = 404, param: str | None = None) -> bool:
    error = UpstreamRefused(message, status=status, param=param, raw={"error": {"message": message}})
    error.is_requests_own = True
    settle(error, lambda: UpstreamCall("/responses", None if body is None else orjson.dumps(body)))
    return error.is_requests_own


@pytest.mark.parametrize("status", [403, 404])
@pytest.mark.parametrize("body", NAMING, ids=str)
def test_an_error_is_about_a_thing_where_the_request_names_one(body: object, status: int) -> None:
    assert settled("No such File object", body, status=status)


@pytest.mark.parametrize("status", [403, 404])
@pytest.mark.parametrize("body", [*NAMING_NOTHING, None], ids=str)
def test_and_about_an_address_where_it_names_none(body: object, status: int) -> None:
    assert not settled("No such File object", body, status=status)


def test_a_thing_is_known_by_its_id() -> None:
    body = {"input": [{"type": "reasoning", "id": "rs_1"}]}
    assert settled("Item with id 'rs_1' not found.", body)
    assert not settled("Item with id 'rs_2' not found.", body)
    assert not settled("Item not found: POST /v1/responses", {"metadata": {"version_id": "v1"}})


def test_an_error_that_names_a_parameter_means_it() -> None:
    assert settled("No such File object: x", {}, param="file_id")


def test_errors_about_what_else_stands_in_a_request_stay_its_own() -> None:
    assert settled("a picture cannot be read", {}, status=500)
    assert settled("filtered by the content policy", {}, status=403)


def test_the_request_is_looked_at_where_an_error_is_about_it_alone() -> None:
    def never() -> UpstreamCall:
        raise AssertionError

    settle(UpstreamRefused("No such File object", status=404), never)
    settle(UpstreamBroken("cut"), never)
