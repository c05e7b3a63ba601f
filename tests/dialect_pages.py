"""Writes `docs/dialects/` and the matrix in the README from the tables of the dialects: `python -m tests.dialect_pages`. A test holds the
pages against them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from importlib import import_module
from pathlib import Path
from typing import Final

from proxy.dialects.openai.support import RESPONSE_FIELDS
from proxy.dialects.registry import DIALECTS
from proxy.support import FEATURES, LOST_ANYWHERE, OUTCOMES, Support, met

FOLDER: Final = Path(__file__).parents[1] / "docs/dialects"
README: Final = FOLDER.parents[1] / "README.md"
_TITLES: Final = {"openai": "OpenAI", "anthropic": "Anthropic", "gemini": "Gemini", "ollama": "Ollama"}
_INDEX: Final = """\
# What becomes of each field

Any of the clients' APIs works on any kind of upstream. One table for each pair says what becomes of every field of a request:

{words}

{matrix}

What a kind of server or a model does not know is left out by its [profile](../servers.md). Beside that, a parameter is left out that a
server's own list of what a model takes does not have (OpenRouter's), or that a server has refused by its name before.

Where client and upstream speak one language, the request goes on byte for byte, but for the value of `model` where the names differ, and
the answer comes back byte for byte: what the vendor adds tomorrow works at once. Only the thoughts that Claude did not sign are cut out of
the conversations that go to Claude, which would refuse them, and signatures that name another language out of all conversations that go to
servers in Anthropic's, and out of OpenAI's chats and responses, and out of the latter what other upstreams' models thought; half a record
at the end of a stream is left out, and the blank line that its last event lacks is added. An error is no answer: the client gets its words
in the status and the form that its own language has for them, with the gateway's request id where that form has a place for one, and
without keys and addresses. An Ollama server gets the client's own name of a model, with `:latest` or without, where the server knows it by
that name; for aliases and names with a prefix it gets its own, and the client finds the one that it asked for in the answer's `model`, as
Ollama's clients do everywhere: nothing else of the answer is changed. While the upstream is silent, signs of life stand between its
records: comments, Anthropic's `ping`, and lines without a word for Ollama's clients. OpenAI's `/v1/responses`
goes on so where the upstream has it; a 404 or 405 that is about the URL alone is remembered for ten minutes, and the request is translated
to a chat, as it always is for llama.cpp, whose own events lack what OpenAI's clients need:
[what becomes of its fields then](responses-on-openai.md). Who does not count tokens is remembered likewise, and they are estimated.

What a model wants to see again with its tool calls (signatures, hidden thoughts) goes to the client where its language has a place for it.
Where an upstream that the model's name leads to has a place for it, or is of no known kind and may turn out to have one, it is also kept
for six hours, by the call and all that was said before it, and added where the client brings back only the call, with an id or without one:
in each worker's memory, and with `REDIS_URL` where all workers find it. A client that has changed what was said before (a
clock in its system prompt, results that it shortened) gets it back only of calls whose ids the gateway made, because the upstream gave
none. Without it Claude goes on without its thoughts; Gemini 3 is told that they were lost.

[All losses in one table](losses.md). These pages are written from the tables in `proxy/dialects/*/support.py` by
`python -m tests.dialect_pages`; a test fails when they differ.
"""
_LOST: Final = ("approximated", "dropped", "refused")
# The APIs of clients, as the README has them, and the feature without which an upstream has nothing to say to them.
APIS: Final = (
    ("openai", ("openai.chat", "openai.responses"), "text", "OpenAI: chats, responses"),
    ("openai", ("openai.completions",), "prompts", "OpenAI: completions"),
    ("openai", ("openai.embeddings",), "embeddings", "OpenAI: embeddings"),
    ("anthropic", ("anthropic.messages",), "text", "Anthropic: messages"),
    ("ollama", ("ollama.chat", "ollama.generate"), "text", "Ollama: chat, generate"),
    ("ollama", ("ollama.embed",), "embeddings", "Ollama: embed"),
)
_TRANSLATED: Final = "responses as chats where it has no `/responses`"
_EXPLAINED: Final = "The words are explained [here](README.md)."
_OF_RESPONSES: Final = f"""\
Where the upstream has `/responses` itself, bytes are untouched, and nothing of this holds. Where it has not, and always for llama.cpp, they
become chats. {_EXPLAINED}"""
_LOST_BY_FIELD: Final = """\
Then fields that reach no upstream of another language as they were meant. Where both speak one, they go on as they came, but for those of
`/v1/responses` at OpenAI upstreams that have no such path: there they become [those of chats](responses-on-openai.md), and are lost as
here."""
_MATRIX: Final = re.compile(r"^\| clients .*\n(?:\|.*\n)*\|.*", re.MULTILINE)
_COLUMNS: Final = {"openai": "OpenAI-style upstreams", "anthropic": "Anthropic", "gemini": "Gemini", "ollama": "Ollama"}
_WORDS: Final = {
    "carried": "goes on as it came",
    "translated": "says the same in other words",
    "approximated": "becomes something near it, or arrives only in part, or only where the kind of server or the model knows it: how, what "
    "of it, or where, is said",
    "dropped": "is left out, and nobody is told",
    "refused": "is answered by an error that names the field",
}


def client_tables() -> dict[str, Mapping[str, Support]]:
    """The fields of each API that clients speak."""
    return {name: _table(name, "CLIENT_FIELDS") for name, dialect in DIALECTS.items() if dialect.make_blueprint is not None}


def upstream_tables() -> dict[str, Mapping[str, Support]]:
    """What each kind of upstream makes of features."""
    return {name: _table(name, "UPSTREAM_FEATURES") for name, dialect in DIALECTS.items() if dialect.egress is not None}


def pages() -> dict[str, str]:
    """The text of each page, by its file name."""
    pairs = {
        f"{client}-on-{upstream}.md": _pair(client, fields, upstream, features)
        for client, fields in client_tables().items()
        for upstream, features in upstream_tables().items()
        if client != upstream
    }
    return {"README.md": _index(), "losses.md": _losses(), "responses-on-openai.md": _responses(), **pairs}


def matrix() -> str:
    """What works with what, for the README."""
    upstreams = upstream_tables()
    assert set(upstreams) == set(_COLUMNS)
    rows = [f"| clients | {' | '.join(_COLUMNS.values())} |", f"| {' | '.join(['---'] * (len(_COLUMNS) + 1))} |"]
    for client, api, feature, title in APIS:
        cells = (
            _untouched(client, api) if client == name else "it has none" if upstreams[name][feature].outcome == "refused" else "✓"
            for name in _COLUMNS
        )
        rows.append(f"| {title} | {' | '.join(cells)} |")
    return "\n".join(rows)


def with_matrix(readme: str) -> str:
    """The README with the matrix as it is now."""
    return _MATRIX.sub(matrix(), readme, count=1)


def _table(dialect: str, name: str) -> Mapping[str, Support]:
    table: Mapping[str, Support] = getattr(import_module(f"proxy.dialects.{dialect}.support"), name)
    return table


def _index() -> str:
    clients, upstreams = client_tables(), upstream_tables()
    head = f"| clients of | {' | '.join(f'{_TITLES[name]} upstreams' for name in upstreams)} |"
    rows = [f"| {_TITLES[client]} | " + " | ".join(_cell_of_index(client, upstream) for upstream in upstreams) + " |" for client in clients]
    words = "\n".join(f"* **{outcome}**: it {_WORDS[outcome]}." for outcome in OUTCOMES)
    matrix = "\n".join([head, f"| {' | '.join(['---'] * (len(upstreams) + 1))} |", *rows])
    return _INDEX.format(words=words, matrix=matrix)


def _untouched(client: str, api: tuple[str, ...]) -> str:
    """What is said where client and upstream speak one language."""
    return f"bytes untouched; {_TRANSLATED}" if f"{client}.responses" in api else "bytes untouched"


def _cell_of_index(client: str, upstream: str) -> str:
    if client != upstream:
        return f"[table]({client}-on-{upstream}.md)"
    return f"bytes untouched; [{_TRANSLATED}](responses-on-openai.md)" if client == "openai" else "bytes untouched"


def _pair(client: str, fields: Mapping[str, Support], upstream: str, features: Mapping[str, Support]) -> str:
    return _page(f"{_TITLES[client]} clients on {_TITLES[upstream]} upstreams", _EXPLAINED, fields, features)


def _responses() -> str:
    return _page("`/v1/responses` on OpenAI upstreams that have none", _OF_RESPONSES, RESPONSE_FIELDS, upstream_tables()["openai"])


def _page(title: str, opening: str, fields: Mapping[str, Support], features: Mapping[str, Support]) -> str:
    rows = [_row(name, met(field, features)) for name, field in fields.items()]
    return "\n".join(
        [
            f"# {title}",
            "",
            opening,
            "",
            "| field | what becomes of it | how, or why |",
            "| --- | --- | --- |",
            *rows,
            "",
        ]
    )


def _row(name: str, support: Support) -> str:
    return f"| `{_cell(name)}` | {support.outcome} | {_cell(support.note)} |"


def _losses() -> str:
    upstreams = upstream_tables()
    at_upstreams = [
        f"| {FEATURES[feature]} | {_TITLES[name]} upstreams | {support.outcome} | {_cell(support.note)} |"
        for feature in FEATURES
        for name, features in upstreams.items()
        if (support := features[feature]).outcome in _LOST
    ]
    return "\n".join(
        [
            "# All losses",
            "",
            "What does not arrive as it was meant, and why. First what upstreams do not know, whatever the client's language:",
            "",
            "| what | at | what becomes of it | why |",
            "| --- | --- | --- | --- |",
            *at_upstreams,
            "",
            _LOST_BY_FIELD,
            "",
            "| field | of | what becomes of it | why |",
            "| --- | --- | --- | --- |",
            *_ended_here(),
            "",
            "And what upstreams answer that has no place in another language:",
            "",
            "| what | of | what becomes of it | why |",
            "| --- | --- | --- | --- |",
            *_unheard(),
            "",
        ]
    )


def _ended_here() -> Iterator[str]:
    for client, fields in client_tables().items():
        for name, support in fields.items():
            if support.outcome in _LOST:
                yield f"| `{_cell(name)}` | {_TITLES[client]} clients | {support.outcome} | {_cell(support.note)} |"


def _unheard() -> Iterator[str]:
    for upstream in upstream_tables():
        for name, support in _table(upstream, "LOST_ANSWERS").items():
            yield f"| `{_cell(name)}` | {_TITLES[upstream]} upstreams | {support.outcome} | {_cell(support.note)} |"
    for name, support in LOST_ANYWHERE.items():
        yield f"| {name} | all upstreams | {support.outcome} | {_cell(support.note)} |"


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


if __name__ == "__main__":
    FOLDER.mkdir(exist_ok=True)
    for name, text in pages().items():
        (FOLDER / name).write_text(text)
    README.write_text(with_matrix(README.read_text()))
