"""Bodies as clients send them: bounded, packed, cut, broken. What needs a real worker is in `tests/live/test_slow_bodies.py`."""

from __future__ import annotations

import gzip
import io
import json
import socket
import tracemalloc
import zlib
from types import SimpleNamespace
from typing import Any, cast

import pytest
import zstandard
from flask import Flask, Response, abort, request
from flask.testing import FlaskClient
from gunicorn.http.body import Body, ChunkedReader, LengthReader
from gunicorn.http.errors import InvalidHeader, NoMoreData
from gunicorn.http.unreader import IterUnreader
from werkzeug.exceptions import RequestEntityTooLarge
from werkzeug.test import TestResponse

from proxy.dialects.openai.failures import render_error
from proxy.errors import InvalidRequest
from proxy.gateway import Gateway
from proxy.settings import Settings
from proxy.web.blueprint import dialect_blueprint, route
from proxy.web.body import leave_unread, parse_json, parse_json_text, read_body
from proxy.web.mounting import attach_mount
from proxy.web.state import MountState

MAX_BYTES = 10_000


def a_client(**config: Any) -> FlaskClient:
    app = Flask(__name__, static_folder=None)
    app.config.update(config)
    blueprint = dialect_blueprint("ours", render_error)
    attach_mount(blueprint, MountState(Settings(), cast(Gateway, None), None))
    route(blueprint, "/echo", ["POST"], lambda: Response(read_body(MAX_BYTES, 5)))
    app.register_blueprint(blueprint)
    return app.test_client()


@pytest.fixture
def client() -> FlaskClient:
    return a_client()


class Unannounced(io.BytesIO):
    """A body whose length nobody knows, as gunicorn hands out chunked ones; `taken` is how much of it was read."""

    taken = 0

    def read(self, size: int | None = -1) -> bytes:
        data = super().read(size)
        self.taken += len(data)
        return data


def post_chunked(client: FlaskClient, body: bytes | Unannounced, **headers: str) -> TestResponse:
    stream = body if isinstance(body, Unannounced) else Unannounced(body)
    chunked = {"wsgi.input_terminated": True, "HTTP_TRANSFER_ENCODING": "chunked"}
    return client.post("/echo", input_stream=stream, headers=headers, environ_overrides=chunked)


def message(response: TestResponse) -> str:
    error = json.loads(response.data)["error"]
    return str(error["message"])


# Size


def test_body_when_announced_is_read(client: FlaskClient) -> None:
    assert client.post("/echo", data=b"x" * MAX_BYTES).data == b"x" * MAX_BYTES


def test_body_when_chunked_is_read(client: FlaskClient) -> None:
    assert post_chunked(client, b"x" * MAX_BYTES).data == b"x" * MAX_BYTES


def test_body_when_there_is_none_is_empty(client: FlaskClient) -> None:
    assert client.post("/echo").data == b""


@pytest.mark.parametrize("content_type", ["application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "text/plain", ""])
def test_body_when_its_type_is_another_is_read_all_the_same(client: FlaskClient, content_type: str) -> None:
    """curl -d says that it sends a form."""
    assert client.post("/echo", data=b'{"model":"m"}', content_type=content_type).data == b'{"model":"m"}'


def test_body_when_announced_too_large_is_refused_unread(client: FlaskClient) -> None:
    body = Unannounced(b"x" * (MAX_BYTES + 1))
    response = client.post("/echo", input_stream=body, content_length=MAX_BYTES + 1)
    assert response.status_code == 413
    assert message(response) == "the request body is larger than 10000 bytes (REQUEST_MAX_SIZE)"
    assert body.taken == 0


def test_body_when_chunked_and_too_large_is_refused_with_the_same_words(client: FlaskClient) -> None:
    body = Unannounced(b"x" * 1_000_000)
    response = post_chunked(client, body)
    assert response.status_code == 413
    assert message(response) == "the request body is larger than 10000 bytes (REQUEST_MAX_SIZE)"
    assert body.taken <= MAX_BYTES + 1


def test_limit_when_the_hosts_is_smaller_is_ours() -> None:
    assert a_client(MAX_CONTENT_LENGTH=10).post("/echo", data=b"x" * 100).data == b"x" * 100


@pytest.mark.parametrize("terminated", [True, False])
def test_body_when_cut_is_refused(client: FlaskClient, terminated: bool) -> None:
    """gunicorn ends the input where the client does, and says so beforehand; other servers say nothing."""
    response = client.post(
        "/echo", data=b'{"model":', environ_overrides={"CONTENT_LENGTH": "100", **({"wsgi.input_terminated": True} if terminated else {})}
    )
    assert response.status_code == 400
    assert message(response) == "the request ended before its body was complete"


def test_body_when_the_host_has_read_it_before_is_the_same() -> None:
    client = a_client()
    client.application.before_request(lambda: request.get_json(silent=True) and None)
    assert client.post("/echo", data=b'{"a": 1.50}', content_type="application/json").data == b'{"a": 1.50}'


@pytest.mark.parametrize("status", [400, 413, 418])
def test_refusal_of_the_hosts_own_keeps_its_words(status: int) -> None:
    client = a_client()
    client.application.before_request(lambda: abort(status, "the host's own words"))
    response = client.post("/echo", data=b"{}")
    assert response.status_code == status
    assert "the host&#39;s own words" in response.get_data(as_text=True)


def test_limit_of_the_host_when_it_is_asked_first_is_told_by_it() -> None:
    client = a_client()

    def full() -> None:
        raise RequestEntityTooLarge("the host is full")

    client.application.before_request(full)
    assert b"the host is full" in client.post("/echo", data=b"{}").data


def test_connection_of_an_unread_body_is_closed_when_its_client_has_read_the_answer() -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs, Flask(__name__).test_request_context(environ_overrides={"gunicorn.socket": ours}):
        theirs.sendall(b"x" * 10_000)
        theirs.shutdown(socket.SHUT_WR)
        close = leave_unread()
        assert close is not None
        close()
        assert theirs.recv(1) == b""
        assert ours.recv(1) == b"", "all that was sent was taken, so that the client's system does not take our answer for lost"


def test_connection_of_a_client_that_is_gone_is_left_without_an_error() -> None:
    ours, theirs = socket.socketpair()
    with ours, Flask(__name__).test_request_context(environ_overrides={"gunicorn.socket": ours}):
        theirs.close()
        close = leave_unread()
        assert close is not None
        close()


def test_connection_under_other_servers_is_theirs() -> None:
    with Flask(__name__).test_request_context():
        assert leave_unread() is None


# Inputs that end by themselves, as gunicorn's do


class Pieces(io.BytesIO):
    """Gives a few bytes at a time; `asked_for` is how many were asked for each time."""

    def __init__(self, body: bytes, piece_bytes: int) -> None:
        super().__init__(body)
        self._piece_bytes = piece_bytes
        self.asked_for: list[int] = []

    def read(self, size: int | None = -1) -> bytes:
        assert size is not None
        self.asked_for.append(size)
        return super().read(min(size, self._piece_bytes))


def post_terminated(client: FlaskClient, stream: io.IOBase, length: int) -> TestResponse:
    return client.post("/echo", input_stream=stream, environ_overrides={"wsgi.input_terminated": True, "CONTENT_LENGTH": str(length)})


def test_input_is_asked_once_for_what_is_announced(client: FlaskClient) -> None:
    stream = Pieces(b"x" * 100, 1000)
    assert post_terminated(client, stream, 100).data == b"x" * 100
    assert stream.asked_for == [100]


def test_input_that_gives_less_than_it_is_asked_for_is_asked_again(client: FlaskClient) -> None:
    stream = Pieces(b"0123456789", 4)
    assert post_terminated(client, stream, 10).data == b"0123456789"
    assert stream.asked_for == [10, 6, 2]


def test_input_that_is_cut_is_refused(client: FlaskClient) -> None:
    response = post_terminated(client, Pieces(b"0123456789", 4), 11)
    assert (response.status_code, message(response)) == (400, "the request ended before its body was complete")


def test_input_that_is_announced_to_be_empty_is_empty(client: FlaskClient) -> None:
    response = post_terminated(client, Pieces(b"", 100), 0)
    assert (response.status_code, response.data) == (200, b"")


def test_input_that_the_host_has_read_before_is_the_same() -> None:
    client = a_client()
    client.application.before_request(lambda: request.get_data() and None)
    assert post_terminated(client, Pieces(b"0123456789", 100), 10).data == b"0123456789"


class Failing(io.BytesIO):
    """Raises when it is read."""

    def __init__(self, error: Exception) -> None:
        super().__init__()
        self._error = error

    def read(self, size: int | None = -1) -> bytes:
        raise self._error


@pytest.mark.parametrize("error", [ConnectionResetError("reset"), NoMoreData(), ValueError("closed")])
def test_input_whose_connection_breaks_is_refused(client: FlaskClient, error: Exception) -> None:
    response = post_terminated(client, Failing(error), 10)
    assert (response.status_code, message(response)) == (400, "the request ended before its body was complete")


def test_input_that_gunicorn_finds_broken_is_refused_with_its_words(client: FlaskClient) -> None:
    response = post_terminated(client, Failing(InvalidHeader("x")), 10)
    assert (response.status_code, message(response)) == (400, "the request body cannot be read: Invalid HTTP Header: 'x'")


def test_input_that_fails_by_a_defect_is_no_fault_of_the_clients(client: FlaskClient, caplog: pytest.LogCaptureFixture) -> None:
    assert post_terminated(client, Failing(ZeroDivisionError()), 10).status_code == 500
    assert [record.message for record in caplog.records] == ["internal error"]


MEGABYTES_8 = 8 * 1024 * 1024


@pytest.mark.parametrize("announced", [True, False])
def test_large_body_of_gunicorns_is_there_once_and_a_little_more(announced: bool) -> None:
    piece = b"x" * 65536
    if announced:
        body = Body(LengthReader(IterUnreader(piece for _ in range(128)), MEGABYTES_8))
        told = {"CONTENT_LENGTH": str(MEGABYTES_8)}
    else:
        chunks = (b"10000\r\n%b\r\n" % piece if number < 128 else b"0\r\n\r\n" for number in range(129))
        body = Body(ChunkedReader(SimpleNamespace(), IterUnreader(chunks)))
        told = {"HTTP_TRANSFER_ENCODING": "chunked"}
    environ = {"wsgi.input": body, "wsgi.input_terminated": True, **told}
    with Flask(__name__).test_request_context(method="POST", environ_overrides=environ):
        tracemalloc.start()
        received = read_body(MEGABYTES_8, 5)
        _, peak_bytes = tracemalloc.get_traced_memory()
        tracemalloc.stop()
    assert len(received) == MEGABYTES_8
    assert peak_bytes < 1.5 * MEGABYTES_8


# Packing

PLAIN = json.dumps({"model": "m", "prompt": "hello " * 100}).encode()


def zstd(body: bytes, **how: Any) -> bytes:
    return zstandard.ZstdCompressor(**how).compress(body)


PACKERS = {"gzip": gzip.compress, "x-gzip": gzip.compress, "deflate": zlib.compress, "zstd": zstd}


@pytest.mark.parametrize("encoding", [*PACKERS, "GZIP", " gzip "])
@pytest.mark.parametrize("chunked", [True, False])
def test_body_when_packed_is_unpacked(client: FlaskClient, encoding: str, chunked: bool) -> None:
    body = PACKERS[encoding.strip().lower()](PLAIN)
    headers = {"Content-Encoding": encoding}
    response = post_chunked(client, body, **headers) if chunked else client.post("/echo", data=body, headers=headers)
    assert response.data == PLAIN


def test_body_when_identity_is_not_unpacked(client: FlaskClient) -> None:
    assert client.post("/echo", data=PLAIN, headers={"Content-Encoding": "identity"}).data == PLAIN


@pytest.mark.parametrize("encoding", ["br", "compress", "gzip, gzip", "nonsense"])
def test_body_when_packed_in_an_unknown_way_is_refused(client: FlaskClient, encoding: str) -> None:
    response = client.post("/echo", data=PLAIN, headers={"Content-Encoding": encoding})
    assert response.status_code == 415
    assert encoding in message(response)


@pytest.mark.parametrize("encoding", PACKERS)
def test_body_when_it_is_not_what_it_says_is_refused(client: FlaskClient, encoding: str) -> None:
    response = client.post("/echo", data=PLAIN, headers={"Content-Encoding": encoding})
    assert response.status_code == 400
    assert encoding in message(response)


@pytest.mark.parametrize("encoding", ["gzip", "deflate", "zstd"])
@pytest.mark.parametrize("missing", [1, 5, 12])
def test_body_when_packed_and_cut_is_refused(client: FlaskClient, encoding: str, missing: int) -> None:
    response = client.post("/echo", data=PACKERS[encoding](PLAIN)[:-missing], headers={"Content-Encoding": encoding})
    assert response.status_code == 400
    assert message(response) == "the compressed request body ends too early"


@pytest.mark.parametrize("encoding", PACKERS)
@pytest.mark.parametrize("rest", [b"{}", b"\x00", PLAIN])
def test_body_when_something_follows_the_packed_part_is_refused(client: FlaskClient, encoding: str, rest: bytes) -> None:
    response = client.post("/echo", data=PACKERS[encoding](PLAIN) + rest, headers={"Content-Encoding": encoding})
    assert response.status_code == 400


@pytest.mark.parametrize("encoding", ["gzip", "deflate"])
def test_second_packed_part_is_not_dropped_in_silence(client: FlaskClient, encoding: str) -> None:
    response = client.post("/echo", data=PACKERS[encoding](PLAIN) * 2, headers={"Content-Encoding": encoding})
    assert response.status_code == 400
    assert message(response) == "something follows the compressed request body"


def test_zstd_frames_are_read_to_the_last(client: FlaskClient) -> None:
    noise = bytes(range(256)) * 10
    frames = [zstd(PLAIN), zstd(b""), zstd(noise, level=-5), zstd(PLAIN)]
    body = b"".join(frames)
    assert client.post("/echo", data=body, headers={"Content-Encoding": "zstd"}).data == PLAIN + noise + PLAIN
    response = client.post("/echo", data=body[:-1], headers={"Content-Encoding": "zstd"})
    assert (response.status_code, message(response)) == (400, "the compressed request body ends too early")


@pytest.mark.parametrize("encoding", PACKERS)
def test_body_when_it_unpacks_to_the_limit_is_taken(client: FlaskClient, encoding: str) -> None:
    body = b"x" * MAX_BYTES
    assert client.post("/echo", data=PACKERS[encoding](body), headers={"Content-Encoding": encoding}).data == body


@pytest.mark.parametrize("encoding", PACKERS)
@pytest.mark.parametrize("size", [MAX_BYTES + 1, 9_000_000])
def test_body_when_it_unpacks_to_more_than_the_limit_is_refused(client: FlaskClient, encoding: str, size: int) -> None:
    body = PACKERS[encoding](b"\0" * size)
    assert len(body) < MAX_BYTES
    response = client.post("/echo", data=body, headers={"Content-Encoding": encoding})
    assert response.status_code == 413
    assert message(response) == "the request body is larger than 10000 bytes (REQUEST_MAX_SIZE)"


def test_body_when_its_packer_wants_much_memory_is_refused(client: FlaskClient) -> None:
    """RFC 9659: a window of more than 8 MB is not to be used on the web."""
    wide = zstandard.ZstdCompressor(compression_params=zstandard.ZstdCompressionParameters(window_log=27)).compressobj()
    response = client.post("/echo", data=wide.compress(PLAIN) + wide.flush(), headers={"Content-Encoding": "zstd"})
    assert response.status_code == 400


# JSON


def test_json_when_valid_is_decoded() -> None:
    assert parse_json(b' \n{"a": [1.50, "\xc3\xa9"]}\r\n') == {"a": [1.5, "é"]}


@pytest.mark.parametrize("body", [b"", b" \r\n\t"])
def test_json_when_missing_is_refused(body: bytes) -> None:
    with pytest.raises(InvalidRequest, match="missing request body"):
        parse_json(body)


@pytest.mark.parametrize(
    "body",
    [
        b"{",
        b'{"a":1',
        b"nonsense",
        b'{"a":1} x',
        b'{"a":1}{"b":2}',
        b'{"a":1}\x00',
        b"{'a':1}",
        b'{"a":NaN}',
        b'{"a":Infinity}',
        b'{"a":-Infinity}',
        b'{"a":01}',
        b'{"a":"line\nbreak"}',
        b'{"a":"\\x"}',
        b'{"a":"\\ud83"}',
        b"\xef\xbb\xbf{}",
        b"\xff\xfe{\x00}\x00",
        b'{"a":' + b"[" * 5_000 + b"]" * 5_000 + b"}",
        b"[" * 2_000_000,
        b'{"a":' * 100_000,
    ],
    ids=range(19),
)
def test_json_when_invalid_is_refused(body: bytes) -> None:
    with pytest.raises(InvalidRequest, match="not valid JSON"):
        parse_json(body)


@pytest.mark.parametrize("more", [b"", b',"half":"\\ud83d"', b',"messages":[],"tools":[12345678901234567890123]'])
def test_a_number_beyond_a_double_is_called_too_large(more: bytes) -> None:
    with pytest.raises(InvalidRequest, match="number too large"):
        parse_json(b'{"z":1E400' + more + b"}")


@pytest.mark.parametrize(
    ("body", "kind"),
    [(b"[]", "an array"), (b'"x"', "a string"), (b"1", "a number"), (b"1.5", "a number"), (b"true", "a boolean"), (b"null", "null")],
)
def test_json_when_no_object_is_refused(body: bytes, kind: str) -> None:
    with pytest.raises(InvalidRequest, match=f"must be a JSON object, not {kind}$"):
        parse_json(body)


@pytest.mark.parametrize(
    ("spelled", "read"),
    [
        (rb"cut \ud83d", "cut \ufffd"),
        (rb"\ud83d cut", "\ufffd cut"),
        (rb"\uD83D\uD83D\uDE00", "\ufffd😀"),
        (rb"\ude00\ud83d", "\ufffd\ufffd"),
        (rb"\ud83d\ude00 \\ud83d \ude00", "😀 \\ud83d \ufffd"),
        (b"\xff", "\ufffd"),
        (b"cut \xf0\x9f\x98", "cut \ufffd"),
        (rb"\"\ud83d\n", '"\ufffd\n'),
    ],
)
def test_half_characters_are_read_as_go_reads_them(spelled: bytes, read: str) -> None:
    """JavaScript cuts texts between the halves of a character, and Ollama takes what comes of it."""
    assert parse_json(b'{"a":"' + spelled + b'"}') == {"a": read}


def test_half_characters_do_not_excuse_other_faults() -> None:
    with pytest.raises(InvalidRequest, match="not valid JSON"):
        parse_json(rb'{"a":"\ud83d"')


def test_text_with_half_characters_is_handed_on_as_it_came() -> None:
    body = b'{"a": "\\ud83d \xff", "n": 1.50}'
    assert parse_json_text(body) == (body, {"a": "\ufffd \ufffd", "n": 1.5})


BIG = (1 << 128) - 1


@pytest.mark.parametrize("number", [1 << 64, (1 << 64) + 1, -(1 << 63) - 1, BIG])
@pytest.mark.parametrize("key", ["format", "functions", "output_config", "output_format", "response_format", "text", "tools"])
def test_integers_beside_schemas_keep_all_their_digits(key: str, number: int) -> None:
    assert parse_json(f'{{"{key}":{{"maximum":{number}}},"n":1e300,"s":"\\ud83d"}}'.encode()) == {
        key: {"maximum": number},
        "n": 1e300,
        "s": "\ufffd",
    }


@pytest.mark.parametrize(
    "message",
    [
        f'{{"role":"assistant","content":[{{"type":"tool_use","input":{{"id":{BIG}}}}}]}}',
        f'{{"role":"assistant","tool_calls":[{{"function":{{"arguments":{{"id":{BIG}}}}}}}]}}',
    ],
)
def test_integers_in_arguments_of_earlier_calls_keep_all_their_digits(message: str) -> None:
    assert str(BIG) in str(parse_json(f'{{"messages":[{message}]}}'.encode()))
