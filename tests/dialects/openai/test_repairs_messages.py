"""What is learnt of how messages and tools are to be written."""

from __future__ import annotations

from dataclasses import replace

import pytest

from proxy.canonical.request import ImagePart, Message
from proxy.dialects.openai.messages import messages_json
from proxy.errors import UpstreamRefused
from proxy.profiles import PROFILES
from tests.dialects.openai.asking import a_refusal, openai_refusal
from tests.dialects.openai.learnt import learnt, pydantic_error


def test_names_of_speakers_are_left_out() -> None:
    body = {"object": "error", "message": {"detail": [pydantic_error("body", "messages", 0, "user", "name")]}}
    assert learnt(a_refusal(body, 422)) == {"message_names": False}


def test_how_closely_to_look_is_left_out_where_that_word_is_refused() -> None:
    body = {"detail": [pydantic_error("body", "messages", 0, "user", "content", 1, "image_url", "image_url", "detail")]}
    assert learnt(a_refusal(body, 422)) == {"dropped": frozenset({"detail"})}
    picture = Message("user", (ImagePart(url="https://x/a.png", detail="low"),))
    (message,) = messages_json([picture], replace(PROFILES["generic"], dropped=frozenset({"detail"})))
    assert message["content"] == [{"type": "image_url", "image_url": {"url": "https://x/a.png"}}]


def test_ids_are_made_as_mistral_wants_them() -> None:
    message = "Tool call id was call_abc but must be a-z, A-Z, 0-9, with a length of 9."
    assert learnt(a_refusal({"object": "error", "message": message, "type": "invalid_request_message_order", "code": "3280"})) == {
        "tool_ids": "alnum9"
    }


def test_nothing_said_is_an_empty_text_for_those_who_want_one() -> None:
    errors = [{"type": "string_type", "loc": ["body", "messages", 1, "content"], "msg": "Input should be a valid string"}]
    assert learnt(a_refusal({"detail": errors}, 422)) == {"no_content": "empty"}


@pytest.mark.parametrize(
    "error",
    [
        a_refusal({"error": "Invalid tool_choice type: 'object'. Supported string values: none, auto, required"}),
        openai_refusal("property 'tool_choice' is unsupported"),
    ],
)
def test_a_tool_is_demanded_by_sending_no_other(error: UpstreamRefused) -> None:
    assert learnt(error) == {"named_tool": "only"}


def test_last_words_are_gone_on_with_as_the_server_wants() -> None:
    assert learnt(openai_refusal("Assistant response prefill is incompatible with enable_thinking.")) == {"prefill": "unthinking"}
    assert learnt(openai_refusal("property 'continue_final_message' is unsupported"), "vllm") == {"prefill": ""}
    body = {"detail": [pydantic_error("body", "messages", 1, "assistant", "prefix")]}
    assert learnt(a_refusal(body, 422), "mistral") == {"prefill": ""}


# Names of tools


@pytest.mark.parametrize(
    "message",
    [
        "Invalid 'tools[0].function.name': string does not match pattern '^[a-zA-Z0-9_-]+$'",
        (
            "Invalid 'messages[1].tool_calls[0].function.name': string does not match pattern. Expected a string that matches the pattern "
            "'^[a-zA-Z0-9_-]+$'."
        ),
        "'mcp.server/x' does not match '^[a-zA-Z0-9_-]{1,64}$' - 'tools.0.function.name'",
        "Function name was a.b but must be a-z, A-Z, 0-9, or contain underscores and dashes, with a maximum length of 64.",
        (
            "Value 'a/b' at 'toolConfig.tools.1.member.toolSpec.name' failed to satisfy constraint: Member must satisfy regular expression "
            "pattern: [a-zA-Z0-9_-]+"
        ),
    ],
)
def test_names_of_tools_that_are_refused_are_spelled_plainly(message: str) -> None:
    assert learnt(openai_refusal(message, "tools[0].function.name", "invalid_value")) == {"plain_names": True}
    assert learnt(openai_refusal(message, "tools[0].function.name", "invalid_value"), "openai") == {}
