"""What messages to `/v1/messages` show: pictures, documents and search results."""

from __future__ import annotations

from base64 import b64encode
from typing import Any

import pytest

from proxy.canonical.request import FilePart, ImagePart, TextPart, ToolResultPart
from tests.dialects.anthropic.client_requests import CACHE, PDF, PNG, call, refused, result, text, turns, user


def test_pictures_have_the_type_that_their_bytes_tell() -> None:
    source = {"type": "base64", "media_type": "image/jpeg", "data": PNG}
    url = {"type": "url", "url": "https://x/y.png"}
    (message,) = user({"type": "image", "source": source, "cache_control": CACHE}, {"type": "image", "source": url})
    assert message.parts == (ImagePart("image/png", PNG, cache_hint=CACHE), ImagePart(url="https://x/y.png"))


@pytest.mark.parametrize(
    ("source", "complaint"),
    [
        ({"type": "base64", "media_type": "image/png", "data": "?"}, "source.data: illegal base64 data at input byte 0"),
        ({"type": "base64", "media_type": "image/png", "data": ""}, "source.data: the file is empty: expected its base64 data"),
        ({"type": "base64", "data": PNG}, "source.media_type: Field required"),
        ({"type": "base64", "media_type": "image/bmp", "data": b64encode(b"BMxxxx").decode()}, "not 'image/bmp'"),
        ({"type": "file", "file_id": "f"}, "source.type: files are kept by Anthropic's servers"),
        ({"type": "url", "url": "file:///etc/passwd"}, "source.url: Only HTTPS URLs are supported"),
        ({"type": "x"}, "does not match any of the expected tags"),
        (None, "messages.0.content.0.source: Field required"),
    ],
)
def test_pictures_that_are_none_are_refused_by_their_place(source: Any, complaint: str) -> None:
    said = refused(messages=[{"role": "user", "content": [{"type": "image", "source": source}]}])
    assert said.startswith("messages.0.content.0.source")
    assert complaint in said


def test_documents_become_files_or_text() -> None:
    pdf = {"type": "document", "source": {"type": "base64", "media_type": "application/pdf", "data": PDF}, "title": "T", "context": "C"}
    link = {"type": "document", "source": {"type": "url", "url": "https://x/y.pdf"}, "cache_control": CACHE}
    plain = {"type": "document", "source": {"type": "text", "media_type": "text/plain", "data": "words"}, "title": "T", "context": "C"}
    bare = {"type": "document", "source": {"type": "text", "media_type": "text/plain", "data": "words"}}
    blocks = {"type": "document", "source": {"type": "content", "content": [text("a"), text("b")]}, "title": "T"}
    assert user(pdf, link, plain, bare, blocks)[0].parts == (
        TextPart("C"),
        FilePart("application/pdf", PDF, name="T"),
        FilePart("application/pdf", url="https://x/y.pdf", cache_hint=CACHE),
        TextPart("T\nC\n\nwords"),
        TextPart("words"),
        TextPart("T"),
        TextPart("a"),
        TextPart("b"),
    )
    assert "not 'image/png'" in refused(
        messages=[{"role": "user", "content": [{"type": "document", "source": {"type": "base64", "data": PNG}}]}]
    )
    assert "Anthropic's servers" in refused(
        messages=[{"role": "user", "content": [{"type": "document", "source": {"type": "file", "file_id": "f"}}]}]
    )


def test_the_mark_of_a_document_of_several_texts_stands_on_the_last() -> None:
    parts = {"type": "document", "title": "T", "source": {"type": "content", "content": [text("a"), text("b")]}, "cache_control": CACHE}
    assert user(parts)[0].parts == (TextPart("T"), TextPart("a"), TextPart("b", CACHE))
    empty = {"type": "document", "title": "T", "source": {"type": "content", "content": []}, "cache_control": CACHE}
    assert user(empty)[0].parts == (TextPart("T", CACHE),)


def test_search_results_become_text() -> None:
    found = {"type": "search_result", "title": "T", "source": "https://x", "content": [text("a"), text("b")]}
    assert user(found)[0].parts == (TextPart("T\nhttps://x\n\na\n\nb"),)


def test_results_show_pictures_and_documents() -> None:
    shown = [
        {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": PNG}},
        {"type": "document", "source": {"type": "base64", "media_type": "application/pdf", "data": PDF}},
        {"type": "tool_reference", "tool_name": "g"},
    ]
    messages = turns(("user", "go"), ("assistant", [call("t1")]), ("user", [result("t1", shown)]))
    assert messages[2].parts == (ToolResultPart("t1", "f", (ImagePart("image/png", PNG), FilePart("application/pdf", PDF), TextPart("g"))),)
