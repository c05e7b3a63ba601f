"""The metrics of one process: filled once per exchange, shown as the sum of all workers.

prometheus_client adds the workers up through files in the folder `PROMETHEUS_MULTIPROC_DIR`, which must be set before it is imported
(gunicorn's configuration does). Two objects for one metric would overwrite each other there, so all mounts of a process share one set.
"""

from __future__ import annotations

import time
from functools import cache, partial
from typing import Generic, Literal, TypeVar

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.exposition import choose_encoder
from prometheus_client.metrics import MetricWrapperBase
from prometheus_flask_exporter import PrometheusMetrics

from proxy import telemetry
from proxy.telemetry import OTHER, AskedUpstream, ExchangeNotes, Metric
from proxy.upstream.breaker import BreakerState
from proxy.upstream.waiter import WaitEnd
from proxy.web.processes import ProcessFigures

_DURATION_BUCKETS_S = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600)
_FIRST_BYTE_BUCKETS_S = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300)
_QUEUE_WAIT_BUCKETS_S = (0.001, 0.01, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)
_BREAKER_STATES = {"closed": 0, "half-open": 1, "open": 2}

M = TypeVar("M", bound=MetricWrapperBase)


class _Children(dict[tuple[str, ...], M], Generic[M]):
    """Label values -> the metric's child for them. `labels()` takes four times as long as this look-up."""

    def __init__(self, parent: M) -> None:
        super().__init__()
        self._parent = parent

    def __missing__(self, values: tuple[str, ...]) -> M:
        child: M = self._parent.labels(*values)
        self[values] = child
        return child


class Metrics:
    """What is counted. `registry` holds the metrics of a process that is alone; several workers meet in the library's folder instead."""

    def __init__(self, registry: CollectorRegistry) -> None:
        def counter(metric: Metric) -> _Children[Counter]:
            return _Children(Counter(metric.name, metric.help, metric.labels, registry=registry))

        def histogram(metric: Metric, buckets: tuple[float, ...]) -> _Children[Histogram]:
            return _Children(Histogram(metric.name, metric.help, metric.labels, registry=registry, buckets=buckets))

        def gauge(metric: Metric, mode: Literal["livesum", "livemax", "livemin", "livemostrecent"]) -> Gauge:
            return Gauge(metric.name, metric.help, metric.labels, registry=registry, multiprocess_mode=mode)

        self._requests = counter(telemetry.REQUESTS)
        self._errors = counter(telemetry.ERRORS)
        self._stream_ends = counter(telemetry.STREAM_ENDS)
        self._tokens = counter(telemetry.TOKENS)
        self._failures = counter(telemetry.UPSTREAM_FAILURES)
        self._retries = counter(telemetry.UPSTREAM_RETRIES)
        self._repairs = counter(telemetry.UPSTREAM_REPAIRS)
        self._duration = histogram(telemetry.DURATION, _DURATION_BUCKETS_S)
        self._first_byte = histogram(telemetry.FIRST_BYTE, _FIRST_BYTE_BUCKETS_S)
        self._in_flight = gauge(telemetry.IN_FLIGHT, "livesum")
        self._breaker_state = _Children(gauge(telemetry.BREAKER_STATE, "livemax"))
        self._unlisted_breakers: dict[tuple[str, str, str], int] = {}
        self._replica_up = _Children(gauge(telemetry.REPLICA_UP, "livemin"))
        self._queue_depth = _Children(gauge(telemetry.QUEUE_DEPTH, "livesum"))
        self._queue_wait = histogram(telemetry.QUEUE_WAIT, _QUEUE_WAIT_BUCKETS_S)
        self._fallbacks = counter(telemetry.FALLBACKS)
        self._list_age = _Children(gauge(telemetry.MODEL_LIST_AGE, "livemostrecent"))
        self._list_stale = _Children(gauge(telemetry.MODEL_LIST_STALE, "livemax"))
        # Made with its first value: a gauge without labels would say 0 from the start.
        self._sharing_up = cache(partial(gauge, telemetry.SHARED_STATE_UP, "livemin"))
        self._lists_fetched_s: dict[str, float] = {}
        self._exporter = PrometheusMetrics(app=None, path=None, export_defaults=False, registry=registry)
        self._processes = CollectorRegistry()
        self._processes.register(ProcessFigures())

    def request_began(self) -> None:
        """One more answer is under way; each call must be followed by one of `request_ended`."""
        self._in_flight.inc()

    def request_ended(self, notes: ExchangeNotes, *, route: str, method: str, status: str, duration_s: float, streamed: bool) -> None:
        """Counts an exchange, once, when its answer is complete. All texts but those in `notes` must come from bounded sets."""
        self._in_flight.dec()
        self._requests[route, method, status].inc()
        self._duration[(route,)].observe(duration_s)
        if notes.error_kind:
            self._errors[(notes.error_kind,)].inc()
        if streamed:
            self._stream_ends[notes.endpoint or OTHER, notes.end or "client_gone"].inc()
        if notes.upstream:
            self._count_upstream(notes)

    def _count_upstream(self, notes: ExchangeNotes) -> None:
        upstream, model = notes.upstream, notes.upstream_model if notes.known_model else OTHER
        if notes.first_byte_s is not None:
            self._first_byte[upstream, model].observe(notes.first_byte_s)
        if notes.prompt_tokens:
            self._tokens[upstream, model, "prompt"].inc(notes.prompt_tokens)
        if notes.completion_tokens:
            self._tokens[upstream, model, "completion"].inc(notes.completion_tokens)
        for earlier in notes.earlier:
            self._fallbacks[(earlier.upstream,)].inc()
            self._count_attempts(earlier)
        self._count_attempts(notes)

    def _count_attempts(self, asked: ExchangeNotes | AskedUpstream) -> None:
        for kind in asked.failures:
            self._failures[asked.upstream, kind].inc()
        if asked.repairs:
            self._repairs[(asked.upstream,)].inc(asked.repairs)
        retries = asked.attempts - asked.calls - asked.repairs
        if retries > 0:
            self._retries[(asked.upstream,)].inc(retries)

    def breaker_changed(self, upstream: str, replica: str, model: str, state: BreakerState, is_listed: bool = True) -> None:
        """Notes the state of a breaker of this process. `model` is `""` for the replica as a whole.

        Upstreams fail for names that nobody lists, too: those share the label `other`, which shows the worst of their states.
        """
        value, unlisted = _BREAKER_STATES[state], self._unlisted_breakers
        # A list may change while a breaker is open: it closes under the label under which it was opened.
        if (upstream, replica, model) in unlisted or not (is_listed or (upstream, replica, model) in self._breaker_state):
            unlisted[upstream, replica, model] = value
            if not value:
                del unlisted[upstream, replica, model]
            value = max((state for (*of, _), state in unlisted.items() if of == [upstream, replica]), default=0)
            model = OTHER
        self._breaker_state[upstream, replica, model].set(value)

    def looked_at(self, upstream: str, replica: str, is_well: bool) -> None:
        """Notes what a look at a replica found. See `proxy.upstream.watch`."""
        self._replica_up[upstream, replica].set(is_well)

    def queue_changed(self, upstream: str, depth: int) -> None:
        """Notes how many requests wait in this process for a replica."""
        self._queue_depth[(upstream,)].set(depth)

    def waited(self, upstream: str, end: WaitEnd, seconds: float) -> None:
        """Counts a wait for a replica."""
        self._queue_wait[upstream, end].observe(seconds)

    def sharing_changed(self, is_up: bool) -> None:
        """Notes whether Redis answers this process."""
        self._sharing_up().set(is_up)

    def list_fetched(self, upstream: str, is_there: bool) -> None:
        """Notes whether a list of models could be fetched."""
        self._list_stale[(upstream,)].set(not is_there)
        if is_there:
            self._lists_fetched_s[upstream] = time.monotonic()

    def exposition(self, accept: str) -> tuple[str, str]:
        """All metrics of all workers as text, and its content type, in the best format that the header `Accept` takes."""
        for upstream, fetched_s in self._lists_fetched_s.copy().items():
            self._list_age[(upstream,)].set(time.monotonic() - fetched_s)
        text, content_type = self._exporter.generate_metrics(accept)
        encode, _ = choose_encoder(accept)
        # OpenMetrics ends with a mark; what is read from the processes now comes before it.
        return text.removesuffix("# EOF\n") + encode(self._processes).decode(), content_type


@cache
def make_metrics() -> Metrics:
    """The metrics of this process: the same ones for every caller."""
    return Metrics(CollectorRegistry())
