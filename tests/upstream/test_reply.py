"""Bodies: handed on as they arrive, silences told, cuts told, connections let go."""

from __future__ import annotations

import zlib
from collections.abc import Iterator

import pytest
import responses

from proxy.errors import UpstreamBroken, UpstreamRefused, UpstreamTimeout
from proxy.upstream.reply import Timeouts, UpstreamReply
from proxy.wire.messages import UpstreamCall
from tests.fake_upstream import CUT, RESET, STALL, Answer, FakeUpstream, Raw, json_answer, sse
from tests.upstream.conftest import MakeClient

CHAT = UpstreamCall("/chat/completions", b'{"model":"m"}', model="m", stream=True)
MAX = 1_000_000


class ScriptedBody:
    """A body without a socket: bytes are received, `None` is a silence, an exception is raised; then it ends."""

    reusable = True

    def __init__(self, script: list[bytes | BaseException | None]) -> None:
        self.ended = False
        self.closed = 0
        self.waits_s: list[float] = []
        self._script = script
        self._wait_s = 0.0

    def wait_at_most(self, seconds: float, *, many_reads: bool = False) -> None:
        self._wait_s = seconds

    def receive(self) -> bytes:
        self.waits_s.append(self._wait_s)
        step = self._script.pop(0)
        if step is None:
            raise TimeoutError
        if isinstance(step, BaseException):
            raise step
        self.ended = not self._script
        return step

    def close(self) -> None:
        self.closed += 1


def send(upstream: FakeUpstream, make_client: MakeClient, answer: Answer, *, idle_s: float = 5, keepalive_s: float = 0) -> UpstreamReply:
    upstream.on("/chat/completions", answer)
    return make_client(timeouts=Timeouts(connect_s=2, first_byte_s=5, idle_s=idle_s, keepalive_s=keepalive_s)).send(CHAT)


# As they arrive


@pytest.mark.parametrize("framing", ["chunked", "length", "close"])
def test_a_chunk_is_handed_on_before_the_next_is_made(upstream: FakeUpstream, make_client: MakeClient, framing: str) -> None:
    first, second = upstream.gate(), upstream.gate()
    reply = send(upstream, make_client, Answer(steps=[b"one", first, b"two", second, b"three"], framing=framing))  # type: ignore[arg-type]
    chunks = reply.chunks()
    assert next(chunks) == b"one"
    first.set()
    assert next(chunks) == b"two"
    second.set()
    assert list(chunks) == [b"three"]


def test_the_first_bytes_come_with_the_head_or_after_it(upstream: FakeUpstream, make_client: MakeClient) -> None:
    gate = upstream.gate()
    reply = send(upstream, make_client, Answer(steps=[Raw(b"5\r\nfi"), gate, Raw(b"rst\r\n"), b"second"]))
    chunks = reply.chunks()
    assert next(chunks) == b"fi"
    gate.set()
    assert b"".join(chunks) == b"rstsecond"
    late = send(upstream, make_client, Answer(steps=[0.05, b"late"]))
    assert b"".join(late.chunks()) == b"late"


def test_many_chunks_that_are_there_come_in_few_reads(upstream: FakeUpstream, make_client: MakeClient) -> None:
    parts = [b"data: %d\n\n" % number for number in range(2000)]
    framed = b"".join(b"%x\r\n%b\r\n" % (len(part), part) for part in parts)
    chunks = list(send(upstream, make_client, Answer(steps=[Raw(framed)])).chunks())
    assert b"".join(chunks) == b"".join(parts)
    assert len(chunks) < 100


def test_an_empty_body_has_no_chunks_and_gives_its_connection_back(upstream: FakeUpstream, make_client: MakeClient) -> None:
    upstream.on("/chat/completions", Answer(framing="length"), Answer(204, framing="length"), Answer())
    client = make_client()
    for _ in range(3):
        assert list(client.send(CHAT).chunks()) == []
    assert upstream.connections == 1


@pytest.mark.parametrize("keep_alive", [True, False])
def test_connections_are_kept_or_closed_as_the_head_says(upstream: FakeUpstream, make_client: MakeClient, keep_alive: bool) -> None:
    upstream.on("/chat/completions", Answer(steps=[b"a", b"b"], keep_alive=keep_alive))
    client = make_client()
    assert [b"".join(client.send(CHAT).chunks()) for _ in range(2)] == [b"ab", b"ab"]
    assert upstream.connections == (1 if keep_alive else 2)


@pytest.mark.parametrize("coding", ["gzip", "deflate", "X-GZIP"])
def test_packed_bodies_are_unpacked_as_they_arrive(upstream: FakeUpstream, make_client: MakeClient, coding: str) -> None:
    packer = zlib.compressobj(wbits=31 if "zip" in coding.lower() else 15)
    first = packer.compress(b"first") + packer.flush(zlib.Z_SYNC_FLUSH)
    rest = packer.compress(b"second") + packer.flush()
    gate = upstream.gate()
    reply = send(upstream, make_client, Answer(200, {"Content-Encoding": coding}, [first, gate, rest]))
    chunks = reply.chunks()
    assert next(chunks) == b"first"
    gate.set()
    assert b"".join(chunks) == b"second"


@pytest.mark.parametrize(("coding", "body"), [("br", b"\x0b\x02\x80"), ("gzip", b"not gzip at all")])
def test_what_cannot_be_unpacked_is_broken(upstream: FakeUpstream, make_client: MakeClient, coding: str, body: bytes) -> None:
    reply = send(upstream, make_client, Answer(200, {"Content-Encoding": coding}, [body]))
    with pytest.raises(UpstreamBroken):
        reply.read(MAX)


def packed(data: bytes, wbits: int = 31) -> bytes:
    packer = zlib.compressobj(wbits=wbits)
    return packer.compress(data) + packer.flush()


PACKINGS = [("gzip", 31), ("deflate", 15), ("deflate", -15)]


@pytest.mark.parametrize(("coding", "wbits"), PACKINGS)
@pytest.mark.parametrize("framing", ["chunked", "length", "close"])
@pytest.mark.parametrize("pieces", [1, 7])
def test_a_packed_body_that_ends_inside_its_packing_is_cut(
    upstream: FakeUpstream, make_client: MakeClient, framing: str, coding: str, wbits: int, pieces: int
) -> None:
    whole = packed(bytes(range(256)) * 4, wbits)
    cuts = [1, 2, len(whole) // 2, len(whole) - 1]
    bodies = [[whole[at : min(cut, at + cut // pieces + 1)] for at in range(0, cut, cut // pieces + 1)] for cut in cuts]
    upstream.on("/chat/completions", *(Answer(200, {"Content-Encoding": coding}, body, framing) for body in bodies))  # type: ignore[arg-type]
    client = make_client()
    for _ in cuts:
        with pytest.raises(UpstreamBroken, match="cut"):
            client.send(CHAT).read(MAX)
    assert upstream.connections == len(cuts)


@pytest.mark.parametrize(("coding", "wbits"), PACKINGS)
@pytest.mark.parametrize("size", [1, 3, 10_000])
def test_a_packed_body_may_be_cut_anywhere_on_its_way(
    upstream: FakeUpstream, make_client: MakeClient, coding: str, wbits: int, size: int
) -> None:
    whole = packed(b"some words " * 40, wbits)
    steps = [whole[at : at + size] for at in range(0, len(whole), size)]
    upstream.on("/chat/completions", Answer(200, {"Content-Encoding": coding}, steps))
    client = make_client()
    assert [client.send(CHAT).read(MAX) for _ in range(2)] == [b"some words " * 40] * 2
    assert upstream.connections == 1


@pytest.mark.parametrize(
    ("body", "text"), [(b"", b""), (packed(b"one") + packed(b"two"), b"onetwo"), (packed(b"one") + b"\0\0pad", b"one")]
)
def test_gzip_may_have_several_members_or_none(upstream: FakeUpstream, make_client: MakeClient, body: bytes, text: bytes) -> None:
    for steps in ([body] if body else [], [body[at : at + 1] for at in range(len(body))]):
        assert send(upstream, make_client, Answer(200, {"Content-Encoding": "gzip"}, steps)).read(MAX) == text


def test_what_came_before_a_cut_inside_the_packing_is_handed_on(upstream: FakeUpstream, make_client: MakeClient) -> None:
    packer = zlib.compressobj(wbits=31)
    half = packer.compress(b"half an answer") + packer.flush(zlib.Z_SYNC_FLUSH)
    chunks = send(upstream, make_client, Answer(200, {"Content-Encoding": "gzip"}, [half], "length")).chunks()
    assert next(chunks) == b"half an answer"
    with pytest.raises(UpstreamBroken, match="packing"):
        next(chunks)
    upstream.on("/chat/completions", Answer(400, {"Content-Encoding": "gzip"}, [half], "length"))
    with pytest.raises(UpstreamRefused, match="half an answer"):
        make_client().send(CHAT)


# Silence


def test_silence_is_told_by_empty_chunks_and_loses_nothing(upstream: FakeUpstream, make_client: MakeClient) -> None:
    gate = upstream.gate()
    steps = [b"one", gate, Raw(b"3\r"), 0.08, Raw(b"\ntw"), 0.08, Raw(b"o\r\n"), b"three"]
    reply = send(upstream, make_client, Answer(steps=steps), keepalive_s=0.03)
    chunks = reply.chunks()
    assert [next(chunks) for _ in range(4)] == [b"one", b"", b"", b""]
    gate.set()
    assert b"".join(chunks) == b"twothree"


def test_silence_that_lasts_is_a_timeout(upstream: FakeUpstream, make_client: MakeClient) -> None:
    reply = send(upstream, make_client, Answer(steps=[b"one", STALL]), idle_s=0.1, keepalive_s=0.04)
    chunks = reply.chunks()
    seen = []
    with pytest.raises(UpstreamTimeout, match=r"silent for 0\.1 s") as caught:
        seen.extend(chunks)
    assert (caught.value.status, caught.value.code) == (504, "upstream_timeout")
    assert upstream.requests[0].wait_closed(1)
    assert next(chunks, b"over") == b"over"


def test_bytes_begin_the_silence_anew() -> None:
    body = ScriptedBody([None, None, b": ping", None, None, None])
    chunks = UpstreamReply(200, {}, body, Timeouts(idle_s=40, keepalive_s=15)).chunks()
    seen = []
    with pytest.raises(UpstreamTimeout):
        seen.extend(chunks)
    assert seen == [b"", b"", b": ping", b"", b""]
    assert body.waits_s == [15, 15, 10, 15, 15, 10]
    assert body.closed == 1


def test_without_keepalive_there_are_no_empty_chunks(upstream: FakeUpstream, make_client: MakeClient) -> None:
    reply = send(upstream, make_client, Answer(steps=[b"one", 0.05, b"two"]), keepalive_s=0)
    assert list(reply.chunks()) == [b"one", b"two"]


def test_a_whole_body_has_the_same_patience(upstream: FakeUpstream, make_client: MakeClient) -> None:
    reply = send(upstream, make_client, Answer(steps=[b"one", STALL]), idle_s=0.1, keepalive_s=0.02)
    with pytest.raises(UpstreamTimeout):
        reply.read(MAX)


# Cuts


@pytest.mark.parametrize("framing", ["chunked", "length"])
@pytest.mark.parametrize("then", [CUT, RESET])
def test_a_cut_is_no_end(upstream: FakeUpstream, make_client: MakeClient, framing: str, then: object) -> None:
    gate = upstream.gate()
    answer = Answer(200, {}, [b"hal", gate, then, b"never sent"], framing)  # type: ignore[arg-type,list-item]
    chunks = send(upstream, make_client, answer).chunks()
    assert next(chunks) == b"hal"
    gate.set()
    with pytest.raises(UpstreamBroken):
        next(chunks)


def test_a_cut_of_a_whole_body_is_no_end(upstream: FakeUpstream, make_client: MakeClient) -> None:
    with pytest.raises(UpstreamBroken):
        send(upstream, make_client, Answer(steps=[b'{"half":', CUT])).read(MAX)


def test_garbage_between_chunks_is_told(upstream: FakeUpstream, make_client: MakeClient) -> None:
    chunks = send(upstream, make_client, Answer(steps=[b"one", Raw(b"garbage\r\n"), STALL])).chunks()
    with pytest.raises(UpstreamBroken):
        list(chunks)
    assert upstream.requests[0].wait_closed(1)


def test_a_body_without_length_ends_with_its_connection(upstream: FakeUpstream, make_client: MakeClient) -> None:
    assert send(upstream, make_client, Answer(steps=[b"a", b"b"], framing="close")).read(MAX) == b"ab"


def test_a_reset_of_a_body_without_length_is_told(upstream: FakeUpstream, make_client: MakeClient) -> None:
    gate = upstream.gate()
    chunks = send(upstream, make_client, Answer(steps=[b"a", gate, RESET], framing="close")).chunks()
    assert next(chunks) == b"a"
    gate.set()
    with pytest.raises(UpstreamBroken):
        list(chunks)


def test_too_much_is_too_much(upstream: FakeUpstream, make_client: MakeClient) -> None:
    reply = send(upstream, make_client, Answer(steps=[b"x" * 1000, b"x" * 1000, STALL]))
    with pytest.raises(UpstreamBroken, match="1500"):
        reply.read(1500)
    assert upstream.requests[0].wait_closed(1)


# Letting go


def test_an_answer_that_is_not_read_loses_its_connection(upstream: FakeUpstream, make_client: MakeClient) -> None:
    reply = send(upstream, make_client, Answer(steps=[b"one", STALL]))
    assert next(reply.chunks()) == b"one"
    assert not upstream.requests[0].wait_closed(0.02)
    reply.close()
    reply.close()
    assert upstream.requests[0].wait_closed(1)


def test_an_exception_from_outside_closes_the_connection_and_stays_what_it_is() -> None:
    """As gevent throws a client's leaving into the greenlet that reads."""

    class Left(BaseException):
        pass

    for read in (lambda reply: reply.read(MAX), lambda reply: list(reply.chunks()), lambda reply: reply.drain_or_close()):
        body = ScriptedBody([Left()])
        with pytest.raises(Left):
            read(UpstreamReply(200, {}, body, Timeouts()))
        assert body.closed == 1


def test_an_answer_that_told_everything_keeps_its_connection(upstream: FakeUpstream, make_client: MakeClient) -> None:
    upstream.on("/chat/completions", Answer(steps=sse({"a": 1})))
    client = make_client()
    for _ in range(3):
        reply = client.send(CHAT)
        assert _until_done(reply.chunks()) == b"".join(sse({"a": 1}))
        assert upstream.wait_until_idle()
        reply.drain_or_close()
    assert upstream.connections == 1


@pytest.mark.parametrize("steps", [[STALL], [b"x" * 65536, b"x" * 65536, STALL], [0.01, b"more"] * 50])
def test_an_answer_that_goes_on_is_closed(upstream: FakeUpstream, make_client: MakeClient, steps: list[object]) -> None:
    reply = send(upstream, make_client, Answer(steps=[*sse({"a": 1}), *steps]))  # type: ignore[list-item]
    _until_done(reply.chunks())
    reply.drain_or_close()
    reply.drain_or_close()
    assert upstream.requests[0].wait_closed(1)


def test_bytes_after_the_end_spoil_the_connection(upstream: FakeUpstream, make_client: MakeClient) -> None:
    upstream.on("/chat/completions", Answer(steps=[Raw(b"2\r\nok\r\n0\r\n\r\nHTTP/1.1 200 surplus\r\n\r\n")]), json_answer({"fresh": 1}))
    client = make_client()
    assert client.send(CHAT).read(MAX) == b"ok"
    assert client.send(CHAT).read(MAX) == b'{"fresh": 1}'
    assert upstream.connections == 2


# `responses` stands in the place of HTTPAdapter.send, which the fast transport does not use.
OTHERS = pytest.mark.parametrize("transport", ["urllib3"], indirect=True)


@OTHERS
@responses.activate
def test_answers_of_other_adapters_can_be_read(make_client: MakeClient) -> None:
    responses.post("http://upstream.example/v1/chat/completions", json={"ok": True}, headers={"X-A": "1"})
    client = make_client(base_url="http://upstream.example/v1")
    whole, streamed = client.send(CHAT), client.send(CHAT)
    assert (whole.status, whole.headers["x-a"], whole.read(MAX)) == (200, "1", b'{"ok": true}')
    assert b"".join(streamed.chunks()) == b'{"ok": true}'
    client.send(CHAT).drain_or_close()


@OTHERS
@responses.activate
def test_a_broken_answer_of_another_adapter_is_told(make_client: MakeClient) -> None:
    responses.post(
        "http://upstream.example/v1/chat/completions", body=b"zz", headers={"Content-Encoding": "gzip"}, auto_calculate_content_length=False
    )
    with pytest.raises(UpstreamBroken):
        make_client(base_url="http://upstream.example/v1").send(CHAT).read(MAX)


def _until_done(chunks: Iterator[bytes]) -> bytes:
    seen = b""
    for chunk in chunks:
        seen += chunk
        if b"[DONE]\n\n" in seen:
            break
    return seen


class EndedBody:
    """A body that is complete: its connection is back in the pool, and nothing may touch it."""

    ended = True
    reusable = True

    def __init__(self) -> None:
        self.touched = False

    def wait_at_most(self, seconds: float, *, many_reads: bool = False) -> None:
        self.touched = True

    def receive(self) -> bytes:
        raise AssertionError("an ended body was read")

    def close(self) -> None:
        self.touched = True


def test_ended_answer_is_let_go_without_touching_its_connection() -> None:
    body = EndedBody()
    UpstreamReply(200, {}, body, Timeouts()).drain_or_close()
    assert not body.touched
