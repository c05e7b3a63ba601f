"""The set-ups of docs/operations/upstreams.md, with scripted servers at their addresses, and the names that README gives to Claude Code."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from flask.testing import FlaskClient

from proxy import create_app
from proxy.cli import main
from tests.facts.speech import chat_chunk, chat_reply, finish_chunk
from tests.fake_upstream import Answer, FakeUpstream, Request, json_answer, stream_of
from tests.gateway.several import PLAIN, config_of, lists
from tests.pairs.scenes import BY_NAME
from tests.pairs.upstreams import ANTHROPIC, GEMINI, OLLAMA, OPENAI
from tests.routing.tables import a_table, an_upstream, led

README = (Path(__file__).parents[1] / "README.md").read_text()
DOCUMENT = (Path(__file__).parents[1] / "docs/operations/upstreams.md").read_text()
CHAT = "/chat/completions"
KEYS = {f"{owner.upper()}_KEY": f"sk-of-{owner}-0123456789" for owner in ("openai", "groq", "together", "anthropic", "gemini")}
_URL = re.compile(r'"https?://[^"]+"')


def block_below(heading: str) -> str:
    """The first TOML block below a heading."""
    section = DOCUMENT.split(f"\n## {heading}\n", 1)[1].split("\n## ", 1)[0]
    found = re.search(r"```toml\n(.*?)```", section, re.DOTALL)
    assert found is not None
    return found[1]


class Setup:
    """One set-up; `servers` stand at its addresses, in their order."""

    def __init__(self, heading: str, folder: Path, stack: ExitStack) -> None:
        text = block_below(heading)
        tomllib.loads(text)
        self.servers = [stack.enter_context(FakeUpstream()) for _ in _URL.findall(text)]
        addresses = iter(self.servers)
        self.text = _URL.sub(lambda _: f'"{next(addresses).base_url}"', text)
        self.folder = folder

    def client(self) -> FlaskClient:
        """A client of the gateway, with retries and breakers as its users have them."""
        return create_app(config_of(self.folder, self.text, {}, MAX_RETRIES="3", BREAKER_FAILURES="5", **KEYS)).test_client()

    def command(self, *arguments: str) -> str:
        """What a command of the gateway prints."""
        config_of(self.folder, self.text, {}, **KEYS)
        environ = {"PROXY_CONFIG": str(self.folder / "proxy.toml"), **PLAIN, **KEYS}
        ran = CliRunner().invoke(main, list(arguments), env=environ)
        assert ran.exit_code == 0, ran.output
        return ran.output


@pytest.fixture
def setup(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Setup]:
    monkeypatch.chdir(tmp_path)
    with ExitStack() as stack:
        yield Setup(request.param, tmp_path, stack)


def answers(server: FakeUpstream, *models: str) -> None:
    """Lets a server list its models, and answer as the model that it is asked for."""

    def chat(request: Request) -> Answer:
        model = request.json["model"]
        whole = chat_reply(f"I am {model}.") | {"model": model}
        return stream_of(chat_chunk(f"I am {model}."), finish_chunk()) if request.json.get("stream") else json_answer(whole)

    lists(server, *models)
    server.on(CHAT, chat)


def ask(client: FlaskClient, model: str, path: str = "/api/chat", **body: Any) -> str:
    response = client.post(path, json={"model": model, "messages": [{"role": "user", "content": "Who are you?"}], "stream": False, **body})
    assert response.status_code == 200, response.text
    return response.text


def names(client: FlaskClient) -> list[str]:
    return sorted(model["name"] for model in client.get("/api/tags").get_json()["models"])


@pytest.mark.parametrize("setup", ["One of each kind"], indirect=True)
def test_one_of_each_kind(setup: Setup) -> None:
    scene = BY_NAME["text"]
    for server, egress in zip(setup.servers, (OPENAI, ANTHROPIC, GEMINI, OLLAMA), strict=True):
        egress.play(server, scene)
    client = setup.client()
    for upstream in ("openai", "claude", "gemini", "boxes"):
        for path in ("/api/chat", "/v1/chat/completions"):
            assert "Hello, " in ask(client, f"{upstream}/m", path)
    shown = [server.requests[-1].headers for server in setup.servers]
    assert shown[0]["authorization"] == f"Bearer {KEYS['OPENAI_KEY']}"
    assert (shown[1]["x-api-key"], shown[2]["x-goog-api-key"]) == (KEYS["ANTHROPIC_KEY"], KEYS["GEMINI_KEY"])
    assert not {"authorization", "x-api-key", "x-goog-api-key"} & shown[3].keys()


@pytest.mark.parametrize("setup", ["Three boxes behind one address"], indirect=True)
def test_three_boxes_behind_one_address(setup: Setup) -> None:
    assert len(setup.servers) == 3
    for server in setup.servers:
        answers(server, "qwen3:32b")
    client = setup.client()
    assert names(client) == ["qwen3:32b"]
    setup.servers[0].close()
    for stream in (True, False) * 5:
        for path in ("/api/chat", "/v1/chat/completions"):
            assert "I am qwen3:32b." in ask(client, "qwen3:32b", path, stream=stream)
    assert names(client) == ["qwen3:32b"]
    assert client.get("/ready").status_code == 200


@pytest.mark.parametrize("setup", ["OpenAI, with a local fallback"], indirect=True)
def test_openai_with_a_local_fallback(setup: Setup) -> None:
    openai, local = setup.servers
    answers(openai, "gpt-4.1", "gpt-4.1-mini", "gpt-3.5-turbo", "text-embedding-3-small")
    answers(local, "qwen3-8b")
    client = setup.client()
    assert names(client) == ["gpt-4.1-mini:latest", "gpt-4.1:latest", "qwen3-8b:latest", "text-embedding-3-small:latest"]
    assert "I am gpt-4.1." in ask(client, "gpt-4.1")
    assert openai.requests_to(CHAT)[0].headers["authorization"] == f"Bearer {KEYS['OPENAI_KEY']}"
    shown = block_of_output("ollama-openai-proxy models gpt-4.1 qwen3-8b")
    assert setup.command("models", "gpt-4.1", "qwen3-8b").splitlines() == shown
    openai.close()
    for stream in (True, False):
        for path in ("/api/chat", "/v1/chat/completions"):
            assert "I am qwen3-8b." in ask(client, "gpt-4.1-mini", path, stream=stream)
    assert "authorization" not in local.requests_to(CHAT)[0].headers
    assert client.post("/api/embed", json={"model": "text-embedding-3-small", "input": "a"}).status_code == 503


@pytest.mark.parametrize("setup", ["Two providers, with prefixes"], indirect=True)
def test_two_providers_with_prefixes(setup: Setup) -> None:
    groq, together = setup.servers
    answers(groq, "llama-3.3-70b-versatile", "shared")
    answers(together, "meta-llama/Llama-3.3-70B", "shared")
    client = setup.client()
    assert names(client) == [
        "llama-3.3-70b-versatile:latest",
        "llama3:latest",
        "meta-llama/Llama-3.3-70B:latest",
        "shared:latest",
        "together/shared:latest",
    ]
    for name in ("llama3", "shared", "groq/shared", "together/shared", "together:unlisted", "meta-llama/Llama-3.3-70B"):
        ask(client, name)
    assert [request.json["model"] for request in groq.requests_to(CHAT)] == ["llama-3.3-70b-versatile", "shared", "shared"]
    assert [request.json["model"] for request in together.requests_to(CHAT)] == ["shared", "unlisted", "meta-llama/Llama-3.3-70B"]
    assert {request.headers["authorization"] for request in together.requests} == {f"Bearer {KEYS['TOGETHER_KEY']}"}
    assert client.get("/v1/models/together/shared").get_json()["id"] == "together/shared"
    assert "[names]" in setup.command("check")


def block_of_output(command: str) -> list[str]:
    """What the document says that a command prints."""
    found = re.search(rf"\$ {re.escape(command)}\n(.*?)```", DOCUMENT, re.DOTALL)
    assert found is not None
    return found[1].splitlines()


def test_every_configuration_in_the_document_is_run() -> None:
    headings = re.findall(r"^## (.*?)\n(?:(?!\n## ).)*?```toml", DOCUMENT, re.MULTILINE | re.DOTALL)
    assert headings == [
        "One of each kind",
        "Three boxes behind one address",
        "OpenAI, with a local fallback",
        "Two providers, with prefixes",
    ]
    assert DOCUMENT.count("```toml") == len(headings)


@pytest.mark.parametrize(
    ("asked", "model"),
    [
        ("claude-haiku-4-5-20251001", "qwen3:8b"),
        ("claude-sonnet-5", "qwen3:32b"),
        ("claude-opus-4-8", "qwen3:32b"),
        ("qwen3:8b", "qwen3:8b"),
    ],
)
def test_claude_codes_own_names_lead_to_models_of_the_gateway(asked: str, model: str) -> None:
    block = README.split("\n**Claude Code.**", 1)[1].split("```toml\n", 1)[1].split("```", 1)[0]
    boxes = an_upstream("boxes", ["qwen3:8b", "qwen3:32b"])
    assert led(a_table(boxes, mapping=tomllib.loads(block)["aliases"]), asked) == f"boxes {model}"
