from __future__ import annotations

from typing import Any

import orjson
import pytest

from proxy.canonical.events import Finished
from proxy.dialects.openai.reading import read_error
from proxy.errors import UpstreamRefused
from proxy.wire.plain_words import plain
from proxy.wire.what_lacks import lacks_model, lacks_path
from tests.dialects.openai.records import DONE, error_of, read, read_whole, record, said, sse, text


def refusal(status: int, body: object = b"", headers: dict[str, str] | None = None) -> UpstreamRefused:
    return read_error(status, headers or {}, body if isinstance(body, bytes) else orjson.dumps(body))


def in_band(*records: object) -> UpstreamRefused:
    error = error_of(read(sse(*records)))
    assert isinstance(error, UpstreamRefused)
    assert error.upstream_status == 200
    return error


# Messages


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({"error": {"message": "no", "type": "x", "param": None, "code": None}, "message": "other"}, "no"),
        ({"error": "no", "error_type": "validation"}, "no"),
        ([{"error": {"code": 400, "message": "no", "status": "INVALID_ARGUMENT"}}], "no"),
        ({"object": "error", "message": "no", "type": "BadRequestError", "code": 400}, "no"),
        ({"message": ["a", {"msg": "b"}]}, "a; b"),
        ({"message": {"detail": [{"loc": ["body", "temperature"], "msg": "too high"}]}}, "body.temperature: too high"),
        ({"detail": "no"}, "no"),
        ({"detail": [{"type": "x", "loc": ["body", "messages", 0, "role"], "msg": "unknown"}]}, "body.messages.0.role: unknown"),
        ({"type": "about:blank", "title": "Bad Request", "status": 400, "detail": "n must be 1"}, "Bad Request: n must be 1"),
        ({"title": "Bad Request"}, "Bad Request"),
        ({"errors": [{"message": "no"}]}, "no"),
        ({"error": {"code": "bad_thing"}}, "bad_thing"),
        ({"error": {"type": "bad_thing"}}, "bad_thing"),
        ({"error": {"error": "inner"}}, "inner"),
        (b'data: {"error":{"message":"no"}}\n\n', "no"),
        (b"plain\n words", "plain words"),
        ({"error": {"message": "a\n\tb <x> c"}}, "a b <x> c"),
        (b"", "the upstream answered 400 Bad Request"),
        (b"{}", "the upstream answered 400 Bad Request"),
        (b"[]", "the upstream answered 400 Bad Request"),
        (b"7", "the upstream answered 400 Bad Request"),
    ],
)
def test_the_message_is_found_in_every_shape(body: object, message: str) -> None:
    assert refusal(400, body).message == message


def test_a_status_that_http_does_not_know_is_told_by_its_number() -> None:
    assert refusal(599).message == "the upstream answered 599"


def test_a_web_page_loses_its_tags() -> None:
    page = b"<html><head><title>502 Bad Gateway</title><style>a { b: c }</style></head>\n<body><h1>502 Bad Gateway</h1></body></html>"
    assert refusal(502, page).message == "502 Bad Gateway 502 Bad Gateway"
    assert len(refusal(502, b"<html>" + b"word " * 1000).message) == 300


def test_the_words_of_openrouters_provider_are_told() -> None:
    raw = '{"error":{"message":"Context too long"}}'
    body = {"error": {"message": "Provider returned error", "code": 400, "metadata": {"raw": raw, "provider_name": "X"}}}
    assert refusal(400, body).message == "Provider returned error: Context too long"
    body["error"]["metadata"] = {"raw": "ups"}  # type: ignore[index]
    assert refusal(400, body).message == "Provider returned error: ups"


@pytest.mark.parametrize(
    ("text_in", "text_out"),
    [
        ("Incorrect API key provided: sk-abc123***xyz9. See https://x.org/keys.", "Incorrect API key provided: [key]. See [address]."),
        ("bad key sk-proj-abcDEF123_456-789", "bad key [key]"),
        ("Authorization: Bearer abc.def-123 is wrong", "Authorization: Bearer [key] is wrong"),
        ("key gsk_abcdef123456, nvapi-abc-def, hf_abcdef, AIzaSyABCDEFGHIJ", "key [key], [key], [key], [key]"),
        ("api_key=secret, more", "api_key=[key], more"),
        ("api-key: 'secret'", "api-key: [key]"),
        ("connect to http://10.0.0.7:8000/v1 failed", "connect to [address] failed"),
        ("pool(host='gpu7.lan', port=80): 10.1.2.3:8000 refused", "pool(host=[address], port=80): [address] refused"),
        ("a task-based desk_top risk-free sk-", "a task-based desk_top risk-free sk-"),
        ("model hf-internal-testing/tiny not found", "model hf-internal-testing/tiny not found"),
        ("version 1.2.3 of gpt-4.1", "version 1.2.3 of gpt-4.1"),
        ("1 < 2 > 0, say <model>", "1 < 2 > 0, say <model>"),
    ],
)
def test_keys_and_addresses_are_left_out(text_in: str, text_out: str) -> None:
    assert plain(text_in) == text_out


def test_a_long_message_is_cut() -> None:
    message = refusal(400, {"error": {"message": "x" * 5000}}).message
    assert (len(message), message[-1]) == (1000, "…")


# Statuses


@pytest.mark.parametrize(
    ("status", "given"),
    [
        *((status, status) for status in (400, 401, 402, 403, 408, 409, 410, 413, 429, 500, 501, 502, 503, 504)),
        *(
            (422, 400),
            (424, 502),
            (407, 502),
            (499, 502),
            (529, 503),
            (520, 502),
            (522, 504),
            (524, 504),
            (598, 504),
            (599, 504),
            (530, 502),
            (600, 502),
            (301, 502),
        ),
    ],
)
def test_every_status_has_its_own_for_the_client(status: int, given: int) -> None:
    error = refusal(status, {"error": {"message": "no"}})
    assert (error.status, error.upstream_status, error.kind) == (given, status, "upstream_refused")


@pytest.mark.parametrize(
    "body",
    [
        {"error": {"message": "The model `gpt-9` does not exist or you do not have access to it.", "code": "model_not_found"}},
        {"error": {"message": "nope", "code": "model_not_found"}},
        {"object": "error", "message": "The model `llama-9.1` does not exist.", "type": "NotFoundError", "code": 404},
        {"error": "model 'x' not found"},
        {"error": {"message": "No endpoints found for acme/x-1.", "code": 404}},
        {"error": {"code": "DeploymentNotFound", "message": "The API deployment for this resource does not exist."}},
    ],
)
def test_a_404_that_names_a_model_stays_one(body: object) -> None:
    error = refusal(404, body)
    assert (error.status, error.code) == (404, "model_not_found")
    assert "URL" not in error.message


@pytest.mark.parametrize("message", ["acme/x is not a valid model ID", "Model Not Exist", "Unknown model: x", "Unable to access model x"])
def test_an_unknown_model_is_a_404_whatever_the_server_says(message: str) -> None:
    assert (refusal(400, {"error": {"message": message}}).status, refusal(400, {"error": message}).code) == (404, "model_not_found")


@pytest.mark.parametrize("status", [404, 405])
@pytest.mark.parametrize(
    "body",
    [
        b"404 page not found",
        b"<html><h1>No endpoints found that support it</h1></html>",
        {"detail": "Not Found"},
        b"",
        b"{}",
        {"error": {"message": "Invalid URL (POST /v1/v1/chat)"}},
        {"error": {"code": 404, "message": "File Not Found", "type": "not_found_error"}},
        {"error": {"code": "404", "message": "Resource not found"}},
        {"error": {"message": "Unknown request URL: POST /v1/x"}},
        {"message": "no Route matched with those values"},
        {"message": "Cannot POST /v1/responses", "error": None},
        {"error": "Unexpected endpoint or method. (POST /v1/responses)"},
        {"error": {"type": "not_found_error"}},
        {"error": {"message": "The Responses API is not supported by this server"}},
    ],
)
def test_any_other_404_is_a_wrong_base_url(status: int, body: object) -> None:
    error = refusal(status, body)
    assert (error.status, error.code) == (502, None)
    assert error.message.startswith("the upstream has no such URL; check the base URL")


@pytest.mark.parametrize("code", ["unknown_url", "ENDPOINT_NOT_FOUND"])
def test_a_code_says_that_it_is_the_url(code: str) -> None:
    error = refusal(404, {"error": {"message": "there is nothing", "code": code}})
    assert (error.status, error.code) == (502, code)
    assert lacks_path(error, "m")


UNSERVED = [
    "No endpoints found that support image input",
    'No endpoints found that support tool use. Try disabling "f".',
    "No endpoints found matching your data policy (Free model training).",
    "No allowed providers are available for the selected model.",
]
THINGS = [
    "File not found: file_1",
    "No such File object: file-1",
    "Container with id 'cntr_1' not found.",
    "Vector store with id ['vs_1'] not found.",
]


@pytest.mark.parametrize("words", [*UNSERVED, *THINGS])
def test_a_404_about_what_a_request_needs_or_names_is_told_as_it_is(words: str) -> None:
    body = {"error": {"message": words, "code": 404}, "user_id": "u"}
    for error in (refusal(404, body), in_band(body)):
        assert (error.status, error.message, error.code) == (404, words, None)
        assert (error.is_requests_own, error.is_unserved) == (words in THINGS, words in UNSERVED)
        assert not lacks_path(error, "m")


@pytest.mark.parametrize("status", [403, 404])
@pytest.mark.parametrize("words", [*UNSERVED, *THINGS])
def test_a_page_says_nothing_of_what_a_request_needs_or_names(words: str, status: int) -> None:
    error = refusal(status, f"<html><h1>{words}</h1></html>".encode())
    assert (error.is_requests_own, error.is_unserved) == (False, False)


@pytest.mark.parametrize("words", THINGS)
def test_who_says_that_it_is_the_url_means_nothing_that_the_request_names(words: str) -> None:
    error = refusal(404, {"error": {"message": words, "code": "unknown_url"}})
    assert (error.status, error.is_requests_own) == (502, False)


@pytest.mark.parametrize("words", ["Function 'f': Not found for account 'a'", "no list", "Response with id 'resp_1' not found."])
@pytest.mark.parametrize("code", [None, 404, "not_found", "invalid_request_error"])
def test_any_other_sentence_of_a_404_is_told_as_it_is_and_says_nothing_of_urls(words: str, code: object) -> None:
    told = refusal(404, {"error": {"message": words, "code": code}})
    assert (told.status, told.message, told.is_requests_own) == (404, words, False)
    assert not lacks_path(told, "m")
    assert not lacks_model(told, "m")


def test_what_the_operators_key_may_not_do_is_not_the_requests_own() -> None:
    words = "Permission 'predict' denied on resource '//x/projects/p' (or it may not exist)."
    assert not refusal(403, {"error": {"message": words}}).is_requests_own
    assert refusal(403, {"error": {"message": "You do not have permission to access the File x or it may not exist."}}).is_requests_own


@pytest.mark.parametrize(
    "error",
    [
        {"message": "No such File object: file-1", "param": "file_id", "code": None},
        {"message": "no such thread", "param": None, "code": "thread_not_found"},
    ],
)
def test_a_404_about_what_a_request_names_is_told_as_it_is(error: dict[str, object]) -> None:
    told = refusal(404, {"error": error})
    assert (told.status, told.message, told.param, told.code) == (404, error["message"], error["param"], error["code"])


# Reasons


@pytest.mark.parametrize(
    ("status", "body", "code"),
    [
        (400, {"error": {"message": "x", "code": "context_length_exceeded"}}, "context_length_exceeded"),
        (400, {"message": "This model's maximum context length is 4096 tokens. However, you requested 5000"}, "context_length_exceeded"),
        (400, {"error": {"code": 400, "message": "x", "type": "exceed_context_size_error"}}, "context_length_exceeded"),
        (500, {"error": {"message": "the request exceeds the available context size, try increasing it"}}, "context_length_exceeded"),
        (422, {"error": "`inputs` tokens + `max_new_tokens` must be <= 4096", "error_type": "validation"}, "context_length_exceeded"),
        (400, {"error": {"message": "Please reduce the length of the messages or completion."}}, "context_length_exceeded"),
        (
            400,
            {"error": {"message": "x", "code": "content_filter", "innererror": {"code": "ResponsibleAIPolicyViolation"}}},
            "content_filter",
        ),
        (400, {"error": {"message": "The response was filtered due to Azure's content management policy."}}, "content_filter"),
        (429, {"error": {"message": "You exceeded your current quota", "type": "insufficient_quota"}}, "insufficient_quota"),
        (402, {"error": {"message": "Insufficient credits. Add more", "code": 402}}, "insufficient_quota"),
        (429, {"error": {"message": "Rate limit reached for model x", "code": "rate_limit_exceeded"}}, "rate_limit_exceeded"),
        (400, {"error": {"message": "model x does not support tools"}}, None),
        (400, {"error": {"message": "Invalid model parameter"}}, None),
        (400, {"error": {"message": "x", "code": "400"}}, None),
        (401, {"error": {"message": "x", "code": "invalid_api_key"}}, "invalid_api_key"),
    ],
)
def test_the_reason_is_found_by_code_or_text(status: int, body: object, code: str | None) -> None:
    error = refusal(status, body)
    assert error.code == code
    assert error.raw == body
    if code == "context_length_exceeded":
        assert error.status == 400


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({"error": {"message": "Unsupported parameter: 'top_k'", "param": "top_k"}}, "top_k"),
        ({"message": "x", "param": "seed"}, "seed"),
        ({"detail": [{"type": "extra_forbidden", "loc": ["body", "stream_options"], "msg": "no"}]}, "stream_options"),
        ({"detail": [{"loc": ["body", "messages", 0], "msg": "no"}]}, "messages"),
        ({"detail": [{"loc": ["body"], "msg": "no"}]}, None),
        ({"detail": [{"msg": "no"}]}, None),
        ({"error": {"message": "x", "param": None}}, None),
        (b"text", None),
    ],
)
def test_the_parameter_at_fault_is_found(body: object, param: str | None) -> None:
    assert refusal(400, body).param == param


# When to try again


def test_googles_retry_info_is_read() -> None:
    details: list[Any] = [None, {"@type": "x"}, {"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "12.5s"}]
    assert refusal(429, [{"error": {"code": 429, "message": "no", "details": details}}]).retry_after_s == 12.5
    assert refusal(429, {"error": {"message": "no", "details": [{}]}}).retry_after_s is None


def test_headers_that_clients_may_see_are_kept() -> None:
    headers = {"retry-after": "7", "x-ratelimit-remaining-tokens": "0", "x-request-id": "r", "set-cookie": "c", "server": "s"}
    assert refusal(429, b"", headers).headers == {"retry-after": "7", "x-ratelimit-remaining-tokens": "0", "x-request-id": "r"}


# Errors inside answers


@pytest.mark.parametrize(
    "record_with_error",
    [
        {"error": {"message": "boom", "code": 500}},
        {"error": "boom"},
        {"error": "boom", "error_type": "generation"},
        {"error": {"message": "boom"}, "choices": [{"index": 0, "delta": {"content": ""}, "finish_reason": "error"}]},
        {"choices": [{"index": 0, "delta": {}, "error": {"message": "boom"}}]},
        {"object": "error", "message": "boom", "code": 500},
        {"detail": "boom"},
        [{"error": {"message": "boom", "code": 500}}],
        b'error: {"message":"boom"}\n\n',
        b"error: boom\n\n",
        b'event: error\ndata: {"message":"boom"}\n\n',
        b'event: error\ndata: "boom"\n\n',
        b"event: error\ndata: boom\n\n",
        b'{"error":{"message":"boom"}}\n\n',
        b'{\n  "error": {\n    "message": "boom"\n  }\n}\n',
        b'[{\n  "error": {"message": "boom"}\n}]\n',
    ],
)
def test_an_error_inside_a_stream_fails_it_with_its_own_words(record_with_error: object) -> None:
    error = in_band(text("a"), record_with_error, DONE)
    assert error.message == "boom"
    assert error.status in (500, 502)
    first = read(sse(record({"role": "assistant", "content": ""}), record_with_error, DONE))
    assert len(first) == 1, "nothing was said, so the error may still become a status"
    assert error_of(first).message == "boom"


@pytest.mark.parametrize(
    ("error", "status", "code"),
    [
        ({"message": "x", "code": 402}, 402, None),
        ({"message": "x", "code": "429"}, 429, None),
        ({"message": "x", "code": 529}, 503, None),
        ({"message": "x", "code": 200}, 502, None),
        ({"message": "x", "code": 404}, 502, None),
        ({"message": "x", "status": 503}, 503, None),
        ({"message": "model x not found", "code": 404}, 404, "model_not_found"),
        ({"message": "x", "code": "context_length_exceeded"}, 400, "context_length_exceeded"),
        ({"message": "x", "code": "content_filter"}, 400, "content_filter"),
        ({"message": "x", "code": "insufficient_quota"}, 429, "insufficient_quota"),
        ({"message": "x", "code": "server_error"}, 502, "server_error"),
    ],
)
def test_an_error_in_an_answer_has_the_status_it_names(error: dict[str, object], status: int, code: str | None) -> None:
    for events in (read_whole({"error": error}), read(sse({"error": error})), read(sse(text("a"), {"error": error}))):
        refused = error_of(events)
        assert (refused.status, refused.code, refused.message) == (status, code, error["message"])


def test_an_error_without_words_is_one_all_the_same() -> None:
    assert "without saying which" in in_band({"error": {"x": 1}}).message


def test_what_was_said_before_the_error_is_told() -> None:
    assert said(read(sse(text("a"), text("<th"), {"error": "boom"}))) == [("text", "a<th")]
    assert said(read(sse(text("<th"), {"error": "boom"}))) == [("text", "<th")]


def test_an_error_line_and_a_terminator_instead_of_an_answer_are_an_error() -> None:
    assert error_of(read(b'{"error":{"message":"boom"}}\n\ndata: [DONE]\n\n')).message == "boom"


@pytest.mark.parametrize(
    "last", [b'event: error\ndata: {"error": {"message": "Over', b"event: error\ndata: {", b'error: {"mess', b'event: error\ndata: "Over']
)
def test_half_an_error_says_nothing(last: bytes) -> None:
    assert "ended before it was complete" in error_of(read(sse(text("a")) + last)).message
    assert isinstance(read(sse(text("a"), record({}, "stop")) + last)[-1], Finished)


@pytest.mark.parametrize("words", ["[Errno 111] Connection refused", "[backend-3] CUDA out of memory", '{"message": "say "hi" now"}'])
@pytest.mark.parametrize("field", ["error: ", "event: error\ndata: "])
def test_an_error_at_the_very_end_may_begin_as_json_does(words: str, field: str) -> None:
    last = f"{field}{words}\n".encode()
    assert error_of(read(sse(text("a")) + last)).message == words
    assert error_of(read(sse(text("a"), record({}, "stop")) + last)).message == words
