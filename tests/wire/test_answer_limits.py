"""What refusals say of the length of an answer. The texts are those that servers send, as their users reported them."""

from __future__ import annotations

import pytest

from proxy.wire.answer_limits import blames_the_answer, limit_in, room_in

OPENAI = "max_tokens is too large: 32000. This model supports at most 16384 completion tokens, whereas you provided 32000."
GEMINI = (
    "Unable to submit request because it has a maxOutputTokens value of 128000 but the supported range is from 1 (inclusive) to "
    "65537 (exclusive). Update the value and try again."
)
VLLM = (
    "'max_tokens' or 'max_completion_tokens' is too large: 32000. This model's maximum context length is 40960 tokens and your request has "
    "12000 input tokens (32000 > 40960 - 12000)."
)


def uncounted(context: int, answer: int, prompt: str) -> str:
    return (
        f"This model's maximum context length is {context} tokens. However, you requested {answer} output tokens and your prompt contains "
        f"{prompt}, for a total of at least {context + 1} tokens. Please reduce the length of the input prompt or the number of requested "
        f"output tokens."
    )


@pytest.mark.parametrize(
    ("words", "room"),
    [
        (VLLM, 28_960),
        (VLLM.replace("12000", "41000"), 0),
        (
            (
                "This model's maximum context length is 16385 tokens. However, you requested 32020 tokens (20 in the messages, 32000 "
                "in the completion). Please reduce the length of the messages or completion."
            ),
            16_365,
        ),
        (
            (
                "This model's maximum context length is 16385 tokens. However, you requested 32120 tokens (20 in the messages, 100 in the "
                "functions, and 32000 in the completion). Please reduce the length of the messages, functions, or completion."
            ),
            16_265,
        ),
        (
            (
                "This model's maximum context length is 4097 tokens, however you requested 5360 tokens (1360 in your prompt; 4000 for the "
                "completion). Please reduce your prompt; or completion length."
            ),
            2737,
        ),
        (
            (
                "This endpoint's maximum context length is 131072 tokens. However, you requested about 140000 tokens (8000 of text input, "
                "100 of tool input, 131900 in the output). Please reduce the length of either one."
            ),
            122_972,
        ),
        (
            (
                "Requested token count exceeds the model's maximum context length of 131072 tokens. You requested a total of 524300.0 "
                "tokens: 12 tokens from the input messages and 524288.0 tokens for the completion."
            ),
            131_060,
        ),
        (
            "You passed 8961 input tokens and requested 32000 output tokens. However, the model's context length is only 40960 tokens.",
            31_999,
        ),
        (uncounted(40_960, 32_000, "at least 8961 input tokens"), 16_000),
        (uncounted(32_768, 32_000, "60000 characters (more than 3000 characters, which is the upper bound for 768 input tokens)"), 16_000),
        (uncounted(16_384, 4096, "at least 12289 input tokens"), 0),
        (uncounted(262_144, 0, "at least 262145 input tokens"), 0),
        ("`inputs` tokens + `max_new_tokens` must be <= 4096. Given: 96 `inputs` tokens and 4096 `max_new_tokens`", 4000),
        ("input length and `max_tokens` exceed context limit: 187254 + 20000 > 200000, decrease input length or `max_tokens`", 12_746),
        ("This model's maximum context length is 8192 tokens. However, your messages resulted in 9000 tokens.", None),
        ("This model's maximum context length is 512 tokens. However, you requested 600 tokens in the input for embedding.", None),
        ("`inputs` tokens + `max_new_tokens` must be <= 4096", None),
        (OPENAI, None),
    ],
)
def test_the_room_beside_a_prompt_is_reckoned(words: str, room: int | None) -> None:
    assert room_in(words) == room
    if room is not None:
        assert blames_the_answer(words) is (room > 0)


@pytest.mark.parametrize(
    ("words", "limit"),
    [
        (OPENAI, 16_384),
        ("Invalid 'max_tokens': integer above maximum value. Expected a value <= 16384, but got 32000 instead.", 16_384),
        ("`max_tokens` must be less than or equal to `8192`, the maximum value for `max_tokens` is less than the `context_window`", 8192),
        ("Invalid max_tokens value, the valid range of max_tokens is [1, 8192]", 8192),
        ("body.max_tokens: Input should be less than or equal to 4096", 4096),
        ("max_tokens=32000 cannot be greater than max_model_len=max_total_tokens=4096. Please request fewer output tokens.", 4096),
        ("max_tokens: 32000 > 8192, which is the maximum allowed number of output tokens for claude", 8192),
        ("too many tokens: max tokens must be less than or equal to 4096, the maximum output for this model - received 32000.", 4096),
        ("The maximum tokens you requested exceeds the model limit of 4096. Try again with a lower value.", 4096),
        ("'max_tokens' is too large: 4096. This model's maximum context length is 2048 tokens", 2048),
        ("max_completion_tokens must be between 1 and 8192", 8192),
        ("max_new_tokens must be less than 513", 512),
        (GEMINI, 65_536),
        ("Invalid 'max_tokens': integer below minimum value. Expected a value >= 16, but got 1 instead.", None),
        ("max_tokens must not be less than 16", None),
        ("max_tokens can't be less than 1", None),
        ("`max_tokens` must be greater than `thinking.budget_tokens`.", None),
        ("Unsupported parameter: 'max_tokens' is not supported with this model. Use 'max_completion_tokens' instead.", None),
        ("`inputs` tokens + `max_new_tokens` must be <= 4096", None),
        ("This model's maximum context length is 8192 tokens.", None),
        ("Requested 400000 tokens, max 300000 tokens per request", None),
        ("max_tokens must be at most 0", None),
    ],
)
def test_the_longest_answer_is_read(words: str, limit: int | None) -> None:
    assert limit_in(words) == limit
    assert blames_the_answer(words) is (limit is not None)


def test_a_long_text_is_searched_in_reasonable_time() -> None:
    assert limit_in("max_tokens max_tokens " * 2000) is None
