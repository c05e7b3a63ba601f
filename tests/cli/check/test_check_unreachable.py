"""Why there is no connection: `check` tells a wrong port, a wrong name, a firewall and a proxy from each other."""

from __future__ import annotations

import socket

from tests.cli.check.checked import Check
from tests.fake_upstream import CUT, Answer, FakeUpstream


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


def test_a_server_behind_a_proxy_that_is_not_there_is_told(check: Check, upstream: FakeUpstream) -> None:
    status, rows, output = check(upstream.base_url, UPSTREAM_PROXY="http://u:hunter2@127.0.0.1:9")
    assert status == 1
    assert rows["reachable"] == ("failed", "no answer through the proxy")
    assert "hunter2" not in output
