"""The keys of an upstream in the configuration file: what each may be, its default, and a line for the documentation. Data, no logic.

A key with a setting of the same meaning has that setting's value as its default. `timeouts.connect` of the upstream `boxes` is
`upstreams.boxes.timeouts.connect` in the file and UPSTREAM_BOXES_TIMEOUTS_CONNECT in the environment.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final, Literal

from proxy import setting_types as kinds
from proxy import upstream_types as upstream_kinds
from proxy.profiles import PROFILES
from proxy.setting_types import Field

UPSTREAM_DIALECTS: Final = ("openai", "anthropic", "gemini", "ollama")
"""Those that the house can ask. The registry knows them too, but it imports Flask, which the gunicorn master must not."""

POLICIES: Final = ("least_in_flight", "weighted_round_robin", "prefix_affinity")


@dataclass(frozen=True, slots=True)
class Key:
    """What there is to know of one key.

    Attributes:
        path: its name below the upstream's, with a dot where it lies in a table of its own.
        kind: reads a value, or says what it must be.
        default: what holds when neither the key nor its setting says anything.
        setting: the setting, by its field, whose value is the default; `""` for keys of which there is no setting.
        is_opposite: whether the key is true where the setting is false.
        is_secret: whether its value is shown to nobody.
        shape: whether it is one value, a list, a table with names of the operator's, or a list of tables.
    """

    path: str
    kind: Field
    description: str
    default: Any = None
    setting: str = ""
    is_opposite: bool = False
    is_secret: bool = False
    shape: Literal["value", "list", "table", "tables"] = "value"

    @property
    def variable(self) -> str:
        """The end of its variable's name, `UPSTREAM_<NAME>_...`; `""` for what one variable cannot hold."""
        return "" if self.shape in {"table", "tables"} else self.path.upper().replace(".", "_")


def _inherited(path: str, kind: Field, setting: str, description: str, **more: Any) -> Key:
    return Key(path, kind, description, setting=setting, **more)


def _list(path: str, each: Field, description: str, default: tuple[str, ...] = (), **more: Any) -> Key:
    return Key(path, upstream_kinds.several(each), description, default, shape="list", **more)


_NAMES_BY_NAMES = 'must be a table of names and names, such as {"llama3" = "meta-llama/Llama-3.3-70B-Instruct"}'

KEYS: Final[tuple[Key, ...]] = (
    Key(
        "dialect",
        kinds.one_of(*UPSTREAM_DIALECTS),
        f"The API that the upstream speaks: {', '.join(UPSTREAM_DIALECTS[:-1])} or {UPSTREAM_DIALECTS[-1]}.",
        UPSTREAM_DIALECTS[0],
    ),
    _list(
        "base_url",
        upstream_kinds.base_url(),
        "Where it is: for the dialect openai up to and including /v1, for the others without a version. "
        "Several in a list are replicas: servers that have the same models.",
    ),
    Key(
        "replicas",
        upstream_kinds.replicas(),
        "The same as a list of tables, for replicas with weights of their own.",
        default=(),
        shape="tables",
    ),
    _list("api_key", kinds.secret(), "The key that it asks for. Several in a list take turns.", is_secret=True),
    _list("key_env", upstream_kinds.word(), "The variable that holds the key; a list for several."),
    _list("key_file", upstream_kinds.word(), "The file that holds the key, such as a Docker or Kubernetes secret; a list for several."),
    Key(
        "pass_client_key",
        kinds.flag(),
        "true sends on the key that the client came with. The upstream's own is for clients without one, and for lists of models; "
        "if it has none, each client sees the list that its own key shows.",
        default=False,
    ),
    Key(
        "headers",
        upstream_kinds.headers(),
        "Headers that every request to it has besides.",
        default={},
        is_secret=True,
        shape="table",
    ),
    _list("models.show", upstream_kinds.word(), "Globs of its models that clients may see and use; without any, they may all."),
    _list("models.hide", upstream_kinds.word(), "Globs of those among them that they may not."),
    Key(
        "aliases",
        upstream_kinds.table_of(upstream_kinds.word(), _NAMES_BY_NAMES, upstream_kinds.check_model_name),
        "Names that clients may use -> its models.",
        default={},
        shape="table",
    ),
    Key(
        "priority",
        kinds.whole_number(-1000, 1000),
        "Of upstreams that have the same model, its plain name leads to the one with the highest priority; among equals, to the first.",
        0,
    ),
    Key("weight", upstream_kinds.share(), "The weight of its replicas, where they have none of their own.", 1.0),
    Key("policy", kinds.one_of(*POLICIES), f"How a replica is chosen: {', '.join(POLICIES[:-1])} or {POLICIES[-1]}.", POLICIES[0]),
    Key("limits.in_flight", kinds.whole_number(0), "How many requests a replica works on at a time; 0 sets no limit.", 0),
    Key("limits.queue", kinds.whole_number(0), "How many more may wait for their turn.", 100),
    Key("limits.queue_wait", kinds.seconds(may_be_zero=True), "Longest wait for it, in seconds.", 10.0),
    _inherited("timeouts.connect", kinds.seconds(), "connect_timeout", "Longest wait for a connection, in seconds."),
    _inherited("timeouts.first_byte", kinds.seconds(), "first_byte_timeout", "Longest wait for the first byte of an answer."),
    _inherited("timeouts.idle", kinds.seconds(), "request_timeout", "Longest silence once an answer has begun."),
    Key(
        "timeouts.total",
        kinds.seconds(may_be_zero=True),
        "Longest time from a request, its wait for a free replica included, to the end of its answer; 0 sets no limit.",
        0.0,
    ),
    Key(
        "timeouts.commit",
        kinds.seconds(may_be_zero=True),
        "Seconds of silence after which a stream's client gets its headers, and signs of life from then on. Until then another status, "
        "and another upstream, are possible. 0 waits for the answer.",
        10.0,
    ),
    _inherited("timeouts.health_check", kinds.seconds(), "health_check_timeout", "Longest wait for the list of models."),
    _inherited("max_retries", kinds.whole_number(0, 20), "max_retries", "How often a failed request is tried again."),
    _inherited(
        "retry_after_max", kinds.seconds(may_be_zero=True), "retry_after_max", "A Retry-After of more seconds than this is not waited for."
    ),
    _inherited(
        "retry_sent",
        kinds.flag(),
        "retry_sent",
        "Whether a request that went out is sent to another replica, or to a fallback, when no answer came.",
    ),
    _inherited(
        "retry_budget",
        kinds.whole_number(0, 100),
        "retry_budget",
        "How many requests of each hundred may be sent again; ten in ten seconds always may. Each worker counts for itself.",
    ),
    _inherited("breaker_failures", kinds.whole_number(1), "breaker_failures", "So many failures in a row open a circuit breaker."),
    _inherited("breaker_cooldown", kinds.seconds(), "breaker_cooldown", "Seconds that an open breaker waits before it tries again."),
    _inherited(
        "health_check_interval",
        kinds.interval(),
        "health_check_interval",
        "Seconds between two looks at each replica; 0 looks at none. Where there is one replica only, it is looked at if this key is set.",
    ),
    _inherited(
        "model_list_ttl",
        kinds.seconds(may_be_zero=True),
        "model_list_ttl",
        "Seconds after which the list of models is asked for again.",
    ),
    _inherited(
        "tls.ca_bundle",
        upstream_kinds.or_empty(kinds.certificate_file()),
        "upstream_ca_bundle",
        "PEM file of the authorities that its certificate is checked against.",
    ),
    Key("tls.client_cert", upstream_kinds.or_empty(upstream_kinds.word()), "PEM file of the certificate that is shown to it.", ""),
    Key(
        "tls.client_key",
        upstream_kinds.or_empty(upstream_kinds.word()),
        "PEM file of that certificate's private key, unless the same file holds both.",
        "",
    ),
    _inherited(
        "tls.verify",
        kinds.flag(),
        "disable_ssl_verification",
        "false accepts any certificate: for tests only.",
        is_opposite=True,
    ),
    _inherited(
        "proxy",
        upstream_kinds.or_empty(kinds.http_url(example="http://proxy.example:3128", may_hold_credentials=True)),
        "upstream_proxy",
        "An HTTP proxy on the way to it.",
        is_secret=True,
    ),
    _inherited("profile", kinds.one_of("auto", *PROFILES), "upstream_profile", "What kind of server it is; `auto` tells by itself."),
    _list("preload", upstream_kinds.word(), "Models that are loaded when the gateway starts."),
    Key(
        "ping_interval",
        kinds.seconds(may_be_zero=True),
        "Seconds after which the preloaded models are touched again, so that the server keeps them; 0 touches none.",
        0.0,
    ),
)

KEY_BY_PATH: Final = {key.path: key for key in KEYS}
KEY_BY_VARIABLE: Final = {key.variable: key for key in KEYS if key.variable}
TABLES: Final = frozenset(key.path.partition(".")[0] for key in KEYS if "." in key.path)

ONE_OF_EACH: Final = (frozenset({"base_url", "replicas"}), frozenset({"api_key", "key_env", "key_file"}))
"""Ways to say the same thing: a source that uses one of them says nothing less than a source below it that used another."""
