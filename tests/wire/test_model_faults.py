"""Errors that are about what a model wrote, and those that only sound so."""

from __future__ import annotations

import orjson
import pytest

from proxy.dialects.ollama.reading.refusals import read_error as read_ollamas
from proxy.dialects.ollama.reading.refusals import refusal_in_answer as refusal_of_ollamas
from proxy.wire.model_faults import is_of_models_words
from proxy.wire.refusals import read_error, refusal_in_answer

OF_MODELS = [
    "error parsing tool call: raw='{\"x\": 1', err=unexpected end of JSON input",
    "error parsing tool call: raw='the response body', err=invalid character 't' looking for beginning of value",
    "failed to parse JSON: unexpected end of JSON input",
    "failed to parse JSON: invalid character ']' after object key:value pair",
    "error parsing JSON: invalid character 'W' looking for beginning of value",
    "failed to parse JSON: invalid character ' ' in string escape code",
    "failed to parse JSON: invalid character '\\'' looking for beginning of object key string",
    "failed to parse JSON: json: cannot unmarshal string into Go value of type map[string]interface {}",
    "failed to parse JSON: json: cannot unmarshal array into Go struct field call.arguments of type map[string]interface {}",
    "error parsing JSON: json: cannot unmarshal array into Go value of type api.ToolCallFunction",
    "XML syntax error on line 3: element <body> closed by </parameter>",
    "XML syntax error on line 3: element <hr> closed by </function>",
    "Failed to parse tool call arguments as JSON: [json.exception.parse_error.101] parse error at line 1, column 131: syntax error",
    "Failed to parse input at pos 12: <tool_call>",
    "XML syntax error on line 115: element <parameter> closed by </function>",
    "expected element type <function> but have <parameter>",
    "The model generated a tool call that is no JSON",
    "unexpected tokens remaining in message header: Some",
]
OF_SERVERS = [
    "Failed to parse JSON response from backend: connection closed",
    "Failed to parse JSON response: unexpected end of JSON input",
    "error parsing JSON: upstream returned HTML",
    "error parsing JSON: invalid character '<' looking for beginning of value",
    "error parsing JSON body: unexpected end of JSON input",
    "failed to parse JSON from upstream: invalid character 'u' looking for beginning of value",
    "failed to parse JSON",
    "invalid response from backend: failed to parse JSON: unexpected end of JSON input",
    "failed to parse JSON: json: cannot unmarshal array into Go value of type openai.ChatCompletionResponse",
    "error parsing JSON: json: cannot unmarshal string into Go struct field ChatCompletionResponse.choices of type []openai.Choice",
    "Error parsing XML: no element found: line 1, column 0",
    "upstream's answer is no XML: XML syntax error on line 1: element <a> closed by </b>",
    "XML syntax error on line 6: element <hr> closed by </body>",
    "expected element type <ListBucketResult> but have <html>",
    "Internal error",
]


@pytest.mark.parametrize("words", OF_MODELS)
def test_what_a_model_wrote_is_its_own_fault(words: str) -> None:
    assert is_of_models_words(words)


def test_what_begins_like_a_page_is_a_models_where_nobody_could_have_sent_one() -> None:
    words = "failed to parse JSON: invalid character '<' looking for beginning of value"
    assert is_of_models_words(words, is_ollamas=True)
    assert not is_of_models_words(words)
    assert not is_of_models_words(f"invalid response from backend: {words}", is_ollamas=True)
    assert read_ollamas(500, {}, orjson.dumps({"error": words})).is_models_own
    assert refusal_of_ollamas({"error": words}).is_models_own
    assert not read_error(500, {}, orjson.dumps({"error": words})).is_models_own
    assert not refusal_in_answer({"error": words}).is_models_own


@pytest.mark.parametrize("words", OF_SERVERS)
def test_what_another_server_sent_is_not(words: str) -> None:
    """Each attempt may meet with more success."""
    assert not is_of_models_words(words)
