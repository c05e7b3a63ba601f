"""A stand-in for a contender of the benchmark, which may lie: `python -m tests.stand_in <port>`.

It hands on to `TARGET`, or has the canned answers itself when there is none. Its first `RIGHT` answers are right; to all later ones it does
what `FAULT` says: `drop` and `double` a token, `swap` two of them, lose the `picture`, say another `text`.
"""

from __future__ import annotations

import http.client
import itertools
import os
import re
import sys
from collections.abc import Iterable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

from benchmarks.upstreams import canned

_TARGET, _FAULT, _RIGHT = os.environ.get("TARGET", ""), os.environ.get("FAULT", ""), int(os.environ.get("RIGHT", "0"))
_asked = itertools.count()


class StandIn(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self._answer("text/plain", [b"ready"])

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        fault = _FAULT if next(_asked) >= _RIGHT else ""
        if fault == "picture":
            body = body.replace(b"base64,iVBOR", b"base64,AAAAA")
        for content_type, records in told(self.path, body):
            self._answer(content_type, mutated(records, fault))

    def log_message(self, *args: object) -> None:
        """Nothing."""

    def _answer(self, content_type: str, pieces: Iterable[bytes]) -> None:
        self.send_response(200)
        self.send_header("Content-Type", content_type)
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        for piece in pieces:
            self.wfile.write(b"%x\r\n%b\r\n" % (len(piece), piece))
        self.wfile.write(b"0\r\n\r\n")


def told(path: str, body: bytes) -> Iterator[tuple[str, Iterable[bytes]]]:
    """Content type and records of what the upstream says."""
    if not _TARGET:
        chat, _ = canned.places()[path.split("/")[1]]
        yield "application/json", canned.answers()[chat].splitlines(keepends=True)
        return
    place = urlsplit(_TARGET)
    upstream = http.client.HTTPConnection(place.netloc, timeout=20)
    upstream.request("POST", place.path + path.removeprefix("/v1"), body)
    answer = upstream.getresponse()
    yield answer.headers["Content-Type"], iter(answer.readline, b"")
    upstream.close()


def mutated(records: Iterable[bytes], fault: str) -> Iterator[bytes]:
    """The records, with the fault at the second token."""
    kept = b""
    for record in records:
        second = re.search(rb"@\d+\.1\.| word001|sky is blue", record)
        if kept and record.strip():
            yield record + b"\n" + kept
            kept = b""
        elif kept or second is None or fault in ("", "picture"):
            yield record
        elif fault == "double":
            yield record * 2
        elif fault == "swap":
            kept = record
        elif fault == "text":
            yield record.replace(b"blue", b"green")


if __name__ == "__main__":
    ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), StandIn).serve_forever()
