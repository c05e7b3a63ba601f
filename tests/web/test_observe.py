from __future__ import annotations

import logging
from collections.abc import Iterator
from typing import Any, cast

import pytest
from flask import Blueprint, Flask, Response, abort
from flask.testing import FlaskClient
from prometheus_client import CollectorRegistry

from proxy.gateway import Gateway
from proxy.settings import Settings
from proxy.web.metrics import Metrics
from proxy.web.mounting import attach_mount
from proxy.web.observe import Observation, observation, stream_closed
from proxy.web.state import MountState

_STANDARD = frozenset(logging.makeLogRecord({}).__dict__) | {"message", "asctime", "taskName"}


@pytest.fixture(autouse=True)
def listening(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "proxy.access")


def lines(caplog: pytest.LogCaptureFixture) -> list[dict[str, Any]]:
    """The access log: message, level and extras of each line."""
    return [
        {"message": record.getMessage(), "level": record.levelname}
        | {name: value for name, value in vars(record).items() if name not in _STANDARD}
        for record in caplog.records
        if record.name == "proxy.access"
    ]


def a_mount(metrics: Metrics | None) -> MountState:
    return MountState(Settings(), cast(Gateway, None), metrics)


def an_app(metrics: Metrics | None = None) -> Flask:
    app = Flask(__name__, static_folder=None)
    blueprint = Blueprint("ours", __name__, url_prefix="/ours")
    attach_mount(blueprint, a_mount(metrics))

    @blueprint.post("/whole")
    def whole() -> Response:
        notes = observation().notes
        notes.endpoint, notes.model, notes.upstream, notes.upstream_model = "ollama.chat", "llama3", "openai", "gpt-x"
        notes.attempts, notes.prompt_tokens, notes.completion_tokens, notes.end = 2, 7, 0, "finished"
        return Response(b"{}", content_type="application/json")

    @blueprint.get("/stream/<end>")
    def stream(end: str) -> Response:
        seen = observation()
        seen.notes.endpoint = "ollama.generate"

        def chunks() -> Iterator[bytes]:
            seen.notes.first_byte_s = 0.25
            yield b"one"
            seen.stream_begun()
            seen.notes.bytes_sent = 6
            yield b"two"
            seen.notes.end = end  # type: ignore[assignment]

        return Response(chunks(), content_type="application/x-ndjson")

    @blueprint.get("/refused")
    def refused() -> Response:
        observation().notes.error_kind = "upstream_timeout"
        observation().notes.error_message = "the upstream was silent"
        return Response(b"no", 504)

    @blueprint.get("/broken")
    def broken() -> Response:
        raise ZeroDivisionError

    app.register_blueprint(blueprint)

    @app.get("/hosts-own")
    def hosts_own() -> str:
        return "host"

    return app


@pytest.fixture
def client() -> FlaskClient:
    return an_app().test_client()


def test_request_when_answered_writes_one_line(client: FlaskClient, caplog: pytest.LogCaptureFixture) -> None:
    client.post("/ours/whole?key=private", buffered=True, headers={"X-Request-ID": "abc"})

    (line,) = lines(caplog)
    assert line.pop("duration_ms") >= 0
    assert line == {
        "message": "POST /ours/whole 200",
        "level": "INFO",
        "method": "POST",
        "path": "/ours/whole",
        "status": 200,
        "request_id": "abc",
        "remote": "127.0.0.1",
        "endpoint": "ollama.chat",
        "model": "llama3",
        "upstream": "openai",
        "upstream_model": "gpt-x",
        "attempts": 2,
        "repairs": 0,
        "bytes": 2,
        "prompt_tokens": 7,
        "completion_tokens": 0,
        "end": "finished",
    }


def test_line_when_the_level_is_higher_is_not_written(client: FlaskClient, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING, "proxy.access")
    client.post("/ours/whole", buffered=True)

    assert lines(caplog) == []


def test_failure_when_told_is_a_warning(client: FlaskClient, caplog: pytest.LogCaptureFixture) -> None:
    client.get("/ours/refused", buffered=True)

    (line,) = lines(caplog)
    assert (line["level"], line["status"]) == ("WARNING", 504)
    assert (line["error_kind"], line["error"]) == ("upstream_timeout", "the upstream was silent")


def test_stream_when_it_has_begun_writes_its_first_line(client: FlaskClient, caplog: pytest.LogCaptureFixture) -> None:
    response = client.get("/ours/stream/finished")
    chunks = response.iter_encoded()
    assert next(chunks) == b"one"
    assert lines(caplog) == [], "no line stands in the way of the first byte"
    assert next(chunks) == b"two"

    (line,) = lines(caplog)
    assert line["message"] == "GET /ours/stream/finished 200"
    assert line["endpoint"] == "ollama.generate"
    assert line.keys().isdisjoint(("end", "bytes_sent", "error"))
    response.close()


def test_stream_when_closed_writes_its_second_line(client: FlaskClient, caplog: pytest.LogCaptureFixture) -> None:
    client.get("/ours/stream/finished", buffered=True)

    first, second = lines(caplog)
    assert first["request_id"] == second["request_id"]
    assert second["message"] == "stream finished"
    assert (second["first_byte_ms"], second["bytes"], second["end"], second["level"]) == (250.0, 6, "finished", "INFO")
    assert second["duration_ms"] >= first["duration_ms"]


@pytest.mark.parametrize("end", ["failed", "truncated"])
def test_stream_when_it_ends_badly_is_a_warning(client: FlaskClient, caplog: pytest.LogCaptureFixture, end: str) -> None:
    client.get(f"/ours/stream/{end}", buffered=True)

    assert [line["level"] for line in lines(caplog)] == ["INFO", "WARNING"]


def test_stream_when_it_is_closed_by_hand_as_well_is_counted_once(caplog: pytest.LogCaptureFixture) -> None:
    registry = CollectorRegistry()
    app = an_app(Metrics(registry))
    with app.test_request_context("/ours/stream/finished"):
        app.preprocess_request()
        response = app.process_response(Response(iter([b"one"])))
        stream_closed(observation())
    response.close()

    assert [line["message"] for line in lines(caplog)] == ["GET /ours/stream/finished 200", "stream client_gone"]
    assert registry.get_sample_value("ollama_proxy_requests_in_flight") == 0


def test_stream_when_nobody_reads_it_writes_both_lines(client: FlaskClient, caplog: pytest.LogCaptureFixture) -> None:
    response = client.get("/ours/stream/finished")
    response.close()
    response.close()

    assert [line["message"] for line in lines(caplog)] == ["GET /ours/stream/finished 200", "stream client_gone"]


@pytest.mark.parametrize("given", ["abc", "a" * 128, "3fa85f64-5717-4562-b3fc-2c963f66afa6", "Ü".encode("latin-1").decode("latin-1")])
def test_request_id_when_sane_is_returned(client: FlaskClient, given: str) -> None:
    returned = client.post("/ours/whole", headers={"X-Request-ID": given}).headers["X-Request-ID"]

    assert (returned == given) is given.isascii()


@pytest.mark.parametrize("given", ["", "a" * 129, "two words", "tab\tbed", "né"])
def test_request_id_when_insane_is_made(client: FlaskClient, given: str) -> None:
    returned = client.post("/ours/whole", headers={"X-Request-ID": given}).headers["X-Request-ID"]

    assert len(returned) == 32
    assert int(returned, 16) > 0


def test_request_ids_when_made_differ(client: FlaskClient) -> None:
    assert len({client.post("/ours/whole").headers["X-Request-ID"] for _ in range(20)}) == 20


def test_host_routes_when_mounted_are_not_observed(client: FlaskClient, caplog: pytest.LogCaptureFixture) -> None:
    response = client.get("/hosts-own", buffered=True)

    assert "X-Request-ID" not in response.headers
    assert client.get("/unknown", buffered=True).status_code == 404
    assert lines(caplog) == []


def test_exception_when_it_becomes_an_answer_is_one_500(client: FlaskClient, caplog: pytest.LogCaptureFixture) -> None:
    response = client.get("/ours/broken", buffered=True)

    assert response.status_code == 500
    assert [line["status"] for line in lines(caplog)] == [500]
    assert lines(caplog)[0]["request_id"] == response.headers["X-Request-ID"]


def test_exception_when_it_goes_past_flask_is_one_500(caplog: pytest.LogCaptureFixture) -> None:
    registry = CollectorRegistry()
    app = an_app(Metrics(registry))
    app.testing = True
    with pytest.raises(ZeroDivisionError):
        app.test_client().get("/ours/broken")

    assert [line["status"] for line in lines(caplog)] == [500]
    assert registry.get_sample_value("ollama_proxy_requests_in_flight") == 0


def test_unknown_url_when_the_app_is_ours_is_observed_once(caplog: pytest.LogCaptureFixture) -> None:
    registry = CollectorRegistry()
    metrics = Metrics(registry)
    app = an_app(metrics)
    attach_mount(app, a_mount(metrics))
    client = app.test_client()

    assert "X-Request-ID" in client.get("/nope", buffered=True).headers
    client.post("/ours/whole", buffered=True)

    assert [line["message"] for line in lines(caplog)] == ["GET /nope 404", "POST /ours/whole 200"]
    labels = {"method": "GET", "route": "other", "status": "404"}
    assert registry.get_sample_value("ollama_proxy_requests_total", labels) == 1
    assert registry.get_sample_value("ollama_proxy_requests_in_flight") == 0


@pytest.mark.parametrize("method", ["GET", "BREW"])
def test_metrics_when_a_method_is_unknown_call_it_other(method: str) -> None:
    registry = CollectorRegistry()
    app = Flask(__name__, static_folder=None)
    attach_mount(app, a_mount(Metrics(registry)))
    app.test_client().open("/", method=method, buffered=True)

    labels = {"method": "GET" if method == "GET" else "other", "route": "other", "status": "404"}
    assert registry.get_sample_value("ollama_proxy_requests_total", labels) == 1


def test_metrics_when_a_stream_is_open_say_so() -> None:
    registry = CollectorRegistry()
    response = an_app(Metrics(registry)).test_client().get("/ours/stream/finished")

    assert registry.get_sample_value("ollama_proxy_requests_in_flight") == 1
    labels = {"method": "GET", "route": "/ours/stream/<end>", "status": "200"}
    assert registry.get_sample_value("ollama_proxy_requests_total", labels) is None
    assert response.data == b"onetwo"
    response.close()
    assert registry.get_sample_value("ollama_proxy_requests_in_flight") == 0
    assert registry.get_sample_value("ollama_proxy_requests_total", labels) == 1
    assert registry.get_sample_value("ollama_proxy_stream_ends_total", {"endpoint": "ollama.generate", "end": "finished"}) == 1


def test_observation_when_a_hook_of_the_host_failed_first_is_there() -> None:
    app = an_app()
    found: list[Observation] = []
    app.before_request(lambda: abort(401))
    app.register_error_handler(401, lambda error: (found.append(observation()), ("no", 401))[1])
    response = app.test_client().post("/ours/whole")

    assert response.headers["X-Request-ID"] == found[0].request_id
