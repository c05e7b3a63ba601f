"""The 72 conformance facts of Ollama's API, one test each, in their numbers' order: status, content type and body, through real gunicorn.

Facts that an operator's setting or a remote backend changes are tested in the form that we promise (see `docs/compatibility.md`).
"""

from __future__ import annotations

import base64
import json
import re

import ollama
import pytest

from tests.facts.speech import (
    JSON_TYPE,
    NDJSON_TYPE,
    PNG,
    Facts,
    call_delta,
    chat_chunk,
    chat_reply,
    embeddings_reply,
    finish_chunk,
    lines_of,
    refusal,
    usage_chunk,
)

RFC_3339_UTC = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{1,9}Z")
RFC_3339 = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?(Z|[+-]\d\d:\d\d)")
METRICS = ("total_duration", "load_duration", "prompt_eval_duration", "eval_duration")
HELLO = {"model": "chatty", "messages": [{"role": "user", "content": "hi"}]}


def test_fact_01_root_says_that_ollama_is_running(facts: Facts) -> None:
    answer = facts.get("/")
    assert (answer.status, answer.body) == (200, b"Ollama is running")
    assert answer.type.startswith("text/plain")


def test_fact_02_head_of_root_is_empty(facts: Facts) -> None:
    answer = facts.request("HEAD", "/")
    assert (answer.status, answer.body) == (200, b"")
    assert answer.type.startswith("text/plain")


def test_fact_03_head_rules(facts: Facts) -> None:
    for path in ("/api/version", "/api/tags"):
        answer = facts.request("HEAD", path)
        assert (answer.status, answer.type, answer.body) == (200, JSON_TYPE, b""), path
    answer = facts.request("HEAD", "/api/ps")
    assert (answer.status, answer.body) == (405, b"")


def test_fact_04_version_is_a_string(facts: Facts) -> None:
    answer = facts.get("/api/version")
    assert (answer.status, answer.type) == (200, JSON_TYPE)
    assert isinstance(answer.json["version"], str)


def test_fact_05_version_is_dotted_and_new_enough(facts: Facts) -> None:
    answer = facts.get("/api/version")
    assert (answer.status, answer.type) == (200, JSON_TYPE)
    assert [int(part) for part in answer.json["version"].split(".")] >= [0, 6, 4]


def test_fact_06_no_models_are_an_empty_array(facts_without_models: Facts) -> None:
    answer = facts_without_models.get("/api/tags")
    assert (answer.status, answer.type, answer.body) == (200, JSON_TYPE, b'{"models":[]}')


def test_fact_07_tags_have_all_fields(facts: Facts) -> None:
    answer = facts.get("/api/tags")
    assert (answer.status, answer.type) == (200, JSON_TYPE)
    assert answer.json["models"]
    for model in answer.json["models"]:
        assert model["name"] == model["model"]
        assert RFC_3339.fullmatch(model["modified_at"])
        assert isinstance(model["size"], int)
        details = model["details"]
        for key in ("parent_model", "format", "family", "parameter_size", "quantization_level"):
            assert isinstance(details[key], str)
        assert details["families"] is None or isinstance(details["families"], list)


def test_fact_08_digests_are_64_hex_digits_and_differ(facts: Facts) -> None:
    answer = facts.get("/api/tags")
    assert (answer.status, answer.type) == (200, JSON_TYPE)
    digests = [model["digest"] for model in answer.json["models"]]
    assert all(re.fullmatch("[0-9a-f]{64}", digest) for digest in digests)
    assert len(set(digests)) == len(digests)


def test_fact_09_an_id_without_tag_is_listed_with_latest(facts: Facts) -> None:
    answer = facts.get("/api/tags")
    assert (answer.status, answer.type) == (200, JSON_TYPE)
    names = [model["name"] for model in answer.json["models"]]
    assert "chatty:latest" in names
    assert "tagged:7b" in names


@pytest.mark.parametrize("name", ["chatty", "chatty:latest", "CHATTY", "Chatty:Latest"])
def test_fact_10_spellings_of_a_name_reach_one_model_and_are_echoed(facts: Facts, name: str) -> None:
    facts.upstream.answer_json(chat_reply("hi"))
    answer = facts.post("/api/chat", {**HELLO, "model": name, "stream": False})
    assert (answer.status, answer.type, answer.json["model"]) == (200, JSON_TYPE, name)
    assert facts.upstream.last_request["model"] == "chatty"


def test_fact_11_tags_are_sorted_newest_created_first_then_by_name(facts: Facts) -> None:
    answer = facts.get("/api/tags")
    assert (answer.status, answer.type) == (200, JSON_TYPE)
    assert [model["name"] for model in answer.json["models"]] == [
        "plain:latest",
        "chatty:latest",
        "tagged:7b",
        "zebra:latest",
        "vectors:latest",
    ]


@pytest.mark.parametrize("payload", [{"model": "chatty"}, {"name": "chatty"}, {"model": "", "name": "chatty"}])
def test_fact_12_show_takes_model_or_name(facts: Facts, payload: dict) -> None:
    answer = facts.post("/api/show", payload)
    assert (answer.status, answer.type) == (200, JSON_TYPE)
    assert isinstance(answer.json["details"], dict)


def test_fact_13_show_names_the_architecture_and_its_context_length(facts: Facts) -> None:
    answer = facts.post("/api/show", {"model": "chatty"})
    assert (answer.status, answer.type) == (200, JSON_TYPE)
    info = answer.json["model_info"]
    assert info[f"{info['general.architecture']}.context_length"] == 8192


def test_fact_14_show_lists_known_capabilities(facts: Facts) -> None:
    answer = facts.post("/api/show", {"model": "chatty"})
    assert (answer.status, answer.type) == (200, JSON_TYPE)
    known = {"completion", "tools", "insert", "vision", "embedding", "thinking", "image", "audio"}
    assert answer.json["capabilities"]
    assert set(answer.json["capabilities"]) <= known


def test_fact_15_copilot_sees_the_name_it_asked_for(facts: Facts) -> None:
    answer = facts.post("/api/show", {"model": "chatty:latest"}, headers={"User-Agent": "GitHubCopilotChat/1"})
    assert (answer.status, answer.type) == (200, JSON_TYPE)
    assert answer.json["model_info"]["general.basename"] == "chatty:latest"


def test_fact_16_show_of_an_unknown_model(facts: Facts) -> None:
    answer = facts.post("/api/show", {"model": "x"})
    assert (answer.status, answer.type) == (404, JSON_TYPE)
    assert answer.json == {"error": "model 'x:latest' not found"}


def test_fact_17_show_needs_a_model_and_a_post(facts: Facts) -> None:
    answer = facts.post("/api/show", {})
    assert (answer.status, answer.type, answer.json) == (400, JSON_TYPE, {"error": "model is required"})
    wrong = facts.get("/api/show")
    assert (wrong.status, wrong.body, wrong.headers["Allow"]) == (405, b"405 method not allowed", "POST")
    assert wrong.type.startswith("text/plain")


def test_fact_18_chat_streams_when_not_told(facts: Facts) -> None:
    facts.upstream.answer_stream(chat_chunk("Hel"), chat_chunk("lo"), finish_chunk(), usage_chunk(3, 2))
    answer = facts.post("/api/chat", HELLO)
    assert (answer.status, answer.type) == (200, NDJSON_TYPE)
    assert [line["message"]["content"] for line in lines_of(answer)] == ["Hel", "lo", ""]


def test_fact_19_unstreamed_chat_is_one_object(facts: Facts) -> None:
    facts.upstream.answer_json(chat_reply("Hello"))
    answer = facts.post("/api/chat", {**HELLO, "stream": False})
    assert (answer.status, answer.type) == (200, JSON_TYPE)
    assert (answer.json["message"], answer.json["done"]) == ({"role": "assistant", "content": "Hello"}, True)
    assert not answer.body.endswith(b"\n")


def test_fact_20_stream_null_is_like_absent(facts: Facts) -> None:
    facts.upstream.answer_stream(chat_chunk("Hi"), finish_chunk())
    answer = facts.post("/api/chat", {**HELLO, "stream": None})
    assert (answer.status, answer.type) == (200, NDJSON_TYPE)
    assert lines_of(answer)[-1]["done"] is True


def test_fact_21_every_chat_line_has_the_five_fields(facts: Facts) -> None:
    facts.upstream.answer_stream(chat_chunk("a"), chat_chunk("b"), finish_chunk(), usage_chunk(1, 2))
    answer = facts.post("/api/chat", HELLO)
    assert (answer.status, answer.type) == (200, NDJSON_TYPE)
    for line in lines_of(answer):
        assert isinstance(line["created_at"], str)
        assert (line["model"], line["message"]["role"]) == ("chatty", "assistant")
        assert isinstance(line["message"]["content"], str)
        assert isinstance(line["done"], bool)


def test_fact_22_only_the_last_line_has_reason_and_metrics(facts: Facts) -> None:
    facts.upstream.answer_stream(chat_chunk("a"), chat_chunk("b"), finish_chunk(), usage_chunk(7, 2))
    answer = facts.post("/api/chat", HELLO)
    assert (answer.status, answer.type) == (200, NDJSON_TYPE)
    *others, last = lines_of(answer)
    assert len(others) == 2
    for line in others:
        assert not {"done_reason", "prompt_eval_count", "eval_count", *METRICS} & line.keys()
    assert (last["done_reason"], last["prompt_eval_count"], last["eval_count"]) == ("stop", 7, 2)
    assert set(METRICS) <= last.keys()


def test_fact_23_nothing_follows_the_last_line(facts: Facts) -> None:
    facts.upstream.answer_stream(chat_chunk("a"), finish_chunk())
    answer = facts.post("/api/chat", HELLO)
    assert (answer.status, answer.type) == (200, NDJSON_TYPE)
    assert answer.body.endswith(b"}\n")
    assert not answer.body.endswith(b"\n\n")
    assert b"\n\n" not in answer.body
    assert json.loads(answer.body.splitlines()[-1])["done"] is True


@pytest.mark.parametrize("stream", [True, False])
def test_fact_24_durations_are_plausible_nanoseconds(facts: Facts, stream: bool) -> None:
    if stream:
        facts.upstream.answer_stream(chat_chunk("a"), finish_chunk(), usage_chunk(7, 2))
    else:
        facts.upstream.answer_json(chat_reply("a", usage={"prompt_tokens": 7, "completion_tokens": 2}))
    answer = facts.post("/api/chat", {**HELLO, "stream": stream})
    assert (answer.status, answer.type) == (200, NDJSON_TYPE if stream else JSON_TYPE)
    last = lines_of(answer)[-1]
    assert all(type(last[name]) is int and last[name] >= 1 for name in METRICS)
    assert last["total_duration"] >= last["load_duration"] + last["prompt_eval_duration"] + last["eval_duration"]
    assert (type(last["prompt_eval_count"]), type(last["eval_count"])) == (int, int)
    assert last["total_duration"] < 60_000_000_000


def test_fact_24_unknown_counts_are_left_out(facts: Facts) -> None:
    facts.upstream.answer_stream(chat_chunk("a"), finish_chunk())
    answer = facts.post("/api/chat", HELLO)
    assert (answer.status, answer.type) == (200, NDJSON_TYPE)
    assert not {"prompt_eval_count", "eval_count"} & lines_of(answer)[-1].keys()


def test_fact_25_created_at_is_rfc_3339_in_utc(facts: Facts) -> None:
    facts.upstream.answer_stream(chat_chunk("a"), finish_chunk())
    answer = facts.post("/api/chat", HELLO)
    assert (answer.status, answer.type) == (200, NDJSON_TYPE)
    assert all(RFC_3339_UTC.fullmatch(line["created_at"]) for line in lines_of(answer))


def test_fact_26_separators_inside_a_text_do_not_split_lines(facts: Facts) -> None:
    text = "a\u2028b\u2029c\u0085d"
    facts.upstream.answer_stream(chat_chunk(text), finish_chunk())
    with ollama.Client(facts.base_url, trust_env=False) as client:
        read = "".join(part.message.content or "" for part in client.chat("chatty", [{"role": "user", "content": "hi"}], stream=True))
    assert read == text
    facts.upstream.answer_stream(chat_chunk(text), finish_chunk())
    answer = facts.post("/api/chat", HELLO)
    assert (answer.status, answer.type) == (200, NDJSON_TYPE)
    assert len(answer.body.decode().splitlines()) == 2


def test_fact_27_no_nulls_and_no_error_in_good_lines(facts: Facts) -> None:
    facts.upstream.answer_stream(
        chat_chunk("a", reasoning_content=None, tool_calls=None),
        call_delta(0, "a", "f", "{}"),
        finish_chunk("tool_calls"),
        usage_chunk(1, None),
    )
    answer = facts.post("/api/chat", HELLO)
    assert (answer.status, answer.type) == (200, NDJSON_TYPE)
    assert b"null" not in answer.body
    assert all("error" not in line for line in lines_of(answer))


@pytest.mark.parametrize(("path", "payload"), [("/api/chat", HELLO), ("/api/generate", {"model": "chatty", "prompt": "hi"})])
def test_fact_28_thinking_is_absent_when_there_is_none(facts: Facts, path: str, payload: dict) -> None:
    facts.upstream.answer_stream(chat_chunk("a", reasoning_content=""), chat_chunk("b"), finish_chunk())
    answer = facts.post(path, payload)
    assert (answer.status, answer.type) == (200, NDJSON_TYPE)
    assert b"thinking" not in answer.body


def test_fact_29_generate_ends_with_an_empty_response(facts: Facts) -> None:
    facts.upstream.answer_stream(
        chat_chunk("Hel"), {**finish_chunk(), "choices": [{"index": 0, "delta": {"content": "lo"}, "finish_reason": "stop"}]}
    )
    answer = facts.post("/api/generate", {"model": "chatty", "prompt": "hi"})
    assert (answer.status, answer.type) == (200, NDJSON_TYPE)
    lines = lines_of(answer)
    assert [line["response"] for line in lines] == ["Hel", "lo", ""]
    assert [line["done"] for line in lines] == [False, False, True]


@pytest.mark.parametrize("payload", [{}, {"stream": True}, {"messages": None}, {"messages": []}])
def test_fact_30_a_chat_without_messages_loads(facts: Facts, payload: dict) -> None:
    answer = facts.post("/api/chat", {"model": "chatty", **payload})
    assert (answer.status, answer.type) == (200, JSON_TYPE)
    assert (answer.json["done"], answer.json["done_reason"], answer.json["message"]["content"]) == (True, "load", "")
    assert not set(METRICS) & answer.json.keys()


@pytest.mark.parametrize("keep_alive", [0, "0s", "0"])
def test_fact_31_keep_alive_zero_unloads(facts: Facts, keep_alive: object) -> None:
    answer = facts.post("/api/chat", {"model": "chatty", "messages": [], "keep_alive": keep_alive})
    assert (answer.status, answer.type, answer.json["done_reason"]) == (200, JSON_TYPE, "unload")
    assert answer.json["message"] == {"role": "assistant", "content": ""}


def test_fact_32_generate_without_prompt_loads_and_unloads(facts: Facts) -> None:
    loaded = facts.post("/api/generate", {"model": "chatty"})
    assert (loaded.status, loaded.type, loaded.json["done_reason"]) == (200, JSON_TYPE, "load")
    unloaded = facts.post("/api/generate", {"model": "chatty", "prompt": "", "keep_alive": 0})
    assert (unloaded.status, unloaded.type) == (200, JSON_TYPE)
    assert (unloaded.json["done_reason"], unloaded.json["response"], unloaded.json["done"]) == ("unload", "", True)


def test_fact_33_the_model_is_required(facts: Facts) -> None:
    chat = facts.post("/api/chat", {})
    assert (chat.status, chat.type, chat.json) == (400, JSON_TYPE, {"error": "model is required"})
    generate = facts.post("/api/generate", {})
    assert (generate.status, generate.type, generate.json) == (404, JSON_TYPE, {"error": "model '' not found"})


POSTS = ["chat", "generate", "embed", "embeddings", "show", "pull", "push", "create", "copy"]


@pytest.mark.parametrize("name", POSTS)
def test_fact_34_an_empty_body_is_missing(facts: Facts, name: str) -> None:
    answer = facts.post(f"/api/{name}", data=b"")
    assert (answer.status, answer.type, answer.json) == (400, JSON_TYPE, {"error": "missing request body"})


@pytest.mark.parametrize("name", POSTS)
def test_fact_35_broken_json_is_told(facts: Facts, name: str) -> None:
    answer = facts.post(f"/api/{name}", data=b'{"model": "x"')
    assert (answer.status, answer.type) == (400, JSON_TYPE)
    assert answer.json.keys() == {"error"}
    assert isinstance(answer.json["error"], str)


@pytest.mark.parametrize("stream", [True, False])
@pytest.mark.parametrize(
    ("path", "payload"), [("/api/chat", {"messages": [{"role": "user", "content": "hi"}]}), ("/api/generate", {"prompt": "hi"})]
)
def test_fact_36_an_unknown_model_is_404_also_when_streaming(facts: Facts, path: str, payload: dict, stream: bool) -> None:
    facts.upstream.answer_json(refusal("The model `x` does not exist", code="model_not_found"), status=404)
    answer = facts.post(path, {"model": "x", "stream": stream, **payload})
    assert (answer.status, answer.type, answer.json) == (404, JSON_TYPE, {"error": "model 'x' not found"})


@pytest.mark.parametrize(("path", "payload"), [("/api/embed", {"input": "a"}), ("/api/embeddings", {"prompt": "a"})])
def test_fact_37_an_unknown_model_cannot_embed(facts: Facts, path: str, payload: dict) -> None:
    facts.upstream.answer_json(refusal("The model `x` does not exist", code="model_not_found"), status=404)
    answer = facts.post(path, {"model": "x", **payload})
    assert (answer.status, answer.type) == (404, JSON_TYPE)
    assert answer.json == {"error": 'model "x" not found, try pulling it first'}


TOOL = {"type": "function", "function": {"name": "f", "parameters": {"type": "object", "properties": {}}}}


def test_fact_38_tools_on_a_model_that_cannot(facts: Facts) -> None:
    answer = facts.post("/api/chat", {**HELLO, "model": "plain", "tools": [TOOL]})
    assert (answer.status, answer.type) == (400, JSON_TYPE)
    assert answer.json == {"error": "registry.ollama.ai/library/plain:latest does not support tools"}


def test_fact_39_thinking_on_a_model_that_cannot(facts: Facts) -> None:
    answer = facts.post("/api/chat", {**HELLO, "model": "plain", "think": True})
    assert (answer.status, answer.type, answer.json) == (400, JSON_TYPE, {"error": '"plain" does not support thinking'})
    facts.upstream.answer_json(chat_reply("hi"))
    fine = facts.post("/api/chat", {**HELLO, "model": "plain", "think": False, "stream": False})
    assert (fine.status, fine.type, fine.json["message"]["content"]) == (200, JSON_TYPE, "hi")


def test_fact_40_invalid_think_values(facts: Facts) -> None:
    answer = facts.post("/api/chat", {**HELLO, "think": "ultra"})
    assert (answer.status, answer.type) == (400, JSON_TYPE)
    assert answer.json["error"].startswith("invalid think value")


def test_fact_41_suffix_on_a_model_that_cannot_insert(facts: Facts) -> None:
    answer = facts.post("/api/generate", {"model": "plain", "prompt": "a", "suffix": "b"})
    assert (answer.status, answer.type) == (400, JSON_TYPE)
    assert "does not support insert" in answer.json["error"]


def test_fact_42_an_embedding_model_cannot_chat(facts: Facts) -> None:
    chat = facts.post("/api/chat", {**HELLO, "model": "vectors"})
    assert (chat.status, chat.type, chat.json) == (400, JSON_TYPE, {"error": '"vectors" does not support chat'})
    generate = facts.post("/api/generate", {"model": "vectors", "prompt": "hi"})
    assert (generate.status, generate.type) == (400, JSON_TYPE)
    assert "does not support generate" in generate.json["error"]


@pytest.mark.parametrize("top", [21, -1])
@pytest.mark.parametrize("path", ["/api/chat", "/api/generate"])
def test_fact_43_top_logprobs_out_of_range(facts: Facts, path: str, top: int) -> None:
    answer = facts.post(
        path, {"model": "nobody-has-this", "prompt": "a", "messages": [{"role": "user", "content": "a"}], "top_logprobs": top}
    )
    assert (answer.status, answer.type, answer.json) == (400, JSON_TYPE, {"error": "top_logprobs must be between 0 and 20"})


def test_fact_44_images_are_raw_base64(facts: Facts) -> None:
    facts.upstream.answer_json(chat_reply("a picture"))
    encoded = base64.b64encode(PNG).decode()
    answer = facts.post(
        "/api/chat", {"model": "chatty", "stream": False, "messages": [{"role": "user", "content": "what?", "images": [encoded]}]}
    )
    assert (answer.status, answer.type) == (200, JSON_TYPE)
    parts = facts.upstream.last_request["messages"][0]["content"]
    assert parts[1]["image_url"]["url"] == f"data:image/png;base64,{encoded}"
    wrong = facts.post(
        "/api/chat", {"model": "chatty", "messages": [{"role": "user", "content": "what?", "images": ["data:image/png;utf8,%20"]}]}
    )
    assert (wrong.status, wrong.type) == (400, JSON_TYPE)
    assert "illegal base64 data" in wrong.json["error"]


@pytest.mark.parametrize("value", ["", None])
def test_fact_45_empty_format_is_free_text(facts: Facts, value: object) -> None:
    facts.upstream.answer_json(chat_reply("free"))
    answer = facts.post("/api/chat", {**HELLO, "stream": False, "format": value})
    assert (answer.status, answer.type, answer.json["message"]["content"]) == (200, JSON_TYPE, "free")
    assert "response_format" not in facts.upstream.last_request


def test_fact_45_json_and_schemas_constrain(facts: Facts) -> None:
    schema = {"type": "object", "properties": {"a": {"type": "integer"}}, "required": ["a"]}
    for value, kind in (("json", {"json_object", "json_schema"}), (schema, {"json_schema"})):
        facts.upstream.answer_json(chat_reply('{"a":1}'))
        answer = facts.post("/api/chat", {**HELLO, "stream": False, "format": value})
        assert (answer.status, answer.type, answer.json["message"]["content"]) == (200, JSON_TYPE, '{"a":1}')
        assert facts.upstream.last_request["response_format"]["type"] in kind
    assert facts.upstream.last_request["response_format"]["json_schema"]["schema"] == schema


def test_fact_46_unknown_options_and_nulls_are_ignored(facts: Facts) -> None:
    facts.upstream.answer_json(chat_reply("hi"))
    options = {"mirostat": 1, "tfs_z": 1.0, "temperature": None, "nonsense": {"a": 1}, "f16_kv": True, "num_ctx": 4096}
    answer = facts.post("/api/chat", {**HELLO, "stream": False, "options": options})
    assert (answer.status, answer.type, answer.json["message"]["content"]) == (200, JSON_TYPE, "hi")
    assert not options.keys() & facts.upstream.last_request.keys()


def test_fact_47_a_wrong_option_is_named(facts: Facts) -> None:
    answer = facts.post("/api/chat", {**HELLO, "options": {"temperature": "hot"}})
    assert answer.type == JSON_TYPE
    assert answer.status in (400, 500)
    assert answer.json == {"error": 'option "temperature" must be of type float32'}


def test_fact_48_an_empty_keep_alive_is_invalid(facts: Facts) -> None:
    answer = facts.post("/api/chat", {**HELLO, "keep_alive": ""})
    assert (answer.status, answer.type) == (400, JSON_TYPE)
    assert "invalid duration" in answer.json["error"]


@pytest.mark.parametrize("message", [{"role": "user"}, {"role": "user", "content": None}])
def test_fact_49_a_message_may_lack_content(facts: Facts, message: dict) -> None:
    facts.upstream.answer_json(chat_reply("hi"))
    answer = facts.post("/api/chat", {"model": "chatty", "stream": False, "messages": [message]})
    assert (answer.status, answer.type, answer.json["done"]) == (200, JSON_TYPE, True)
    assert facts.upstream.last_request["messages"][0]["content"] == ""


def test_fact_50_an_empty_tools_list_is_not_forwarded(facts: Facts) -> None:
    facts.upstream.answer_json(chat_reply("hi"))
    answer = facts.post("/api/chat", {**HELLO, "stream": False, "tools": []})
    assert (answer.status, answer.type, answer.json["done"]) == (200, JSON_TYPE, True)
    assert "tools" not in facts.upstream.last_request


def test_fact_51_a_tool_call_comes_whole_with_object_arguments(facts: Facts) -> None:
    facts.upstream.answer_stream(
        call_delta(0, "call_1", "f", ""), call_delta(0, None, None, '{"x"'), call_delta(0, None, None, ":1}"), finish_chunk("tool_calls")
    )
    answer = facts.post("/api/chat", {**HELLO, "tools": [TOOL]})
    assert (answer.status, answer.type) == (200, NDJSON_TYPE)
    *others, last = lines_of(answer)
    assert [line["message"]["tool_calls"] for line in others] == [
        [{"id": "call_1", "function": {"index": 0, "name": "f", "arguments": {"x": 1}}}]
    ]
    assert last["done_reason"] == "stop"


def test_fact_52_parallel_calls_keep_their_order(facts: Facts) -> None:
    facts.upstream.answer_stream(
        call_delta(0, "a", "f", '{"x"'),
        call_delta(1, "b", "g", '{"y"'),
        call_delta(0, None, None, ":1}"),
        call_delta(1, None, None, ":2}"),
        finish_chunk("tool_calls"),
    )
    answer = facts.post("/api/chat", {**HELLO, "tools": [TOOL]})
    assert (answer.status, answer.type) == (200, NDJSON_TYPE)
    calls = [call for line in lines_of(answer) for call in line["message"].get("tool_calls", [])]
    assert [(call["id"], call["function"]) for call in calls] == [
        ("a", {"index": 0, "name": "f", "arguments": {"x": 1}}),
        ("b", {"index": 1, "name": "g", "arguments": {"y": 2}}),
    ]


def test_fact_53_history_without_ids_gets_matching_ids(facts: Facts) -> None:
    facts.upstream.answer_json(chat_reply("done"))
    calls = [{"function": {"name": name, "arguments": {"n": name}}} for name in ("f", "g")]
    history = [
        {"role": "user", "content": "go"},
        {"role": "assistant", "content": "", "tool_calls": calls},
        {"role": "tool", "content": "1"},
        {"role": "tool", "content": "2"},
    ]
    answer = facts.post("/api/chat", {"model": "chatty", "stream": False, "messages": history, "tools": [TOOL]})
    assert (answer.status, answer.type) == (200, JSON_TYPE)
    sent = facts.upstream.last_request["messages"]
    ids = [call["id"] for call in sent[1]["tool_calls"]]
    assert len(set(ids)) == 2
    assert [message["tool_call_id"] for message in sent[2:]] == ids
    assert [json.loads(call["function"]["arguments"]) for call in sent[1]["tool_calls"]] == [{"n": "f"}, {"n": "g"}]


@pytest.mark.parametrize("status", [429, 503])
def test_fact_54_upstream_status_before_output_is_kept(facts: Facts, status: int) -> None:
    facts.upstream.answer_json(refusal("come back later"), status=status, headers={"Retry-After": "60"})
    answer = facts.post("/api/chat", HELLO)
    assert (answer.status, answer.type, answer.json) == (status, JSON_TYPE, {"error": "come back later"})
    assert answer.headers["Retry-After"] == "60"


@pytest.mark.parametrize("path", ["/api/chat", "/api/generate"])
def test_fact_55_a_failure_after_output_is_one_error_line(facts: Facts, path: str) -> None:
    facts.upstream.answer_stream(chat_chunk("Hel"), {"error": {"message": "boom", "code": 500}}, done=False, pause=True)
    answer = facts.post(path, {**HELLO, "prompt": "hi"})
    assert (answer.status, answer.type) == (200, NDJSON_TYPE)
    lines = lines_of(answer)
    assert lines[-1] == {"error": "boom"}
    assert all(line.get("done") is not True for line in lines)


def test_fact_56_upstream_errors_are_flattened_to_a_string(facts: Facts) -> None:
    facts.upstream.answer_json(
        {"error": {"message": "bad thing", "type": "invalid_request_error", "param": None, "code": None}}, status=400
    )
    answer = facts.post("/api/chat", HELLO)
    assert (answer.status, answer.type, answer.json) == (400, JSON_TYPE, {"error": "bad thing"})


@pytest.mark.parametrize(
    ("reason", "done_reason"), [("length", "length"), ("stop", "stop"), ("tool_calls", "stop"), ("content_filter", "content_filter")]
)
def test_fact_57_finish_reasons(facts: Facts, reason: str, done_reason: str) -> None:
    facts.upstream.answer_stream(chat_chunk("a"), finish_chunk(reason))
    answer = facts.post("/api/chat", HELLO)
    assert (answer.status, answer.type) == (200, NDJSON_TYPE)
    assert lines_of(answer)[-1]["done_reason"] == done_reason


def test_fact_58_embed_gives_unit_vectors_in_order(facts: Facts) -> None:
    facts.upstream.answer_json(embeddings_reply([[3.0, 4.0]]))
    one = facts.post("/api/embed", {"model": "vectors", "input": "a"})
    assert (one.status, one.type, one.json["embeddings"]) == (200, JSON_TYPE, [[0.6, 0.8]])
    facts.upstream.answer_json(embeddings_reply([[3.0, 4.0], [0.0, 2.0]], shuffled=True))
    two = facts.post("/api/embed", {"model": "vectors", "input": ["a", "b"]})
    assert (two.status, two.type, two.json["embeddings"]) == (200, JSON_TYPE, [[0.6, 0.8], [0.0, 1.0]])
    assert facts.upstream.last_request["input"] == ["a", "b"]


@pytest.mark.parametrize("value", ["", [], None])
def test_fact_59_embed_of_nothing(facts: Facts, value: object) -> None:
    answer = facts.post("/api/embed", {"model": "vectors", "input": value})
    assert (answer.status, answer.type, answer.json["embeddings"]) == (200, JSON_TYPE, [])
    assert answer.json["model"] == "vectors"


def test_fact_60_embed_takes_only_texts(facts: Facts) -> None:
    answer = facts.post("/api/embed", {"model": "vectors", "input": ["a", 1]})
    assert (answer.status, answer.type, answer.json) == (400, JSON_TYPE, {"error": "invalid input type"})


def test_fact_61_legacy_embeddings_have_one_key(facts: Facts) -> None:
    facts.upstream.answer_json(embeddings_reply([[3.0, 4.0]]))
    answer = facts.post("/api/embeddings", {"model": "vectors", "prompt": "a"})
    assert (answer.status, answer.type, answer.json) == (200, JSON_TYPE, {"embedding": [3.0, 4.0]})


def test_fact_62_nothing_is_loaded(facts: Facts) -> None:
    answer = facts.get("/api/ps")
    assert (answer.status, answer.type, answer.json) == (200, JSON_TYPE, {"models": []})


def test_fact_63_delete_and_copy_are_refused_after_validation(facts: Facts) -> None:
    for payload in ({"name": "chatty"}, {"model": "chatty"}):
        answer = facts.request("DELETE", "/api/delete", payload)
        assert (answer.status, answer.type) == (501, JSON_TYPE)
        assert answer.json.keys() == {"error"}
    missing = facts.request("DELETE", "/api/delete", {"model": "x"})
    assert (missing.status, missing.type, missing.json) == (404, JSON_TYPE, {"error": "model 'x' not found"})
    copied = facts.post("/api/copy", {"source": "chatty", "destination": "b"})
    assert (copied.status, copied.type) == (501, JSON_TYPE)
    lost = facts.post("/api/copy", {"source": "x", "destination": "b"})
    assert (lost.status, lost.type, lost.json) == (404, JSON_TYPE, {"error": 'model "x" not found'})


def test_fact_64_pull_of_a_known_model(facts: Facts) -> None:
    answer = facts.post("/api/pull", {"model": "chatty"})
    assert (answer.status, answer.type) == (200, NDJSON_TYPE)
    lines = lines_of(answer)
    assert (lines[0], lines[-1]) == ({"status": "pulling manifest"}, {"status": "success"})
    whole = facts.post("/api/pull", {"model": "chatty", "stream": False})
    assert (whole.status, whole.type.split(";")[0], whole.json) == (200, "application/json", {"status": "success"})


def test_fact_65_pull_of_an_unknown_model(facts: Facts) -> None:
    answer = facts.post("/api/pull", {"model": "x"})
    assert (answer.status, answer.type) == (200, NDJSON_TYPE)
    assert lines_of(answer) == [{"status": "pulling manifest"}, {"error": "pull model manifest: file does not exist"}]
    whole = facts.post("/api/pull", {"model": "x", "stream": False})
    assert (whole.status, whole.type.split(";")[0]) == (500, "application/json")
    assert whole.json == {"error": "pull model manifest: file does not exist"}


def test_fact_66_wrong_methods_and_unknown_urls(facts: Facts) -> None:
    wrong = facts.post("/api/tags", {})
    assert (wrong.status, wrong.body) == (405, b"405 method not allowed")
    assert wrong.type.startswith("text/plain")
    assert set(wrong.headers["Allow"].split(", ")) == {"GET", "HEAD"}
    unknown = facts.get("/nope")
    assert (unknown.status, unknown.body) == (404, b"404 page not found")
    assert unknown.type.startswith("text/plain")


def test_fact_67_origins(facts_with_origins: Facts) -> None:
    allowed = facts_with_origins.get("/api/version", headers={"Origin": "http://localhost:3000"})
    assert (allowed.status, allowed.type) == (200, JSON_TYPE)
    assert allowed.headers["Access-Control-Allow-Origin"] == "http://localhost:3000"
    assert "Origin" in allowed.headers["Vary"]
    for origin in ("http://evil.example", "null"):
        denied = facts_with_origins.get("/api/version", headers={"Origin": origin})
        assert (denied.status, denied.body) == (403, b""), origin


def test_fact_67_all_origins_are_allowed_by_default(facts: Facts) -> None:
    answer = facts.get("/api/version", headers={"Origin": "http://evil.example"})
    assert (answer.status, answer.type, answer.headers["Access-Control-Allow-Origin"]) == (200, JSON_TYPE, "*")


def test_fact_68_preflight(facts_with_origins: Facts) -> None:
    headers = {"Origin": "http://localhost:3000", "Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "content-type"}
    answer = facts_with_origins.request("OPTIONS", "/api/chat", headers=headers)
    assert (answer.status, answer.body) == (204, b"")
    assert answer.headers["Access-Control-Max-Age"] == "43200"
    assert "POST" in answer.headers["Access-Control-Allow-Methods"]
    assert "content-type" in answer.headers["Access-Control-Allow-Headers"].lower()
    denied = facts_with_origins.request("OPTIONS", "/api/chat", headers={**headers, "Origin": "http://evil.example"})
    assert (denied.status, denied.body) == (403, b"")


@pytest.mark.parametrize("value", ["Bearer ", "Bearer undefined", "Bearer sk-of-the-client", "Basic dTpw"])
def test_fact_69_credentials_of_clients_stay_here(facts: Facts, value: str) -> None:
    facts.upstream.answer_json(chat_reply("hi"))
    answer = facts.post("/api/chat", {**HELLO, "stream": False}, headers={"Authorization": value})
    assert (answer.status, answer.type, answer.json["done"]) == (200, JSON_TYPE, True)
    assert facts.upstream.last_headers["authorization"] == "Bearer sk-of-the-gateway"


def test_fact_70_v1_models_is_the_upstreams_list(facts: Facts) -> None:
    answer = facts.get("/v1/models")
    assert (answer.status, answer.type) == (200, "application/json")
    assert answer.body == facts.upstream.models_body


def test_fact_71_v1_unknown_model(facts: Facts) -> None:
    facts.upstream.answer_json(refusal("The model `x` does not exist", code="model_not_found"), status=404)
    answer = facts.post("/v1/chat/completions", {**HELLO, "model": "x"})
    assert (answer.status, answer.type.split(";")[0]) == (404, "application/json")
    assert (answer.json["error"]["type"], answer.json["error"]["code"]) == ("not_found_error", "model_not_found")


def test_fact_72_a_client_that_leaves_aborts_the_upstream(facts: Facts) -> None:
    facts.upstream.answer_stream(chat_chunk("Hel"), stall=True)
    left_at = facts.start_and_leave("/api/chat", HELLO)
    asked = facts.upstream.last
    assert asked.wait_closed(3.0)
    assert asked.closed_at is not None
    assert asked.closed_at - left_at < 1.0
