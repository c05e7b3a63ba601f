"""Documents, marks of what to cache, signatures and wishes about thoughts, as OpenAI-style servers get them."""

from __future__ import annotations

from base64 import b64encode
from typing import Any

import pytest

from proxy.canonical.events import PartClosed
from proxy.canonical.request import FilePart, ImagePart, ResponseFormat, TextPart, Tool, ToolCallPart
from proxy.dialects.openai.reading import stream_reader
from proxy.errors import InvalidRequest
from tests.dialects.openai.asking import answered, built, messages, said
from tests.dialects.openai.records import DONE, a_route, ids, record, sse

PDF = FilePart("application/pdf", "JVBERi0xLjQK", name="a.pdf")
LINKED = FilePart(url="https://example.org/a.pdf")
NOTE = FilePart("text/markdown", "SGk=", name="a.md")
FACTS = FilePart("application/json", "e30=")
MARK = {"type": "ephemeral"}


@pytest.mark.parametrize("profile", ["openai", "openai-reasoning", "azure", "openrouter"])
def test_documents_go_as_files_where_those_are_taken(profile: str) -> None:
    assert messages(said("user", "see", PDF), profile=profile)[0]["content"] == [
        {"type": "text", "text": "see"},
        {"type": "file", "file": {"filename": "a.pdf", "file_data": "data:application/pdf;base64,JVBERi0xLjQK"}},
    ]


@pytest.mark.parametrize("profile", ["generic", "vllm", "llamacpp", "openai"])
def test_how_closely_to_look_stands_beside_the_picture(profile: str) -> None:
    picture = ImagePart(url="https://x/a.png", detail="low")
    shown = {"type": "image_url", "image_url": {"url": "https://x/a.png", "detail": "low"}}
    assert messages(said("user", picture), profile=profile)[0]["content"] == [shown]
    turns = messages(said("assistant", ToolCallPart("a", "f", "{}")), answered("a", picture), profile=profile)
    assert turns[-1]["content"][-1] == shown


DOCX = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"


@pytest.mark.parametrize(
    ("told", "mime", "name"),
    [
        ("", "application/pdf", "document.pdf"),
        ("a.pdf", "application/pdf", "a.pdf"),
        ("Report.PDF", "application/pdf", "Report.PDF"),
        ("Contract of 2024", "application/pdf", "Contract of 2024.pdf"),
        ("v1.2 notes", "application/pdf", "v1.2 notes.pdf"),
        ("a.docx", "application/pdf", "a.docx.pdf"),
        ("Contract", DOCX, "Contract.docx"),
        ("Contract.docx", DOCX, "Contract.docx"),
        ("", "application/zip", "document"),
        ("a.zip", "application/zip", "a.zip"),
        ("x" * 300, "application/pdf", "x" * 251 + ".pdf"),
        ("x" * 300 + ".PDF", "application/pdf", "x" * 251 + ".PDF"),
        ("é" * 300, "application/pdf", "é" * 125 + ".pdf"),
        ("x" * 300, "application/zip", "x" * 255),
    ],
)
def test_a_document_has_a_name_that_ends_as_its_type_does(told: str, mime: str, name: str) -> None:
    """A title is no file name; OpenAI judges by the ending."""
    (part,) = messages(said("user", FilePart(mime, "JVBERi0xLjQK", name=told)), profile="openai")[0]["content"]
    assert part["file"]["filename"] == name


@pytest.mark.parametrize("profile", ["generic", "vllm", "openai"])
def test_documents_that_are_text_go_as_text(profile: str) -> None:
    assert messages(said("user", NOTE, FilePart("text/plain", "SGk="), FACTS), profile=profile)[0]["content"] == [
        {"type": "text", "text": "a.md:\nHi"},
        {"type": "text", "text": "Hi"},
        {"type": "text", "text": "{}"},
    ]


@pytest.mark.parametrize("profile", ["generic", "openai"])
def test_texts_in_other_encodings_are_refused_by_their_place(profile: str) -> None:
    latin = FilePart("text/plain", b64encode("Grüße".encode("latin-1")).decode(), place="input[0].content[1].file_data")
    with pytest.raises(InvalidRequest, match="calls itself text is none in UTF-8") as caught:
        messages(said("user", latin), profile=profile)
    assert caught.value.param == "input[0].content[1].file_data"


def test_documents_by_url_go_where_those_are_taken() -> None:
    (part,) = messages(said("user", LINKED), profile="openrouter")[0]["content"]
    assert part["file"]["file_data"] == "https://example.org/a.pdf"


@pytest.mark.parametrize(("profile", "part"), [("vllm", PDF), ("generic", LINKED), ("openai", LINKED)])
def test_documents_are_refused_where_they_would_be_lost(profile: str, part: FilePart) -> None:
    with pytest.raises(InvalidRequest, match="takes no documents") as caught:
        messages(said("user", part), profile=profile)
    assert caught.value.param == "messages"


def test_what_tools_attach_comes_behind_their_results() -> None:
    found = messages(
        said("assistant", ToolCallPart("a", "f", "{}")), answered("a", "see", PDF, ImagePart(url="https://x/a.png")), profile="openai"
    )
    assert found[1]["content"] == "see\n[document 1]\n[image 2]"
    assert [part["type"] for part in found[2]["content"]] == ["text", "file", "text", "image_url"]


def test_marks_go_where_they_are_understood_and_nowhere_else() -> None:
    conversation = (said("system", TextPart("be brief", MARK)), said("user", "a", ImagePart(url="https://x/a.png", cache_hint=MARK)))
    assert messages(*conversation, profile="openrouter") == [
        {"role": "system", "content": [{"type": "text", "text": "be brief", "cache_control": MARK}]},
        {
            "role": "user",
            "content": [
                {"type": "text", "text": "a"},
                {"type": "image_url", "image_url": {"url": "https://x/a.png"}, "cache_control": MARK},
            ],
        },
    ]
    assert "cache_control" not in repr(messages(*conversation, profile="openai"))


def test_marks_of_tools_go_where_they_are_understood_and_nowhere_else() -> None:
    """Source: OpenRouter's API reference, `ChatFunctionTool`."""
    tools = (Tool("f", cache_hint=MARK), Tool("g"))
    assert [tool.get("cache_control") for tool in built("openrouter", tools=tools)["tools"]] == [MARK, None]
    assert "cache_control" not in repr(built("openai", tools=tools))


def test_a_format_in_words_stands_behind_marked_words() -> None:
    body = built(
        "openrouter",
        messages=(said("system", TextPart("be brief", MARK)), said("user", "hi")),
        response_format=ResponseFormat("json_schema", {"type": "object"}),
        tools=(Tool("f"),),
    )
    assert isinstance(body["messages"][0]["content"], list)


SIGNED = ToolCallPart("a", "f", "{}", "QQ==", "gemini")


def test_signatures_of_calls_go_back_to_googles_door_and_to_no_other() -> None:
    turn = (said("assistant", SIGNED), answered("a", "1"))
    assert messages(*turn, profile="google")[0]["tool_calls"][0]["extra_content"] == {"google": {"thought_signature": "QQ=="}}
    assert "extra_content" not in repr(messages(*turn, profile="generic"))
    foreign = (said("assistant", ToolCallPart("a", "f", "{}", "sig", "anthropic")), answered("a", "1"))
    assert "extra_content" not in repr(messages(*foreign, profile="google"))


@pytest.mark.parametrize(
    "extra",
    [{"google": {"thought_signature": "QQ=="}}, {"google": {"thought_signature": None}}, {"google": 1}, 1, None],
)
def test_signatures_of_calls_are_read_from_googles_door(extra: Any) -> None:
    entry = {"index": 0, "id": "a", "type": "function", "function": {"name": "f", "arguments": "{}"}, "extra_content": extra}
    reader = stream_reader(a_route(), ids())
    events = [*reader.feed(sse(record({"tool_calls": [entry]}), record(finish="stop")) + DONE), *reader.close()]
    is_signed = isinstance(extra, dict) and extra["google"] == {"thought_signature": "QQ=="}
    assert [event for event in events if isinstance(event, PartClosed)] == [PartClosed("QQ==", "gemini") if is_signed else PartClosed()]


@pytest.mark.parametrize(
    ("profile", "wish", "wanted"),
    [
        ("openrouter", {"reasoning_budget": 3000}, {"reasoning": {"max_tokens": 3000}}),
        ("openrouter", {"reasoning_budget": 3000, "reasoning": "low"}, {"reasoning": {"effort": "low"}}),
        ("openrouter", {"reasoning_budget": 0}, {"reasoning": {"enabled": False}}),
        ("openrouter", {"hides_reasoning": True}, {"reasoning": {"exclude": True}}),
        ("openrouter", {"hides_reasoning": True, "reasoning": "high"}, {"reasoning": {"effort": "high", "exclude": True}}),
        ("openai-reasoning", {"reasoning_budget": 5000}, {"reasoning_effort": "high"}),
        ("openai-reasoning", {"reasoning_budget": 1500, "reasoning": "on"}, {"reasoning_effort": "low"}),
        ("openai-reasoning", {"hides_reasoning": True}, {}),
        ("groq", {"hides_reasoning": True}, {"reasoning_format": "hidden"}),
        ("groq", {"hides_reasoning": True, "reasoning": "low"}, {"reasoning_format": "hidden", "reasoning_effort": "low"}),
        ("generic", {"reasoning_budget": 5000, "hides_reasoning": True}, {}),
    ],
)
def test_budgets_and_hidden_thoughts_are_said_as_the_server_knows_them(profile: str, wish: Any, wanted: Any) -> None:
    body = built(profile, **wish)
    assert {key: value for key, value in body.items() if key.startswith(("reasoning", "include"))} == wanted
