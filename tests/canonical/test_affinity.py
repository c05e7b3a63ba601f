"""Which requests have the same affinity key."""

from __future__ import annotations

from dataclasses import replace

from proxy.canonical.affinity import NO_KEY, affinity_key
from proxy.canonical.request import AudioPart, ChatRequest, ImagePart, Message, Part, PromptRequest, Role, TextPart, ToolCallPart


def a_message(role: Role, *parts: str | Part) -> Message:
    return Message(role, tuple(TextPart(part) if isinstance(part, str) else part for part in parts))


def a_chat(*messages: Message) -> ChatRequest:
    return ChatRequest("m", messages)


SYSTEM, ASKED = a_message("system", "Be brief."), a_message("user", "Why is the sky blue?")
OPENING = affinity_key(a_chat(SYSTEM, ASKED), "m")


def test_a_conversation_keeps_its_key() -> None:
    longer = a_chat(SYSTEM, ASKED, a_message("assistant", "Scattering."), a_message("user", "Of what?"))
    assert affinity_key(longer, "m") == OPENING != NO_KEY
    assert affinity_key(replace(longer, stream=True, model="an alias"), "m") == OPENING


def test_model_system_prompt_and_first_turn_make_the_key() -> None:
    others = [
        affinity_key(a_chat(SYSTEM, ASKED), "n"),
        affinity_key(a_chat(a_message("system", "Be verbose."), ASKED), "m"),
        affinity_key(a_chat(SYSTEM, a_message("user", "Why is the sea blue?")), "m"),
        affinity_key(a_chat(ASKED), "m"),
    ]
    assert len({OPENING, *others}) == 5


def test_keys_are_the_same_in_every_process() -> None:
    assert OPENING.hex() == "bb45324e"


def test_of_long_texts_the_beginning_counts() -> None:
    document = "All men are mortal. " * 200
    first, second = (affinity_key(a_chat(a_message("user", document + question)), "m") for question in ("Who?", "Why?"))
    assert first == second
    assert affinity_key(a_chat(a_message("user", "No. " + document)), "m") != first


def test_a_long_system_prompt_does_not_hide_the_first_turn() -> None:
    system = a_message("system", "Be brief. " * 1000)
    assert affinity_key(a_chat(system, ASKED), "m") != affinity_key(a_chat(system, a_message("user", "Who?")), "m")


def test_pictures_and_sounds_that_begin_alike_differ() -> None:
    head = "/9j/4AAQSkZJRgABAQ" * 300
    parts = [ImagePart("image/jpeg", head + "AA"), ImagePart("image/jpeg", head + "BB"), ImagePart(url="https://x.test/a.png")]
    parts_of_sound = [AudioPart("wav", head + "CC"), AudioPart("wav", head + "DD")]
    keys = {affinity_key(a_chat(a_message("user", "What is it?", part)), "m") for part in (*parts, *parts_of_sound)}
    assert len(keys) == 5


def test_what_is_no_text_and_no_medium_does_not_count() -> None:
    called = a_message("assistant", ToolCallPart("1", "look", "{}"))
    assert affinity_key(a_chat(SYSTEM, called, ASKED), "m") == OPENING


def test_a_chat_in_which_nobody_has_spoken_yet_has_a_key() -> None:
    assert affinity_key(a_chat(), "m") != NO_KEY
    assert affinity_key(a_chat(SYSTEM), "m") != affinity_key(a_chat(), "m")


def test_only_so_much_is_looked_at() -> None:
    many = [a_message("system", str(number)) for number in range(5000)]
    assert affinity_key(a_chat(*many, ASKED), "m") == affinity_key(a_chat(*many[:8]), "m")


def test_a_plain_text_is_told_by_its_beginning() -> None:
    beginning = "def fibonacci(n):\n" * 200
    assert affinity_key(PromptRequest("m", beginning + "    return"), "m") == affinity_key(PromptRequest("m", beginning), "m")
    assert affinity_key(PromptRequest("m", "def f():"), "m") != affinity_key(PromptRequest("m", "def g():"), "m")


def test_text_that_is_no_unicode_has_a_key() -> None:
    assert affinity_key(a_chat(a_message("user", "half a pair: \ud83d")), "m") != NO_KEY
