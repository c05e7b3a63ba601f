"""What is noted of every exchange, and the names under which it is shown. One place for metric names and labels."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

# How an answer ended: by itself; by an error before or during the stream; because the client left; without the upstream's own end.
End = Literal["", "finished", "failed", "client_gone", "truncated"]


@dataclass(slots=True)
class AskedUpstream:
    """What happened at an upstream that was asked and did not serve, before another one was. The fields mean what they mean below."""

    upstream: str
    attempts: int
    repairs: int
    failures: list[str]
    calls: int = 1


@dataclass(slots=True)
class ExchangeNotes:
    """What happened in one exchange. Filled on the way by whoever knows; read once, when the response is closed.

    Attributes:
        request_id: by which the client, our log and the upstream know the exchange.
        endpoint: what was asked, for logs and metrics (`ollama.chat`, `openai.chat`).
        model: the name asked for; `known_model` says whether it may be a metric label (it is listed), else the label is `other`.
        replica: the one that was asked last, of upstreams that have several.
        journey: what the upstream's client remembers of the exchange from one attempt to the next; nobody else looks at it.
        first_byte_s: seconds from the request's arrival to the first byte of the answer's body.
        calls: how many answers the upstream was asked for.
        attempts: how often the upstream was asked; `repairs` says how many of these asked again with a body changed after a refusal.
        failures: the kind of error that each failed attempt met, in order, also when a later attempt went well.
        earlier: the upstreams that were asked before this one, in order.
    """

    request_id: str = ""
    endpoint: str = ""
    model: str = ""
    known_model: bool = False
    upstream: str = ""
    upstream_model: str = ""
    replica: str = ""
    stream: bool = False
    calls: int = 1
    attempts: int = 0
    repairs: int = 0
    first_byte_s: float | None = None
    bytes_sent: int = 0
    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    finish_reason: str = ""
    end: End = ""
    error_kind: str = ""
    error_message: str = ""
    failures: list[str] = field(default_factory=list)
    journey: Any = field(default=None, repr=False)
    earlier: list[AskedUpstream] = field(default_factory=list)

    def turn_away(self) -> None:
        """Closes what is noted of the upstream, which will not serve: what comes is about the next one."""
        self.earlier.append(AskedUpstream(self.upstream, self.attempts, self.repairs, self.failures, self.calls))
        self.calls, self.attempts, self.repairs = 1, 0, 0
        self.failures, self.replica, self.journey = [], "", None


@dataclass(frozen=True, slots=True)
class Metric:
    """One metric as it is shown: the name, with its unit, what it counts, and by which labels. Label values come from bounded sets."""

    name: str
    help: str
    labels: tuple[str, ...] = ()


# What a label says when its value is none of those that we know: a model that no upstream lists, a method or URL that we do not have.
OTHER = "other"

REQUESTS = Metric("ollama_proxy_requests_total", "Requests answered.", ("route", "method", "status"))
DURATION = Metric("ollama_proxy_request_duration_seconds", "From a request's arrival to the last byte of its answer.", ("route",))
IN_FLIGHT = Metric("ollama_proxy_requests_in_flight", "Requests whose answer is not complete.")
ERRORS = Metric("ollama_proxy_errors_total", "Errors told to clients, before or inside a stream.", ("kind",))
FIRST_BYTE = Metric(
    "ollama_proxy_time_to_first_byte_seconds", "From a request's arrival to the first byte of its streamed answer.", ("upstream", "model")
)
STREAM_ENDS = Metric("ollama_proxy_stream_ends_total", "Streamed answers, by how they ended.", ("endpoint", "end"))
TOKENS = Metric(
    "ollama_proxy_tokens_total",
    "Tokens as the upstream counted them; direction is prompt or completion.",
    ("upstream", "model", "direction"),
)
UPSTREAM_FAILURES = Metric("ollama_proxy_upstream_failures_total", "Attempts that failed at the upstream.", ("upstream", "kind"))
UPSTREAM_RETRIES = Metric("ollama_proxy_upstream_retries_total", "Attempts after the first, with the same body.", ("upstream",))
UPSTREAM_REPAIRS = Metric("ollama_proxy_upstream_repairs_total", "Attempts with a body changed after a refusal.", ("upstream",))
FALLBACKS = Metric(
    "ollama_proxy_fallbacks_total", "Requests that an upstream did not serve, so that the next of their chain was asked.", ("upstream",)
)
MODEL_LIST_AGE = Metric(
    "ollama_proxy_model_list_age_seconds", "Since the list of models was fetched, in the worker that answered this.", ("upstream",)
)
MODEL_LIST_STALE = Metric(
    "ollama_proxy_model_list_stale", "Whether the list of models could not be fetched anew, the worst of all workers.", ("upstream",)
)
BREAKER_STATE = Metric(
    "ollama_proxy_breaker_state",
    "Circuit breaker, the worst of all workers: 0 closed, 1 half-open, 2 open. An empty model means the whole replica.",
    ("upstream", "replica", "model"),
)
REPLICA_UP = Metric(
    "ollama_proxy_upstream_replica_up",
    "What the last look at a replica found, the worst of all workers: 1 it is well, 0 it is not. Replicas that nobody looks at have none.",
    ("upstream", "replica"),
)
QUEUE_DEPTH = Metric("ollama_proxy_upstream_queue_depth", "Requests that wait for a free replica.", ("upstream",))
QUEUE_WAIT = Metric(
    "ollama_proxy_upstream_queue_wait_seconds",
    "How long requests waited for a free replica; end is seated, refused (the queue was full), timed_out, displaced, failed or left.",
    ("upstream", "end"),
)
SHARED_STATE_UP = Metric(
    "ollama_proxy_shared_state_up", "Whether Redis answers, through which workers share what they know, the worst of all workers."
)
PROCESS_MEMORY = Metric("ollama_proxy_process_resident_memory_bytes", "Resident memory of a worker.", ("pid",))
PROCESS_CPU = Metric("ollama_proxy_process_cpu_seconds_total", "User and system CPU time of a worker.", ("pid",))
PROCESS_THREADS = Metric("ollama_proxy_process_threads", "Threads of a worker.", ("pid",))
PROCESS_FDS = Metric("ollama_proxy_process_open_fds", "Open file descriptors of a worker.", ("pid",))
BUILD = Metric("ollama_proxy_build_info", "Always 1; the labels say what is running.", ("version",))

METRICS = (
    REQUESTS,
    DURATION,
    IN_FLIGHT,
    ERRORS,
    FIRST_BYTE,
    STREAM_ENDS,
    TOKENS,
    UPSTREAM_FAILURES,
    UPSTREAM_RETRIES,
    UPSTREAM_REPAIRS,
    FALLBACKS,
    MODEL_LIST_AGE,
    MODEL_LIST_STALE,
    BREAKER_STATE,
    REPLICA_UP,
    QUEUE_DEPTH,
    QUEUE_WAIT,
    SHARED_STATE_UP,
    PROCESS_MEMORY,
    PROCESS_CPU,
    PROCESS_THREADS,
    PROCESS_FDS,
    BUILD,
)
