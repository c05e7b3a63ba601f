"""`check`: each way in which an upstream can be wrong is told from the others, with what to do about it."""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import trustme
from click.testing import CliRunner

from proxy.cli import main
from proxy.settings import Settings
from tests.fake_upstream import CUT, Answer, FakeUpstream, Request, json_answer, stream_of
from tests.pairs.scenes import BY_NAME
from tests.pairs.upstreams import ANTHROPIC, EGRESSES, Egress

Checked = tuple[int, dict[str, tuple[str, str]], str]
Check = Callable[..., Checked]


@pytest.fixture
def check(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Check:
    """Runs `check`: exit status, question -> (verdict, finding), and all output."""
    monkeypatch.chdir(tmp_path)
    for doc in Settings.describe():
        monkeypatch.delenv(doc.name, raising=False)

    def run(base_url: str, *arguments: str, **environ: str) -> Checked:
        result = CliRunner().invoke(main, ["check", *arguments], env={"OPENAI_API_BASE_URL": base_url, "CONNECT_TIMEOUT": "2", **environ})
        assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
        return result.exit_code, dict(_rows(result.stdout)), result.output

    return run


def _rows(output: str) -> Iterator[tuple[str, tuple[str, str]]]:
    """The table's rows; its columns begin where those of the head do."""
    head, *lines = output.split("\n\n", maxsplit=1)[0].splitlines()
    verdict, finding = head.index("VERDICT"), head.index("FINDING")
    for line in lines:
        yield line[:verdict].strip(), (line[verdict:finding].strip(), line[finding:].strip())


@pytest.fixture
def upstream() -> Iterator[FakeUpstream]:
    """A server that can do everything."""
    with FakeUpstream() as server:
        make_capable(server)
        yield server


def make_capable(server: FakeUpstream) -> None:
    server.on(
        "/models", json_answer({"object": "list", "data": [{"id": "text-embed", "object": "model"}, {"id": "talker", "object": "model"}]})
    )
    server.on("/chat/completions", answer_chat)
    vector = {"object": "embedding", "index": 0, "embedding": [0.6, 0.8, 0.0]}
    server.on(
        "/embeddings",
        json_answer({"object": "list", "data": [vector], "model": "text-embed", "usage": {"prompt_tokens": 1, "total_tokens": 1}}),
    )


def a_completion(message: dict[str, Any], finish_reason: str = "stop") -> Answer:
    usage = {"prompt_tokens": 3, "completion_tokens": 1, "total_tokens": 4}
    choice = {"index": 0, "message": {"role": "assistant", "content": None, **message}, "finish_reason": finish_reason}
    return json_answer({"id": "c1", "object": "chat.completion", "created": 1, "model": "talker", "choices": [choice], "usage": usage})


def a_stream(*, usage: bool = True) -> Answer:
    def chunk(**fields: Any) -> dict[str, Any]:
        return {"id": "c1", "object": "chat.completion.chunk", "created": 1, "model": "talker", **fields}

    said = [chunk(choices=[{"index": 0, "delta": {"content": text}, "finish_reason": None}]) for text in ("one ", "two")]
    end = chunk(choices=[{"index": 0, "delta": {}, "finish_reason": "stop"}])
    counted = [chunk(choices=[], usage={"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5})] if usage else []
    return stream_of(*said, end, *counted)


def answer_chat(request: Request) -> Answer:
    if request.json.get("stream"):
        return a_stream()
    if request.json.get("tools"):
        call = {"id": "t1", "type": "function", "function": {"name": "get_weather", "arguments": '{"city": "Paris"}'}}
        return a_completion({"tool_calls": [call]}, "tool_calls")
    return a_completion({"content": "Hello."})


def an_error(status: int, message: str, code: str | None = None) -> Answer:
    return json_answer({"error": {"message": message, "type": "invalid_request_error", "param": None, "code": code}}, status)


def test_a_server_that_can_everything_passes_every_check(check: Check, upstream: FakeUpstream) -> None:
    status, rows, _ = check(upstream.base_url, OPENAI_API_KEY="sk-right")
    assert status == 0
    assert {question: verdict for question, (verdict, _) in rows.items()} == dict.fromkeys(
        ["reachable", "base URL", "key", "models", "chat", "streaming", "usage in streams", "tools", "embeddings"], "ok"
    )
    assert rows["models"][1] == "2 listed"
    assert rows["chat"][1] == "talker answers"
    assert rows["streaming"][1] == "an answer in 2 pieces"
    assert rows["embeddings"][1] == "text-embed makes vectors of 3 numbers"
    assert {request.headers["authorization"] for request in upstream.requests} == {"Bearer sk-right"}


def test_nothing_listens_at_a_wrong_port(check: Check) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        status, rows, output = check(f"http://127.0.0.1:{unused.getsockname()[1]}/v1")
    assert status == 1
    assert rows["reachable"] == ("failed", f"nothing listens on 127.0.0.1 port {unused_port(output)}")
    assert {verdict for question, (verdict, _) in rows.items() if question != "reachable"} == {"skipped"}
    assert "reachable: Is the server running? Check the port" in output


def unused_port(output: str) -> str:
    return output.partition("port ")[2].split()[0]


def test_a_wrong_host_name_is_known_to_nobody(check: Check) -> None:
    status, rows, output = check("http://no-such-host.invalid/v1")
    assert status == 1
    assert rows["reachable"] == ("failed", "nobody knows the name no-such-host.invalid")
    assert "Check the host in OPENAI_API_BASE_URL" in output


@pytest.mark.parametrize("refused", [401, 403])
def test_a_wrong_key_is_told_from_a_wrong_address(check: Check, upstream: FakeUpstream, refused: int) -> None:
    upstream.on("/models", an_error(refused, "Incorrect API key provided.", "invalid_api_key"))
    status, rows, output = check(upstream.base_url, OPENAI_API_KEY="sk-hunter2")
    assert status == 1
    assert rows["reachable"][0] == "ok"
    assert rows["key"] == ("failed", "Incorrect API key provided.")
    assert rows["chat"] == ("skipped", "the server lets nobody in")
    assert "key: Set OPENAI_API_KEY" in output
    assert "hunter2" not in output


def test_a_wrong_key_is_found_when_only_chats_need_one(check: Check, upstream: FakeUpstream) -> None:
    upstream.on("/chat/completions", an_error(401, "No auth credentials found"))
    status, rows, _ = check(upstream.base_url)
    assert status == 1
    assert rows["key"] == ("failed", "No auth credentials found")
    assert rows["models"] == ("ok", "2 listed")


@pytest.fixture
def authority() -> trustme.CA:
    return trustme.CA()


def tls_server(authority: trustme.CA, name: str = "127.0.0.1") -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(name).configure_cert(context)
    return context


def test_a_certificate_that_nobody_trusts_is_told_with_its_cure(check: Check, authority: trustme.CA, tmp_path: Path) -> None:
    bundle = tmp_path / "ca.pem"
    authority.cert_pem.write_to_path(str(bundle))
    with FakeUpstream(tls=tls_server(authority)) as server:
        make_capable(server)
        status, rows, output = check(server.base_url)
        assert status == 1
        assert rows["reachable"][0] == "failed"
        assert rows["reachable"][1].startswith("TLS: the certificate is not trusted: ")
        assert "UPSTREAM_CA_BUNDLE" in output
        assert check(server.base_url, UPSTREAM_CA_BUNDLE=str(bundle))[0] == 0
        assert check(server.base_url, DISABLE_SSL_VERIFICATION="true")[0] == 0


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_a_server_that_wants_a_certificate_of_its_client_is_told_with_its_cure(
    check: Check, authority: trustme.CA, tmp_path: Path, version: ssl.TLSVersion
) -> None:
    bundle, mine, strange = tmp_path / "ca.pem", tmp_path / "mine.pem", tmp_path / "strange.pem"
    authority.cert_pem.write_to_path(str(bundle))
    authority.issue_cert("client.example").private_key_and_cert_chain_pem.write_to_path(str(mine))
    trustme.CA().issue_cert("client.example").private_key_and_cert_chain_pem.write_to_path(str(strange))
    context = tls_server(authority)
    authority.configure_trust(context)
    context.verify_mode, context.maximum_version = ssl.CERT_REQUIRED, version
    found: dict[str, str] = {}
    with FakeUpstream(tls=context) as server:
        make_capable(server)
        for certificate in ("", str(mine), str(strange)):
            settings = {"UPSTREAM_CA_BUNDLE": str(bundle), "UPSTREAM_DEFAULT_TLS_CLIENT_CERT": certificate}
            status, rows, output = check(server.base_url, **settings)
            found[certificate] = rows["reachable"][1]
            assert (status == 0) is (certificate == str(mine)), output
            assert ("tls.client_cert" in output) is (certificate != str(mine)), output
    assert "wants a certificate of its client" in found[""]
    assert found[str(strange)] == "TLS: the server does not accept the client certificate"


def test_a_certificate_of_another_host_is_not_trusted(check: Check, authority: trustme.CA, tmp_path: Path) -> None:
    bundle = tmp_path / "ca.pem"
    authority.cert_pem.write_to_path(str(bundle))
    with FakeUpstream(tls=tls_server(authority, "other.example")) as server:
        _, rows, _ = check(server.base_url, UPSTREAM_CA_BUNDLE=str(bundle))
    assert rows["reachable"][0] == "failed"
    assert "mismatch" in rows["reachable"][1]


@pytest.mark.parametrize("answer", [b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n", b""], ids=["answers", "hangs up"])
def test_https_to_a_server_without_tls_is_told_with_its_cure(check: Check, answer: bytes) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        server = threading.Thread(target=answer_without_tls, args=(listener, answer))
        server.start()
        status, rows, output = check(f"https://127.0.0.1:{listener.getsockname()[1]}/v1")
        server.join()
    assert status == 1
    assert rows["reachable"][1].startswith("TLS: ")
    assert "write http:// instead of https://" in output


def answer_without_tls(listener: socket.socket, answer: bytes) -> None:
    """Serves two connections: the client's, then the one of who looks for the reason."""
    for _ in range(2):
        connection, _ = listener.accept()
        with connection:
            connection.recv(65536)
            connection.sendall(answer)


def test_a_host_that_never_answers_is_told(check: Check) -> None:
    with socket.create_server(("127.0.0.1", 0), backlog=0) as listener, socket.create_connection(listener.getsockname()):
        fillers = [fill_the_queue(listener.getsockname()) for _ in range(3)]
        _, rows, output = check(f"http://127.0.0.1:{listener.getsockname()[1]}/v1", CONNECT_TIMEOUT="0.3")
        for filler in fillers:
            filler.close()
    assert rows["reachable"][1].startswith("no connection to 127.0.0.1 port ")
    assert "firewall" in output


def fill_the_queue(address: tuple[str, int]) -> socket.socket:
    """A connection that waits to be accepted, so that the next one is not even begun."""
    connection = socket.socket()
    connection.setblocking(False)
    connection.connect_ex(address)
    return connection


def test_a_server_that_hangs_up_is_reachable_by_nobody(check: Check, upstream: FakeUpstream) -> None:
    upstream.on("/models", Answer(before=[CUT]))
    status, rows, _ = check(upstream.base_url)
    assert status == 1
    assert rows["reachable"] == ("failed", "it takes connections, but does not answer")


def test_an_address_without_v1_is_told_when_v1_is_there(check: Check, upstream: FakeUpstream) -> None:
    def only_under_v1(request: Request) -> Answer:
        return json_answer({"object": "list", "data": [{"id": "talker"}]}) if request.path.startswith("/v1") else an_error(404, "Not Found")

    upstream.on("/models", only_under_v1)
    upstream.on("/chat/completions", only_under_v1)
    status, rows, output = check(upstream.origin)
    assert status == 1
    assert rows["base URL"] == ("failed", f"the API is not here, but at {upstream.base_url}")
    assert f"base URL: Set OPENAI_API_BASE_URL to {upstream.base_url}." in output


def test_an_address_that_answers_with_a_web_page_is_told_when_v1_is_there(check: Check, upstream: FakeUpstream) -> None:
    def page_for_people(request: Request) -> Answer:
        if request.path.startswith("/v1"):
            return an_error(401, "key, please")
        return Answer(200, {"Content-Type": "text/html"}, [b"<!doctype html><title>Chat</title>"], "length")

    upstream.on("/models", page_for_people)
    upstream.on("/chat/completions", page_for_people)
    _, rows, _ = check(upstream.origin)
    assert rows["base URL"] == ("failed", f"the API is not here, but at {upstream.base_url}")


A_PAGE = {"Content-Type": "text/html"}, [b"<!doctype html><title>Chat</title>"], "length"


def is_told_as_wrong_url(checked: Checked) -> bool:
    """Whether nothing but the base URL is blamed, and no key is praised."""
    status, rows, output = checked
    verdicts = {question: verdict for question, (verdict, _) in rows.items()}
    blamed = verdicts.pop("reachable") == "ok" and verdicts.pop("base URL") == "failed" and set(verdicts.values()) == {"skipped"}
    return status == 1 and blamed and "base URL: " in output and "Does the server have the model" not in output


@pytest.mark.parametrize("arguments", [(), ("--model", "m")], ids=["without a model", "with one"])
@pytest.mark.parametrize("answer", [Answer(404, *A_PAGE), Answer(200, *A_PAGE), Answer(501, *A_PAGE)], ids=["404", "200", "501"])
def test_a_website_is_no_server_without_models(check: Check, answer: Answer, arguments: tuple[str, ...]) -> None:
    with FakeUpstream() as website:
        for path in ("/models", "/chat/completions", "/v1/models", "/v1/chat/completions"):
            website.on(path, Answer(404, *A_PAGE) if answer.status == 501 and path.endswith("/models") else answer)
        checked = check(website.base_url, *arguments)
    assert is_told_as_wrong_url(checked)
    assert checked[1]["base URL"][1] == "there is no OpenAI-compatible API at this URL"
    assert "it often ends in /v1" in checked[2]


@pytest.mark.parametrize("arguments", [(), ("--model", "m")], ids=["without a model", "with one"])
@pytest.mark.parametrize("path", ["/v1/chat/completions", "/v1/models", "/openai/v1", "/foo/v1", "/v1/foo", "/foo", "/chat/completions"])
def test_a_wrong_path_is_told_with_the_right_one(check: Check, upstream: FakeUpstream, path: str, arguments: tuple[str, ...]) -> None:
    checked = check(f"{upstream.origin}{path}", *arguments)
    assert is_told_as_wrong_url(checked)
    assert checked[1]["base URL"][1] == f"the API is not here, but at {upstream.base_url}"
    assert f"Set OPENAI_API_BASE_URL to {upstream.base_url}." in checked[2]


def test_a_right_path_is_found_when_only_chats_are_there(check: Check) -> None:
    with FakeUpstream() as server:
        server.on("/api/v1/chat/completions", an_error(400, "you must provide a model parameter"))
        checked = check(f"{server.origin}/api/v1/chat/completions")
    assert is_told_as_wrong_url(checked)
    assert checked[1]["base URL"][1] == f"the API is not here, but at {server.origin}/api/v1"


def test_a_redirect_is_told_as_a_wrong_url(check: Check) -> None:
    with FakeUpstream() as server:
        for path in ("/models", "/chat/completions"):
            server.on(path, Answer(301, {"Location": "https://elsewhere.example/v1"}, [b""], "length"))
        checked = check(server.base_url, "--model", "m")
    assert is_told_as_wrong_url(checked)
    assert "redirects" in checked[1]["base URL"][1]


def test_a_server_that_only_fails_gets_no_praise_for_key_and_url(check: Check, upstream: FakeUpstream) -> None:
    upstream.on("/models", an_error(500, "out of order"))
    upstream.on("/chat/completions", an_error(500, "out of order"))
    for arguments in ((), ("--model", "talker")):
        status, rows, _ = check(upstream.base_url, *arguments)
        assert status == 1
        assert (rows["base URL"][0], rows["key"][0]) == ("skipped", "skipped")


@pytest.mark.parametrize("error", [an_error(500, "out of order"), Answer(500, *A_PAGE)], ids=["JSON", "page"])
def test_a_named_model_that_only_fails_proves_no_url_and_no_key(check: Check, upstream: FakeUpstream, error: Answer) -> None:
    upstream.on("/models", an_error(404, "Not Found"))
    upstream.on("/chat/completions", error)
    _, rows, _ = check(upstream.base_url, "--model", "talker")
    assert (rows["base URL"][0], rows["key"][0], rows["chat"][0]) == ("skipped", "skipped", "failed")


def test_a_site_that_fails_at_an_empty_chat_is_no_api(check: Check) -> None:
    with FakeUpstream() as website:
        website.on("/models", Answer(404, *A_PAGE))
        website.on("/chat/completions", Answer(500, *A_PAGE))
        checked = check(website.base_url)
    assert is_told_as_wrong_url(checked)


def test_a_missing_model_on_a_server_without_a_list_is_no_wrong_url(check: Check, upstream: FakeUpstream) -> None:
    upstream.on("/models", an_error(404, "Not Found"))
    upstream.on("/chat/completions", an_error(404, "The model `x` does not exist", "model_not_found"))
    _, rows, output = check(upstream.base_url, "--model", "x")
    assert rows["base URL"][0] == "ok"
    assert rows["models"] == ("warning", "the server has no list of models")
    assert "Does the server have the model x?" in output


def test_a_server_that_lists_models_and_serves_no_chats_is_told(check: Check, upstream: FakeUpstream) -> None:
    upstream.on("/chat/completions", an_error(404, "Not Found"))
    _, rows, output = check(upstream.base_url)
    assert (rows["base URL"][0], rows["chat"][0]) == ("ok", "failed")
    assert "does this server serve chats?" in output


def test_a_url_with_a_query_is_not_corrected(check: Check) -> None:
    with FakeUpstream() as server:
        status, rows, output = check(f"{server.base_url}?key=hunter2")
    assert status == 1
    assert rows["base URL"] == ("failed", "there is no OpenAI-compatible API at this URL")
    assert "hunter2" not in output


def test_a_server_with_an_empty_list_has_no_model_to_ask(check: Check, upstream: FakeUpstream) -> None:
    upstream.on("/models", json_answer({"object": "list", "data": []}))
    status, rows, output = check(upstream.base_url)
    assert status == 1
    assert rows["models"] == ("failed", "the list is empty")
    assert rows["chat"][0] == "skipped"
    assert "models: Load a model on the server." in output


def test_a_server_that_cannot_list_is_usable_when_a_model_is_named(check: Check, upstream: FakeUpstream) -> None:
    upstream.on("/models", an_error(404, "Not Found"))
    unnamed, rows, _ = check(upstream.base_url)
    assert unnamed == 1
    assert rows["models"] == ("warning", "the server has no list of models")
    assert rows["chat"] == ("skipped", "there is no model to ask; name one with --model")
    named, rows, _ = check(upstream.base_url, "--model", "talker")
    assert named == 0
    assert rows["chat"] == ("ok", "talker answers")
    assert check(upstream.base_url, DEFAULT_MODEL="talker")[0] == 0


def test_a_model_that_the_server_does_not_have_is_told(check: Check, upstream: FakeUpstream) -> None:
    upstream.on("/chat/completions", an_error(404, "The model `x` does not exist", "model_not_found"))
    status, rows, output = check(upstream.base_url, "--model", "x")
    assert status == 1
    assert rows["chat"][0] == "failed"
    assert "Does the server have the model x?" in output


def test_a_server_without_usage_tools_and_embeddings_is_usable_with_warnings(check: Check, upstream: FakeUpstream) -> None:
    def answer(request: Request) -> Answer:
        if request.json.get("stream"):
            return a_stream(usage=False)
        return an_error(400, "this model does not support tools") if request.json.get("tools") else a_completion({"content": "Hello."})

    upstream.on("/chat/completions", answer)
    upstream.on("/embeddings", an_error(501, "embeddings are switched off"))
    status, rows, _ = check(upstream.base_url)
    assert status == 0
    assert rows["streaming"][0] == "ok"
    assert rows["usage in streams"] == ("warning", "the server does not count tokens")
    assert rows["tools"][0] == "warning"
    assert rows["embeddings"][0] == "warning"


def test_a_model_that_calls_no_tool_and_a_server_that_does_not_stream_are_told(check: Check, upstream: FakeUpstream) -> None:
    upstream.on("/chat/completions", a_completion({"content": "Hello."}))
    status, rows, _ = check(upstream.base_url)
    assert status == 0
    assert rows["streaming"] == ("warning", "the answer comes in one piece")
    assert rows["tools"] == ("warning", "accepted, but the model called none")


def test_a_stream_that_is_cut_fails(check: Check, upstream: FakeUpstream) -> None:
    chunk = {"id": "c1", "object": "chat.completion.chunk", "choices": [{"index": 0, "delta": {"content": "one"}, "finish_reason": None}]}
    cut = stream_of(chunk, done=False, then=[CUT])
    upstream.on("/chat/completions", lambda request: cut if request.json.get("stream") else answer_chat(request))
    _, rows, _ = check(upstream.base_url)
    assert rows["streaming"][0] == "failed"
    assert rows["usage in streams"] == ("skipped", "there was no stream")


def test_a_refused_parameter_is_left_out_like_the_gateway_does(check: Check, upstream: FakeUpstream) -> None:
    def answer(request: Request) -> Answer:
        if "max_tokens" in request.json:
            message = "Unsupported parameter: 'max_tokens' is not supported with this model. Use 'max_completion_tokens' instead."
            return json_answer(
                {"error": {"message": message, "type": "invalid_request_error", "param": "max_tokens", "code": "unsupported_parameter"}},
                400,
            )
        return answer_chat(request)

    upstream.on("/chat/completions", answer)
    status, rows, _ = check(upstream.base_url)
    assert status == 0
    assert rows["chat"][0] == "ok"
    assert sum("max_tokens" in request.json for request in upstream.requests_to("/chat/completions")) == 1


def test_a_server_that_speaks_tls_to_a_client_that_does_not_is_told(check: Check, authority: trustme.CA) -> None:
    with FakeUpstream(tls=tls_server(authority)) as server:
        status, rows, output = check(server.base_url.replace("https://", "http://"))
    assert status == 1
    assert rows["reachable"][0] == "failed"
    assert "does it want https://?" in output


def test_a_server_behind_a_proxy_that_is_not_there_is_told(check: Check, upstream: FakeUpstream) -> None:
    status, rows, output = check(upstream.base_url, UPSTREAM_PROXY="http://u:hunter2@127.0.0.1:9")
    assert status == 1
    assert rows["reachable"] == ("failed", "no answer through the proxy")
    assert "hunter2" not in output


def test_the_names_of_the_operator_are_understood(check: Check, upstream: FakeUpstream, tmp_path: Path) -> None:
    mapping = tmp_path / "map.json"
    mapping.write_text('{"llama3": "talker"}')
    status, rows, _ = check(upstream.base_url, "--model", "llama3", MODEL_MAPPING_FILE=str(mapping))
    assert status == 0
    assert rows["chat"] == ("ok", "talker answers")


def test_without_an_upstream_there_is_nothing_to_check(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    result = CliRunner().invoke(main, ["check"], env={"OPENAI_API_BASE_URL": ""})
    assert result.exit_code == 1
    assert result.stderr.startswith("Error: OPENAI_API_BASE_URL must say where")


Several = Callable[..., tuple[int, dict[str, dict[str, tuple[str, str]]], str]]


@pytest.fixture
def check_several(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Several:
    """Runs `check` with a configuration file: exit status, heading -> question -> (verdict, finding), and all output."""
    monkeypatch.chdir(tmp_path)
    for doc in Settings.describe():
        monkeypatch.delenv(doc.name, raising=False)

    def run(toml: str, *arguments: str, **environ: str) -> tuple[int, dict[str, dict[str, tuple[str, str]]], str]:
        (tmp_path / "proxy.toml").write_text(toml)
        result = CliRunner().invoke(main, ["check", *arguments], env={"PROXY_CONFIG": "proxy.toml", "CONNECT_TIMEOUT": "2", **environ})
        assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
        blocks = [block.partition("\n") for block in result.stdout.split("\n\n") if block.startswith("[")]
        return result.exit_code, {heading: dict(_rows(table)) for heading, _, table in blocks}, result.output

    return run


def test_every_replica_of_every_upstream_is_asked(check_several: Several, upstream: FakeUpstream) -> None:
    with FakeUpstream() as other:
        make_capable(other)
        toml = f"""
            [upstreams.boxes]
            base_url = ["{upstream.base_url}", "http://127.0.0.1:9/v1"]
            [upstreams.cloud]
            base_url = "{other.base_url}"
            api_key = "sk-cloud-0"
            """
        status, found, output = check_several(toml)
        keys = {request.headers.get("authorization") for request in other.requests}
    assert status == 1
    assert list(found) == [f"[boxes] {upstream.base_url}", "[boxes] http://127.0.0.1:9/v1", f"[cloud] {other.base_url}"]
    assert found[f"[boxes] {upstream.base_url}"]["chat"] == ("ok", "talker answers")
    assert found["[boxes] http://127.0.0.1:9/v1"]["reachable"] == ("failed", "nothing listens on 127.0.0.1 port 9")
    assert found[f"[cloud] {other.base_url}"]["chat"][0] == "ok"
    assert keys == {"Bearer sk-cloud-0"}
    assert "Check the port in upstreams.boxes.base_url." in output


def test_one_upstream_can_be_asked_alone_with_a_model_of_its_own(check_several: Several, upstream: FakeUpstream) -> None:
    toml = f'[upstreams.boxes]\nbase_url = "{upstream.base_url}"\naliases = {{"llama3" = "talker"}}\n[upstreams.cloud]\nbase_url = "http://a/v1"\n'
    status, found, _ = check_several(toml, "--upstream", "boxes", "--model", "llama3")
    assert status == 0
    assert list(found) == [f"[boxes] {upstream.base_url}"]
    assert found[f"[boxes] {upstream.base_url}"]["chat"] == ("ok", "talker answers")
    status, _, output = check_several(toml, "--model", "llama3")
    assert status == 2
    assert "--upstream must say which of them has the model" in output
    status, _, output = check_several(toml, "--upstream", "boxs")
    assert status == 2
    assert "--upstream must be one of boxes, cloud." in output


def test_names_that_the_operator_gave_are_followed(check_several: Several, upstream: FakeUpstream) -> None:
    with FakeUpstream() as other:
        make_capable(other)
        status, found, output = check_several(f"""
            [upstreams.boxes]
            base_url = "{upstream.base_url}"
            aliases = {{"fast" = "talker", "old" = "gone"}}
            models.hide = ["text-*"]
            [upstreams.cloud]
            base_url = "{other.base_url}"
            [aliases]
            "mine" = "cloud/talker"
            "any-*" = "talker"
            [fallbacks]
            talker = ["cloud/talker", "cloud/tlaker", "boxes/text-embed"]
            """)
    assert status == 0
    assert found["[names]"] == {
        "alias mine": ("ok", "leads to talker at cloud"),
        "alias boxes/fast": ("ok", "leads to talker at boxes"),
        "alias boxes/old": ("warning", "leads to gone at boxes, which lists no such model"),
        "fallback of talker": ("warning", "boxes/text-embed leads nowhere"),
    }
    assert "leads to tlaker at cloud, which lists no such model" in output
    assert "Is cloud/tlaker spelled as `models` shows it?" in output


def test_names_that_lead_to_an_upstream_that_is_not_there_are_not_judged(check_several: Several, upstream: FakeUpstream) -> None:
    _, found, _ = check_several(
        f"""
        [upstreams.boxes]
        base_url = "{upstream.base_url}"
        [upstreams.cloud]
        base_url = "http://127.0.0.1:9/v1"
        [fallbacks]
        talker = ["cloud/large"]
        """,
        MAX_RETRIES="0",
    )
    assert found["[names]"] == {"fallback of talker": ("skipped", "leads to large at cloud, whose models are not known")}


def test_each_key_that_takes_a_turn_is_tried(check_several: Several, upstream: FakeUpstream) -> None:
    def list_for_right_keys(request: Request) -> Answer:
        if request.headers["authorization"] == "Bearer sk-wrong-00":
            return an_error(401, "Incorrect API key provided.")
        return json_answer({"object": "list", "data": [{"id": "talker"}]})

    upstream.on("/models", list_for_right_keys)
    toml = f'[upstreams.cloud]\nbase_url = "{upstream.base_url}"\napi_key = ["sk-right-00", "sk-wrong-00", "sk-right-01"]\n'
    status, _, output = check_several(toml)
    rows = dict(_rows(output))
    assert (status, rows["chat"][0]) == (1, "ok")
    assert (rows["key 2"], rows["key 3"]) == (("failed", "Incorrect API key provided."), ("ok", "accepted"))
    assert "sk-wrong-00" not in output


def test_a_refused_key_is_told_by_the_name_that_its_operator_gave_it(check_several: Several, upstream: FakeUpstream) -> None:
    upstream.on("/models", an_error(401, "No."))
    toml = f'[upstreams.cloud]\nbase_url = "{upstream.base_url}"\n'
    assert "key: Set upstreams.cloud.api_key to a key of this server." in check_several(toml)[2]
    by_variable = check_several(toml + 'key_env = "SECRET"\n', SECRET="sk-x")[2]
    assert "key: Let upstreams.cloud.key_env lead to a key of this server." in by_variable
    assert "key: Set UPSTREAM_CLOUD_API_KEY to a key of this server." in check_several("", UPSTREAM_CLOUD_BASE_URL=upstream.base_url)[2]


def test_an_upstream_for_the_keys_of_clients_need_not_let_us_in(check_several: Several, upstream: FakeUpstream) -> None:
    upstream.on("/models", an_error(401, "Who are you?"))
    status, _, output = check_several(f'[upstreams.cloud]\nbase_url = "{upstream.base_url}"\npass_client_key = true\n')
    assert status == 0
    assert dict(_rows(output))["key"] == ("skipped", "the server wants a key, and clients are to bring their own")


NATIVE = [egress for egress in EGRESSES if egress.root]
APIS = {"openai": "an OpenAI-compatible API", "anthropic": "an Anthropic API", "gemini": "a Gemini API", "ollama": "an Ollama API"}


@pytest.mark.parametrize("path", ["", "/v1", "/v1beta", "/api", "/v1/messages"])
@pytest.mark.parametrize("egress", NATIVE, ids=lambda egress: egress.name)
def test_a_dialect_that_is_missing_is_told(check: Check, egress: Egress, path: str) -> None:
    with FakeUpstream() as server:
        egress.play(server, BY_NAME["text"])
        status, rows, output = check(f"{server.origin}{path}", OPENAI_API_KEY="sk-right")
        cured, _, _ = check(server.origin, OPENAI_API_KEY="sk-right", UPSTREAM_DEFAULT_DIALECT=egress.name)
    assert (status, cured) == (1, 0)
    assert rows.pop("dialect") == ("failed", f"there is {APIS[egress.name]} here, not an OpenAI-compatible API")
    assert f'dialect: Set UPSTREAM_DEFAULT_DIALECT to "{egress.name}", and OPENAI_API_BASE_URL to {server.origin}.' in output
    assert rows.pop("reachable")[0] == "ok"
    assert {verdict for verdict, _ in rows.values()} == {"skipped"}


@pytest.mark.parametrize("spoken", EGRESSES, ids=lambda egress: egress.name)
@pytest.mark.parametrize("configured", NATIVE, ids=lambda egress: egress.name)
def test_a_dialect_that_is_wrong_is_told(check_several: Several, configured: Egress, spoken: Egress) -> None:
    if configured is spoken:
        return
    with FakeUpstream() as server:
        spoken.play(server, BY_NAME["text"])
        status, _, output = check_several(f'[upstreams.it]\nbase_url = "{server.base_url}"\ndialect = "{configured.name}"\n')
        where = spoken.base_url(server)
    assert status == 1
    assert dict(_rows(output))["dialect"] == ("failed", f"there is {APIS[spoken.name]} here, not {APIS[configured.name]}")
    assert f'Set upstreams.it.dialect to "{spoken.name}", and upstreams.it.base_url to {where}.' in output


def test_a_key_that_is_shown_in_another_dialects_way_is_not_blamed(check: Check) -> None:
    def wants_its_own_header(request: Request) -> Answer:
        return (
            json_answer(ANTHROPIC.models[1])
            if request.headers.get("x-api-key") == "sk-right"
            else an_error(401, "x-api-key header is required")
        )

    with FakeUpstream() as server:
        server.on("/v1/models", wants_its_own_header)
        _, rows, output = check(server.base_url, OPENAI_API_KEY="sk-right")
        _, with_wrong_key, _ = check(server.base_url, OPENAI_API_KEY="sk-wrong")
    assert rows["key"][0] == "skipped"
    assert 'Set UPSTREAM_DEFAULT_DIALECT to "anthropic"' in output
    assert with_wrong_key["key"] == ("failed", "x-api-key header is required")


def test_servers_that_serve_no_chats_are_not_taken_for_others(check: Check, upstream: FakeUpstream) -> None:
    upstream.on("/chat/completions", an_error(404, "Not Found"))
    upstream.on("/api/tags", json_answer({"models": [{"name": "m", "model": "m", "digest": ""}]}))  # as llama.cpp lists it
    _, rows, _ = check(upstream.base_url)
    assert "dialect" not in rows


def test_anthropic_is_not_asked_for_vectors(check: Check) -> None:
    with FakeUpstream() as server:
        ANTHROPIC.play(server, BY_NAME["text"])
        status, rows, _ = check(server.origin, UPSTREAM_DEFAULT_DIALECT="anthropic")
    assert (status, rows["embeddings"]) == (0, ("skipped", "an Anthropic API has none"))


def test_models_that_clients_may_not_use_are_not_asked(check_several: Several, upstream: FakeUpstream) -> None:
    upstream.on(
        "/models", json_answer({"object": "list", "data": [{"id": name} for name in ("babbage-002", "old-embed", "talker", "text-embed")]})
    )
    toml = f'[upstreams.cloud]\nbase_url = "{upstream.base_url}"\nmodels.show = ["t*"]\n'
    status, _, output = check_several(toml)
    rows = dict(_rows(output))
    assert status == 0
    assert rows["models"] == ("ok", "2 listed, and 2 hidden")
    assert {request.json["model"] for request in upstream.requests if request.body} == {"talker", "text-embed"}


def test_a_server_whose_models_are_all_hidden_is_told(check_several: Several, upstream: FakeUpstream) -> None:
    toml = f'[upstreams.cloud]\nbase_url = "{upstream.base_url}"\nmodels.show = ["gpt-*"]\n'
    status, _, output = check_several(toml)
    rows = dict(_rows(output))
    assert status == 1
    assert rows["models"] == ("warning", "all 2 are hidden by models.show or models.hide")
    assert rows["chat"][0] == "skipped"
    assert "Are the globs spelled as the server spells its names?" in output
    assert upstream.requests_to("/chat/completions") == []


def test_a_name_that_almost_begins_with_an_upstream_is_told_apart(check_several: Several, upstream: FakeUpstream) -> None:
    _, found, output = check_several(f"""
        [upstreams.boxes]
        base_url = "{upstream.base_url}"
        [upstreams.cloud]
        base_url = "{upstream.base_url}"
        [aliases]
        fast = "clod/talker"
        [fallbacks]
        talker = ["bxes:talker", "org/talker", "fast"]
        """)
    assert found["[names]"]["alias fast"] == ("warning", "leads to clod/talker at boxes, which lists no such model")
    hints = [line for line in output.splitlines() if line.startswith(("alias fast: ", "fallback of talker: "))]
    assert hints == [
        "alias fast: There is no upstream clod; is cloud meant?",
        "fallback of talker: There is no upstream bxes; is boxes meant?",
        "fallback of talker: Is org/talker spelled as `models` shows it?",
        "fallback of talker: There is no upstream clod; is cloud meant?",
    ]
