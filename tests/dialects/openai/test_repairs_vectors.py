"""What is learnt of how vectors are asked for."""

from __future__ import annotations

import pytest

from tests.dialects.openai.asking import a_refusal, openai_refusal
from tests.dialects.openai.learnt import learnt, pydantic_error


@pytest.mark.parametrize(
    "message",
    [
        "This model does not support specifying dimensions.",
        'Model "bge" does not support matryoshka representation, changing output dimensions will lead to poor results.',
        "Unrecognized request argument supplied: dimensions",
    ],
)
def test_dimensions_that_are_refused_are_cut_here(message: str) -> None:
    assert learnt(openai_refusal(message)) == {"dimensions": False}


@pytest.mark.parametrize(
    "message",
    [
        'Model "bge" only supports [256, 512] matryoshka dimensions, use other output dimensions will lead to poor results.',
        "'dimensions' of 5000 are not supported: must be between 1 and 1024",
    ],
)
def test_a_number_of_dimensions_that_is_refused_is_cut_here_and_others_there(message: str) -> None:
    assert learnt(openai_refusal(message)) == {"dimensions": False, "passing": frozenset({"dimensions"})}


def test_nvidia_is_told_what_texts_are_for() -> None:
    change = learnt(a_refusal({"error": "'input_type' parameter is required for the input model: 'nvidia/nv-embedqa-e5-v5'"}), "nim")
    assert {name: dict(value) for name, value in change.items()} == {"embeddings": {"input_type": "passage"}}


@pytest.mark.parametrize("name", ["encoding_format", "truncate_prompt_tokens", "truncate", "input_type"])
def test_extras_of_vectors_are_left_out(name: str) -> None:
    assert learnt(a_refusal({"detail": [pydantic_error("body", name)]}, 422)) == {"dropped": frozenset({name})}
