"""Messages as Gemini gets them. Google's own types judge each body that is built."""

from __future__ import annotations

import time
from typing import Any

import pytest

from proxy.canonical.request import AudioPart, FilePart, ImagePart, ReasoningPart, RefusalPart, ToolCallPart
from proxy.dialects.gemini.contents import NO_SIGNATURE, contents_json
from proxy.errors import InvalidRequest
from proxy.profiles import PROFILES
from tests.dialects.gemini.asking import SIGNATURE, answered, built, called, contents, said

PNG = "iVBORw0KGgo="


def texts(*words: str) -> list[dict[str, Any]]:
    return [{"text": word} for word in words]


def user(*parts: Any) -> dict[str, Any]:
    return {"role": "user", "parts": [{"text": part} if isinstance(part, str) else part for part in parts]}


def model(*parts: Any) -> dict[str, Any]:
    return user(*parts) | {"role": "model"}


def result(call_id: str, response: dict[str, Any], name: str = "get_weather", **more: Any) -> dict[str, Any]:
    return {"functionResponse": {"id": call_id, "name": name, "response": response, **more}}


def test_what_the_system_says_first_stands_apart_and_later_words_stand_in_their_place() -> None:
    body = built(
        messages=(said("system", "A", ""), said("developer", "B"), said("user", "hi"), said("assistant", "yo"), said("system", "C"))
    )
    assert body["systemInstruction"] == {"parts": texts("A", "B")}
    assert body["contents"] == [user("hi"), model("yo"), user("C")]


def test_a_model_without_a_place_for_the_system_hears_it_from_the_user() -> None:
    body = built("gemma", messages=(said("system", "A"), said("user", "hi")))
    assert "systemInstruction" not in body
    assert [part["text"] for content in body["contents"] for part in content["parts"]] == ["A", "hi"]
    assert {content["role"] for content in body["contents"]} == {"user"}


@pytest.mark.parametrize(
    "conversation",
    [(), (said("system", "A"),), (said("assistant", "yo"),), (said("user", ""),)],
)
def test_the_user_begins_if_only_with_a_blank(conversation: tuple[Any, ...]) -> None:
    assert contents(*conversation)[0] == user(" ")


def test_turns_of_a_role_that_follow_each_other_become_one() -> None:
    assert contents(said("user", "a"), said("user", "b"), said("assistant", "c"), said("assistant", "", RefusalPart("d"))) == [
        user("a", "b"),
        model("c", "d"),
    ]


def test_an_empty_turn_is_a_blank() -> None:
    assert contents(said("user", "a"), said("assistant", ""), said("user", "")) == [user("a"), model(" "), user(" ")]


def test_what_is_shown_and_played_goes_inline_or_as_an_address() -> None:
    (turn,) = contents(
        said(
            "user",
            "see",
            ImagePart("image/png", PNG),
            ImagePart(url="https://a.b/c.JPG?x=1"),
            ImagePart(url="https://a.b/c"),
            AudioPart("mp3", PNG),
            AudioPart("ogg", PNG),
            FilePart("application/pdf", PNG, name="a.pdf"),
            FilePart("application/pdf", url="https://a.b/c"),
            FilePart("video/mp4", PNG),
        )
    )
    assert turn["parts"][1:] == [
        {"inlineData": {"mimeType": "image/png", "data": PNG}},
        {"fileData": {"mimeType": "image/jpeg", "fileUri": "https://a.b/c.JPG?x=1"}},
        {"fileData": {"fileUri": "https://a.b/c"}},
        {"inlineData": {"mimeType": "audio/mp3", "data": PNG}},
        {"inlineData": {"mimeType": "audio/ogg", "data": PNG}},
        {"text": "a.pdf"},
        {"inlineData": {"mimeType": "application/pdf", "data": PNG}},
        {"fileData": {"mimeType": "application/pdf", "fileUri": "https://a.b/c"}},
        {"inlineData": {"mimeType": "video/mp4", "data": PNG}},
    ]


@pytest.mark.parametrize(
    ("mime", "read_as"),
    [
        ("text/plain", "text/plain"),
        ("text/markdown", "text/markdown"),
        ("text/csv", "text/csv"),
        ("text/x-rust", "text/plain"),
        ("application/json", "text/plain"),
        ("application/ld+json", "text/plain"),
        ("application/xml", "text/plain"),
        ("application/x-yaml", "text/plain"),
        ("application/javascript", "text/plain"),
    ],
)
def test_documents_of_words_go_as_texts_that_gemini_knows(mime: str, read_as: str) -> None:
    (turn,) = contents(said("user", FilePart(mime, "e30=", name="n.json")))
    assert turn["parts"] == [{"text": "n.json"}, {"inlineData": {"mimeType": read_as, "data": "e30="}}]


def test_documents_of_words_in_results_stand_in_them() -> None:
    _, _, answer = contents(said("user", "go"), said("assistant", called("a")), answered("a", FilePart("application/json", "e30=")))
    assert answer == user(result("a", {"output": ""}, parts=[{"inlineData": {"mimeType": "text/plain", "data": "e30="}}]))


@pytest.mark.parametrize("mime", ["application/vnd.ms-excel", "application/zip", "font/woff2", "application/octet-stream", ""])
def test_documents_that_gemini_does_not_read_are_refused(mime: str) -> None:
    with pytest.raises(InvalidRequest, match=f"'{mime or 'unknown'}': send PDF or text"):
        contents(said("user", FilePart(mime, "UEsDBA==")))


@pytest.mark.parametrize(
    ("profile", "url"), [("gemini", "http://a.b/c.png"), ("gemini-2.0", "https://a.b/c.png"), ("gemma", "https://a.b/c.png")]
)
@pytest.mark.parametrize("kind", [ImagePart, FilePart])
def test_what_google_does_not_fetch_is_refused(profile: str, url: str, kind: Any) -> None:
    with pytest.raises(InvalidRequest, match="base64"):
        contents(said("user", kind(url=url)), profile=profile)
    with pytest.raises(InvalidRequest, match="base64"):
        contents(said("user", "a"), said("assistant", called("c")), answered("c", kind(url=url)), profile=profile)


def test_googles_own_files_need_no_fetching() -> None:
    url = "https://generativelanguage.googleapis.com/v1beta/files/a"
    (turn,) = contents(said("user", ImagePart(url=url)), profile="gemini-2.0")
    assert turn["parts"] == [{"fileData": {"fileUri": url}}]


# Calls and their results


def test_results_stand_behind_their_calls_in_the_order_of_the_calls() -> None:
    built = contents(
        said("user", "go"),
        said("assistant", "ok", called("a"), called("b", "f", "{}"), called("c")),
        answered("c", "three"),
        said("user", "and?"),
        answered("a", "one", "more"),
        answered("b", "bad", is_error=True),
    )
    assert [content["role"] for content in built] == ["user", "model", "user", "user"]
    assert built[2]["parts"] == [
        result("a", {"output": "one\nmore"}),
        result("b", {"error": "bad"}, "f"),
        result("c", {"output": "three"}),
    ]
    assert built[3] == user("and?")


def test_a_call_without_a_result_gets_one_that_says_so_and_a_result_without_a_call_becomes_words() -> None:
    built = contents(said("user", "go"), said("assistant", called("a")), answered("x", "lost"), said("assistant", called("b")))
    assert built[2] == user(result("a", {"error": "(no result)"}))
    assert built[3] == user("Result of get_weather:", "lost")
    assert built[5] == user(result("b", {"error": "(no result)"}))
    assert contents(answered("x", "lost")) == [user("Result of get_weather:", "lost")]


def test_calls_with_the_same_id_get_their_results_in_order() -> None:
    built = contents(said("user", "go"), said("assistant", called("0"), called("0")), answered("0", "one"), answered("0", "two"))
    assert built[2] == user(result("0", {"output": "one"}), result("0", {"output": "two"}))


@pytest.mark.parametrize(
    ("arguments", "args"),
    [
        ('{"city":"Oslo"}', {"city": "Oslo"}),
        ("", {}),
        (" ", {}),
        ('{"n":123456789012345678901234567890}', {"n": 123456789012345678901234567890}),
        ('{"x":', {"_raw": '{"x":'}),
        ("[1]", {"_raw": "[1]"}),
        ("null", {"_raw": "null"}),
    ],
)
def test_arguments_are_an_object_whatever_the_model_wrote(arguments: str, args: dict[str, Any]) -> None:
    _, built = contents_json((said("assistant", called("a", arguments=arguments)),), PROFILES["gemini-2.5"])
    assert built[1]["parts"] == [{"functionCall": {"id": "a", "name": "get_weather", "args": args}}]


def test_a_call_without_an_id_has_none_on_the_wire() -> None:
    built = contents(said("user", "go"), said("assistant", called("")), answered("", "one"), profile="gemini-2.5")
    assert built[1] == model({"functionCall": {"name": "get_weather", "args": {"city": "Oslo"}}})
    assert built[2] == user({"functionResponse": {"name": "get_weather", "response": {"output": "one"}}})


def test_pictures_in_results_stand_in_them_where_the_model_takes_that() -> None:
    conversation = (
        said("user", "go"),
        said("assistant", called("a")),
        answered("a", "look", ImagePart("image/png", PNG), AudioPart("wav", PNG)),
    )
    _, _, answer, behind = contents(*conversation)
    picture = {"inlineData": {"mimeType": "image/png", "data": PNG}}
    sound = {"inlineData": {"mimeType": "audio/wav", "data": PNG}}
    assert answer == user(result("a", {"output": "look\n[get_weather 1]"}, parts=[picture]))
    assert behind == user("[get_weather 1]", sound)
    _, _, answer, behind = contents(*conversation, profile="gemini-2.5")
    assert answer == user(result("a", {"output": "look\n[get_weather 1]\n[get_weather 2]"}))
    assert behind == user("[get_weather 1]", picture, "[get_weather 2]", sound)


def test_documents_in_results_have_their_names_there() -> None:
    conversation = (
        said("user", "go"),
        said("assistant", called("a")),
        answered("a", FilePart("application/pdf", PNG, name="Contract of 2021"), FilePart("application/pdf", PNG, name="Contract of 2024")),
    )
    document = {"inlineData": {"mimeType": "application/pdf", "data": PNG}}
    _, _, answer = contents(*conversation)
    assert answer == user(result("a", {"output": "Contract of 2021\nContract of 2024"}, parts=[document, document]))
    _, _, answer, behind = contents(*conversation, profile="gemini-2.5")
    labels = ["[get_weather 1] Contract of 2021", "[get_weather 2] Contract of 2024"]
    assert answer == user(result("a", {"output": "\n".join(labels)}))
    assert behind == user(labels[0], document, labels[1], document)


# Signatures


def signatures(*parts: Any, profile: str = "gemini") -> list[Any]:
    built = contents(said("user", "go"), said("assistant", *parts), profile=profile)
    return [(next(key for key in part if key != "thoughtSignature"), part.get("thoughtSignature")) for part in built[1]["parts"]]


def test_a_call_brings_its_signature_back() -> None:
    assert signatures(called("a", opaque=SIGNATURE, origin="gemini"), called("b")) == [("functionCall", SIGNATURE), ("functionCall", None)]


@pytest.mark.parametrize("lost", [called("a"), called("a", opaque="other", origin="anthropic")])
def test_a_lost_signature_is_replaced_on_the_first_call_where_one_must_be(lost: ToolCallPart) -> None:
    assert signatures("words", lost, called("b")) == [("text", None), ("functionCall", NO_SIGNATURE), ("functionCall", None)]
    assert signatures(lost, called("b"), profile="gemini-2.5") == [("functionCall", None)] * 2


def test_each_turn_of_a_loop_is_signed() -> None:
    built = contents(
        said("user", "go"), said("assistant", called("a")), answered("a", "1"), said("assistant", called("b")), answered("b", "2")
    )
    assert [part.get("thoughtSignature") for content in built if content["role"] == "model" for part in content["parts"]] == [
        NO_SIGNATURE
    ] * 2


def test_thoughts_go_back_only_if_gemini_signed_them() -> None:
    thoughts = [ReasoningPart("hm"), ReasoningPart("hm", "x", "anthropic"), ReasoningPart("", "y", "openai", redacted=True)]
    assert contents(said("user", "go"), said("assistant", *thoughts, "yo"))[1] == model("yo")
    assert contents(said("user", "go"), said("assistant", ReasoningPart("hm", SIGNATURE, "gemini"), "yo"))[1] == model(
        {"text": "hm", "thought": True, "thoughtSignature": SIGNATURE}, "yo"
    )


def test_a_signature_without_thoughts_signs_the_words_before_it_or_else_those_behind_it() -> None:
    signature = ReasoningPart("", SIGNATURE, "gemini", redacted=True)
    signed = {"text": "yo", "thoughtSignature": SIGNATURE}
    bare = {"text": "", "thoughtSignature": SIGNATURE}
    assert contents(said("user", "go"), said("assistant", "yo", signature))[1] == model(signed)
    assert contents(said("user", "go"), said("assistant", signature, "yo"))[1] == model(signed)
    assert contents(said("user", "go"), said("assistant", "A"), said("assistant", signature, "B", "yo"))[1] == model("A", "B", signed)
    assert contents(said("user", "go"), said("assistant", signature))[1] == model(bare)
    assert contents(said("user", "go"), said("assistant", signature, called("a"), "yo"))[1]["parts"][0] == bare
    assert contents(said("user", "go"), said("assistant", "yo", signature, signature))[1] == model(signed, bare)


def test_many_signatures_without_thoughts_are_each_looked_at_once() -> None:
    signatures = [ReasoningPart("", f"{number:012}", "gemini", redacted=True) for number in range(20_000)]
    began = time.process_time()
    parts = contents_json([said("user", "go"), said("assistant", *signatures, "yo")], PROFILES["gemini"])[1][1]["parts"]
    assert time.process_time() - began < 5, "where each is compared with all others, it takes a minute"
    assert parts[0] == {"text": "yo", "thoughtSignature": signatures[0].opaque}
    assert len(parts) == len(signatures)


def test_names_of_functions_are_legal_everywhere() -> None:
    built = contents(said("user", "go"), said("assistant", called("a", "7zip")), answered("a", "1", name="7zip"))
    assert built[1]["parts"][0]["functionCall"]["name"] == built[2]["parts"][0]["functionResponse"]["name"] == "esc.7zip"
