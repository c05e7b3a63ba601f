from __future__ import annotations

import threading
from dataclasses import replace

from proxy.canonical.catalog import ModelCard
from proxy.profile_book import ProfileBook, Server
from proxy.profiles import PROFILES

LOOPBACK = "http://127.0.0.1:8000/v1"


def a_book(size: int = 8) -> ProfileBook:
    return ProfileBook({"u": Server(LOOPBACK), "v": Server("https://api.groq.com/openai/v1")}, size=size)


def test_a_lesson_is_kept_for_its_upstream_and_model_alone() -> None:
    book = a_book()
    learnt = replace(book.current("u", "m"), stream_options=False)
    book.learn("u", "m", learnt)
    assert book.current("u", "m") is learnt
    assert book.current("u", "other") == PROFILES["generic"]
    assert book.current("v", "m") == PROFILES["groq"]


def test_a_lesson_outlives_a_new_list_that_says_the_same() -> None:
    book = a_book()
    learnt = replace(book.current("u", "m", ModelCard("m", owned_by="vllm")), logprobs=False)
    book.learn("u", "m", learnt)
    assert book.current("u", "m", ModelCard("m", owned_by="vllm", created=1)) is learnt


def test_a_lesson_is_forgotten_when_the_list_shows_another_server() -> None:
    book = a_book()
    book.learn("u", "m", replace(book.current("u", "m"), logprobs=False))
    assert book.current("u", "m", ModelCard("m", owned_by="vllm")) == PROFILES["vllm"]


def test_the_same_card_is_looked_at_once() -> None:
    book, card = a_book(), ModelCard("o3")
    assert book.current("u", "o3", card) is book.current("u", "o3", card)


def test_lessons_do_not_grow_beyond_the_books_size() -> None:
    book = a_book(size=2)
    for model in ("a", "b", "a", "c"):
        book.learn("u", model, replace(book.current("u", model), logprobs=False))
    assert [book.current("u", model).logprobs for model in ("a", "b", "c")] == [False, True, False], "the one learnt longest ago went"


def test_a_lesson_outlives_any_number_of_names_that_taught_nothing() -> None:
    book = a_book(size=2)
    book.learn("u", "m", replace(book.current("u", "m"), logprobs=False))
    for number in range(50):
        book.current("u", f"guessed-{number}")
    assert book.current("u", "m").logprobs is False


def test_what_is_not_in_use_is_not_learnt() -> None:
    book = a_book(size=2)
    for model in ("a", "b", "c"):
        book.current("u", model)
    for model in ("a", "gone"):
        book.learn("u", model, PROFILES["groq"])
        assert book.current("u", model) == PROFILES["generic"]


def test_the_book_may_be_used_by_many_threads() -> None:
    book, faults = a_book(size=4), []

    def work(number: int) -> None:
        try:
            for turn in range(300):
                model = f"m{(turn * 7 + number) % 9}"
                book.learn("u", model, book.current("u", model, ModelCard(model)))
        except Exception as fault:  # noqa: BLE001
            faults.append(fault)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not faults


def test_what_holds_for_one_request_is_not_kept() -> None:
    book = a_book(size=1)
    book.learn("v", "m", replace(book.current("v", "m"), dimensions=False))
    book.learn("u", "m", book.current("u", "m").for_this_request(output_room=9))
    assert book.current("u", "m") == PROFILES["generic"]
    assert book.current("v", "m").dimensions is False, "no lesson was pushed out"
    book.learn("u", "m", book.current("u", "m").for_this_request(json_schema=False).for_this_request(latest_thoughts=False))
    assert book.current("u", "m") == PROFILES["generic"]
    book.learn("u", "m", replace(book.current("u", "m").for_this_request(output_room=9), output_limit=90))
    assert book.current("u", "m") == replace(PROFILES["generic"], output_limit=90)


def test_what_holds_for_one_request_takes_nothing_back_that_another_learnt_meanwhile() -> None:
    book = a_book()
    asked = book.current("u", "m")
    book.learn("u", "m", replace(asked, json_schema=False))
    book.learn("u", "m", replace(asked.for_this_request(json_schema=False, strict_schema=False), logprobs=False))
    assert book.current("u", "m") == replace(asked, json_schema=False, logprobs=False)
