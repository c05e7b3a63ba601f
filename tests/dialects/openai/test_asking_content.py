"""How the content of messages is read: texts, pictures, files and sounds."""

from __future__ import annotations

from base64 import b64encode
from typing import Any

import pytest

from proxy.canonical.request import AudioPart, FilePart, ImagePart, TextPart, Tool
from proxy.dialects.openai.responses.asking import parse_response
from tests.dialects.openai.asked import F, asked, parts, refused

PNG = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAQAAAC1HAwCAAAAC0lEQVR42mNk+A8AAQUBAScY42YAAAAASUVORK5CYII="
PDF = "JVBERi0xLjQK"
WAV = "UklGRiQAAABXQVZFZm10IA=="


def _base64(data: bytes) -> str:
    return b64encode(data).decode()


def test_content_of_several_parts_stays_one_message_and_empty_texts_are_left_out() -> None:
    url = f"data:image/jpeg;base64,{PNG}"
    assert parts({"type": "text", "text": "see"}, {"type": "text", "text": ""}, {"type": "image_url", "image_url": {"url": url}}) == (
        TextPart("see"),
        ImagePart("image/png", PNG),
    )


@pytest.mark.parametrize(
    ("url", "part"),
    [
        (f"data:image/png;base64,{PNG}", ImagePart("image/png", PNG)),
        (f"DATA:image/png;charset=utf-8;BASE64,{PNG}", ImagePart("image/png", PNG)),
        (f"data:;base64,{PNG}", ImagePart("image/png", PNG)),
        (f"data:image/png;base64,{PNG.replace('+', '%2B').replace('=', '%3D')}", ImagePart("image/png", PNG)),
        ("data:image/x-odd;base64,AAAA", ImagePart("image/x-odd", "AAAA")),
        ("data:;base64,AAAA", ImagePart("image/jpeg", "AAAA")),
        (f"data:image/png;base64,{PDF}", FilePart("application/pdf", PDF)),
        ("https://example.org/a.png", ImagePart(url="https://example.org/a.png")),
    ],
)
def test_pictures_are_what_their_bytes_tell(url: str, part: Any) -> None:
    assert parts({"type": "image_url", "image_url": {"url": url, "detail": "auto"}}) == (part,)
    assert parts({"type": "image_url", "image_url": url}) == (part,)


@pytest.mark.parametrize(("said", "detail"), [("low", "low"), ("high", "high"), ("original", "high"), ("auto", ""), (None, "")])
def test_how_closely_to_look_is_said_in_words_that_all_servers_know(said: str | None, detail: str) -> None:
    for url in (f"data:image/png;base64,{PNG}", "https://example.org/a.png"):
        (part,) = parts({"type": "image_url", "image_url": {"url": url, "detail": said}})
        assert isinstance(part, ImagePart)
        assert part.detail == detail
        given = [{"role": "user", "content": [{"type": "input_image", "image_url": url, "detail": said}]}]
        assert parse_response({"model": "m", "input": given}).messages[0].parts == (part,)


@pytest.mark.parametrize("url", ["ftp://x", "data:image/png;base64,", "data:image/png;base64,*", "x", "data:image/svg+xml,<svg/>", ""])
def test_pictures_that_are_none_are_refused_by_their_place(url: str) -> None:
    error = refused(messages=[{"role": "user", "content": [{"type": "image_url", "image_url": {"url": url}}]}])
    assert error.param == "messages[0].content[0].image_url.url"


@pytest.mark.parametrize(
    ("file", "part"),
    [
        ({"filename": "a.pdf", "file_data": f"data:application/pdf;base64,{PDF}"}, FilePart("application/pdf", PDF, name="a.pdf")),
        ({"filename": "a.pdf", "file_data": PDF}, FilePart("application/pdf", PDF, name="a.pdf")),
        ({"filename": "a.md", "file_data": "SGk="}, FilePart("text/markdown", "SGk=", name="a.md")),
        ({"filename": "a", "file_data": "data:text/plain,H%69"}, FilePart("text/plain", "SGk=", name="a")),
        ({"file_data": "SGk="}, FilePart("application/octet-stream", "SGk=")),
        ({"file_data": "https://x/a.pdf"}, FilePart(url="https://x/a.pdf")),
        ({"filename": "a.xml", "file_data": "PD94bWwgLz4="}, FilePart("text/xml", "PD94bWwgLz4=", name="a.xml")),
        *(
            (
                {"filename": "a.txt", "file_data": f"data:text/plain;base64,{_base64(said)}"},
                FilePart("text/plain", _base64(read), name="a.txt"),
            )
            for said, read in (
                *(("Grüße".encode(encoding), "Grüße".encode()) for encoding in ("utf-16", "utf-32", "utf-8")),
                (b"\xfe\xff" + "Grüße".encode("utf-16-be"), "Grüße".encode()),
                ("Grüße".encode("latin-1"), "Grüße".encode("latin-1")),
                (b"\xff\xfea", b"\xff\xfea"),
                (b"BMW is a car", b"BMW is a car"),
                (b"ID3 is a tag", b"ID3 is a tag"),
            )
        ),
        ({"filename": "a.txt", "file_data": f"data:text/plain;base64,{PNG}"}, ImagePart("image/png", PNG)),
        ({"file_data": PNG}, ImagePart("image/png", PNG)),
        ({"file_data": WAV}, AudioPart("wav", WAV)),
    ],
)
def test_files_are_what_their_bytes_tell_else_what_their_client_says(file: Any, part: Any) -> None:
    assert parts({"type": "file", "file": file}) == (part,)


def test_files_that_are_stored_elsewhere_or_nowhere_are_refused() -> None:
    for file, place in (({"file_id": "file-1"}, "file_id"), ({}, "file_data"), ({"file_data": "*"}, "file_data")):
        error = refused(messages=[{"role": "user", "content": [{"type": "file", "file": file}]}])
        assert error.param == f"messages[0].content[0].file.{place}"


def test_sounds_have_the_format_that_their_bytes_tell() -> None:
    assert parts({"type": "input_audio", "input_audio": {"data": WAV, "format": "mp3"}}) == (AudioPart("wav", WAV),)
    assert parts({"type": "input_audio", "input_audio": {"data": "AAAA", "format": "mp3"}}) == (AudioPart("mp3", "AAAA"),)
    error = refused(messages=[{"role": "user", "content": [{"type": "input_audio", "input_audio": {"data": "AAAA"}}]}])
    assert error.param == "messages[0].content[0].input_audio.data"


def test_marks_of_what_to_cache_are_kept() -> None:
    hint = {"type": "ephemeral"}
    assert parts({"type": "text", "text": "a", "cache_control": hint}) == (TextPart("a", hint),)
    assert asked(tools=[{**F, "cache_control": hint}]).tools == (Tool("f", cache_hint=hint),)
