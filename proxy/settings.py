"""The settings, read once from the environment and `.env`, validated, and handed down. Nobody else reads a setting from the environment;
what others read there belongs to their libraries (`PROMETHEUS_MULTIPROC_DIR`, `GUNICORN_CMD_ARGS`).

Each field of `Settings` says in one place what it is: its default, what it may be, and a line for `config`, `.env.example` and the docs.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from dataclasses import Field, dataclass, field, fields
from functools import cache
from pathlib import Path
from typing import Any, Final, Literal, Self

from dotenv import dotenv_values
from marshmallow import EXCLUDE, Schema, ValidationError

from proxy import setting_types as kinds

Origin = Literal["default", "config", "file", "environment", "argument"]
"""Where a value comes from: nowhere, the TOML file that PROXY_CONFIG names, `.env`, the process's environment, or an argument."""

Source = tuple[Origin, Mapping[str, Any]]
"""Values by variable, and where they come from."""


IN_DOTENV: Final = "(it is set in the file .env)"
Transport = Literal["fast", "urllib3"]


class SettingsError(ValueError):
    """Settings that cannot be used. `problems` tells for each variable, by name, what it must be."""

    def __init__(self, problems: Mapping[str, str]) -> None:
        super().__init__("\n".join(f"{name} {problem}" for name, problem in problems.items()))
        self.problems = dict(problems)


@dataclass(frozen=True, slots=True)
class SettingDoc:
    """What there is to know of one setting. `default` is written as in the environment, unless it is told in words."""

    name: str
    default: str
    description: str
    secret: bool
    default_in_words: bool = False


def _workers_for_this_machine() -> int:
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return min(cores, 4)


def _setting(default: Any, kind: kinds.Field, description: str, *, secret: bool = False, default_in_words: str = "") -> Any:
    """A field of `Settings`: `kind` reads the variable's text; a callable `default` is asked when the settings are made."""
    how = {"default_factory": default} if callable(default) else {"default": default}
    about = {"kind": kind, "description": description, "secret": secret, "default_in_words": default_in_words}
    return field(repr=not secret, metadata=about, **how)


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything that an operator can decide. Field names are the variables' names in lower case; secrets are hidden in `repr`.

    `origins` tells where each field's value came from.
    """

    proxy_config: str = _setting(
        "", kinds.text(), "TOML file with upstreams, aliases and fallbacks, and with other settings if one likes; see proxy.example.toml."
    )
    openai_api_base_url: str = _setting(
        "",
        kinds.http_url(example="https://api.openai.com/v1", may_hold_query=True),
        "Where the OpenAI-compatible server is, up to and including /v1. Required by `serve`, unless other upstreams are configured.",
    )
    openai_api_key: str = _setting("", kinds.secret(), "The key that the server asks for; empty for servers without keys.", secret=True)
    proxy_host: str = _setting("0.0.0.0", kinds.host(), "The address to listen on. `demo` takes 127.0.0.1 unless told otherwise.")
    proxy_port: int = _setting(11434, kinds.whole_number(1, 65535), "The port to listen on; 11434 is Ollama's.")
    web_concurrency: int = _setting(
        _workers_for_this_machine, kinds.whole_number(1, 1024), "How many worker processes serve.", default_in_words="the cores, at most 4"
    )
    worker_connections: int = _setting(1000, kinds.whole_number(1), "How many clients one worker serves at a time.")
    graceful_timeout: int = _setting(
        30, kinds.whole_number(1, kinds.LONGEST_S), "Seconds that open streams get to finish after a stop signal."
    )
    drain_delay: float = _setting(
        1.0,
        kinds.seconds(may_be_zero=True),
        "Seconds after a stop signal during which /ready says 503 and everything is still served; load balancers need some to notice.",
    )
    forwarded_allow_ips: str = _setting(
        "127.0.0.1,::1", kinds.trusted_addresses(), "Comma list of reverse proxies whose X-Forwarded-* headers are believed."
    )
    log_level: str = _setting("INFO", kinds.one_of("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"), "The least level that is logged.")
    request_timeout: float = _setting(60.0, kinds.seconds(), "Longest silence of the upstream, in seconds, once its answer has begun.")
    first_byte_timeout: float = _setting(
        300.0, kinds.seconds(), "Longest wait for the first byte of an answer; models may have to load first."
    )
    connect_timeout: float = _setting(5.0, kinds.seconds(), "Longest wait for a connection to the upstream.")
    body_timeout: float = _setting(30.0, kinds.seconds(), "A request body that is not complete after so many seconds is answered with 408.")
    keepalive_interval: float = _setting(
        15.0,
        kinds.seconds(),
        "Seconds of silence after which a stream's client is sent a sign of life, once the upstream's answer has begun "
        "(its headers are there; its first words, where its own bytes are handed on), or the headers of ours were sent (timeouts.commit of "
        "the upstream); before that, status and error are still open. Progress of pull, push and create has none.",
    )
    max_retries: int = _setting(3, kinds.whole_number(0, 20), "How often a failed request is tried again after the first attempt.")
    retry_after_max: float = _setting(
        5.0,
        kinds.seconds(may_be_zero=True),
        "A Retry-After of more seconds than this goes to the client at once, instead of being waited for.",
    )
    retry_sent: bool = _setting(
        True,
        kinds.flag(),
        "Whether a request that went out is sent to another replica, or to a fallback, when no answer came, or none that can be read: "
        "the first may have begun to work on it.",
    )
    retry_budget: int = _setting(
        20,
        kinds.whole_number(0, 100),
        "How many requests of each hundred may be sent again, by what the last ten seconds brought; ten in that time always may. "
        "Each worker counts for itself, and for each upstream.",
    )
    breaker_failures: int = _setting(5, kinds.whole_number(1), "So many failures in a row open the circuit breaker.")
    breaker_cooldown: float = _setting(5.0, kinds.seconds(), "Seconds that an open breaker waits before it tries again.")
    debug: bool = _setting(False, kinds.flag(), "Adds DEBUG lines to the log. Never shows bodies or traces to clients.")
    default_upstream: str = _setting(
        "", kinds.text(), "The upstream for models that none lists; else the one called `default`, else the one with the highest priority."
    )
    model_mapping_file: str = _setting(
        "",
        kinds.json_object_file(of=str, wanted="a JSON object of strings"),
        "JSON file: name asked for -> upstream model. Exact names come first, then globs in the file's order.",
    )
    model_catalog_file: str = _setting(
        "",
        kinds.json_object_file(of=dict, wanted="a JSON object of objects"),
        "JSON file: model -> what is known of it (context_length, capabilities and so on), for /api/show and /api/tags.",
    )
    model_list_ttl: float = _setting(60.0, kinds.seconds(may_be_zero=True), "Seconds after which the list of models is asked for again.")
    default_model: str = _setting("", kinds.text(), "The model for requests that name none.")
    upstream_profile: str = _setting(
        "auto", kinds.text(), "What kind of server the upstream is; `auto` tells by its address and its answers."
    )
    upstream_proxy: str = _setting(
        "",
        kinds.http_url(example="http://proxy.example:3128", may_hold_credentials=True),
        "An HTTP proxy on the way to the upstream. HTTP_PROXY and HTTPS_PROXY are not read.",
        secret=True,
    )
    upstream_transport: Transport = _setting(
        "fast",
        kinds.one_of("fast", "urllib3"),
        "Who speaks HTTP to the upstream: `fast`; or `urllib3`, which is slower, should an upstream ever get on better with it.",
    )
    upstream_ca_bundle: str = _setting(
        "", kinds.certificate_file(), "PEM file of the authorities that the upstream's certificate is checked against."
    )
    disable_ssl_verification: bool = _setting(False, kinds.flag(), "true accepts any certificate of the upstream: for tests only.")
    enable_metrics: bool = _setting(True, kinds.flag(), "Whether /metrics answers.")
    cors_origins: tuple[str, ...] = _setting(
        ("*",), kinds.web_origins(), "Comma list of web origins that may call from a browser; * lets all."
    )
    allowed_hosts: tuple[str, ...] = _setting(
        (), kinds.host_names(), "Comma list of further Host names to accept while listening on loopback only."
    )
    request_max_size: int = _setting(
        10 * 1024 * 1024, kinds.whole_number(1), "The largest request body, in bytes; more is answered with 413."
    )
    health_check_timeout: float = _setting(
        30.0, kinds.seconds(), "Longest wait for the upstream's list of models, which says that it is there."
    )
    health_check_interval: float = _setting(
        1.0, kinds.interval(), "Seconds between two looks at each replica of an upstream that has several; 0 looks at none."
    )
    redis_url: str = _setting(
        "",
        kinds.redis_url(),
        "A Redis, through which all workers, on all machines, share what they know of upstreams: redis://, rediss:// or unix://. "
        "Empty: each worker knows for itself.",
        secret=True,
    )
    redis_prefix: str = _setting(
        "ollama-proxy", kinds.key_prefix(), "What all keys in that Redis begin with. Gateways with the same prefix share."
    )
    redis_timeout: float = _setting(0.1, kinds.seconds(), "Longest wait for that Redis; after it, each worker goes on by itself.")
    ollama_version: str = _setting("0.33.0", kinds.three_numbers(), "The version of Ollama that /api/version names.")
    origins: Mapping[str, Origin] = field(default_factory=dict, repr=False, compare=False)

    @classmethod
    def from_env(cls, environ: Mapping[str, str] | None = None, dotenv: Path | None = Path(".env"), **overrides: Any) -> Self:
        """The settings of `environ` (the process's own when `None`), and of the file `dotenv` where `environ` says nothing.

        An empty variable counts as unset. `overrides`, by field name, win over both and are validated like them. The file that PROXY_CONFIG
        names is not read: see `proxy.gateway_config.load_config`.

        Raises:
            SettingsError: lists every variable that is wrong by itself.
            TypeError: an override is no field.
        """
        settings, problems = cls.from_sources(variables_of(environ, dotenv, **overrides))
        if problems:
            raise SettingsError(problems)
        return settings

    @classmethod
    def from_sources(cls, sources: Iterable[Source]) -> tuple[Self, dict[str, str]]:
        """The settings that `sources` say, of which each wins over those before it, and what each wrong variable must be.

        A wrong value leaves the default behind.
        """
        given: dict[str, Any] = {}
        origins: dict[str, Origin] = {spec.name: "default" for spec in _specs()}
        for origin, values in sources:
            for spec in _specs():
                value = values.get(spec.name.upper())
                if value is not None and value != "":
                    given[spec.name.upper()] = value
                    origins[spec.name] = origin
        loaded, wrong = _load(given)
        settings = cls(**{name.lower(): value for name, value in loaded.items()}, origins=origins)
        return settings, settings.told_with_place(wrong)

    @staticmethod
    def describe() -> list[SettingDoc]:
        """What there is to know of every setting, in the order of the fields."""
        return [
            SettingDoc(
                name=spec.name.upper(),
                default=spec.metadata["default_in_words"] or as_text(spec.default),
                description=spec.metadata["description"],
                secret=spec.metadata["secret"],
                default_in_words=bool(spec.metadata["default_in_words"]),
            )
            for spec in _specs()
        ]

    def told_with_place(self, problems: Mapping[str, str]) -> dict[str, str]:
        """`problems`, by variable: one of a value from a file says so, because one looks for it in the environment first."""
        return dict(self._with_place(name, problem) for name, problem in problems.items())

    def _with_place(self, name: str, problem: str) -> tuple[str, str]:
        match self.origins.get(name.lower()):
            case "config":
                return f"settings.{name.lower()}", problem
            case "file":
                return name, f"{problem} {IN_DOTENV}"
            case _:
                return name, problem

    def lack_of_upstream(self) -> dict[str, str]:
        """What to do about it when there is no upstream to ask, by variable; empty when there is one."""
        if self.openai_api_base_url:
            return {}
        hint = "To look around without an upstream, run `ollama-openai-proxy demo`."
        return {
            "OPENAI_API_BASE_URL": "must say where the OpenAI-compatible server is (https://.../v1), unless upstreams are declared in "
            f"PROXY_CONFIG or by UPSTREAM_<NAME>_BASE_URL. {hint}"
        }

    def require_upstream(self) -> None:
        """Raises `SettingsError` unless there is an upstream to ask."""
        if lack := self.lack_of_upstream():
            raise SettingsError(lack)


def variables_of(environ: Mapping[str, str] | None = None, dotenv: Path | None = Path(".env"), **overrides: Any) -> list[Source]:
    """The variables of the file `dotenv`, of `environ` (the process's own when `None`), and `overrides` by field name; the weakest first.

    Raises:
        SettingsError: the file cannot be read.
        TypeError: an override is no setting.
    """
    if strangers := overrides.keys() - {spec.name for spec in _specs()}:
        raise TypeError(f"no such setting: {', '.join(sorted(strangers))}")
    return [
        ("file", _file_values(dotenv)),
        ("environment", os.environ if environ is None else environ),
        ("argument", {name.upper(): value for name, value in overrides.items()}),
    ]


def as_text(value: object) -> str:
    """A setting's value as one would write it in the environment."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, tuple):
        return ",".join(value)
    return f"{value:g}" if isinstance(value, float) else str(value)


@cache
def _specs() -> tuple[Field[Any], ...]:
    return tuple(spec for spec in fields(Settings) if spec.metadata)


@cache
def _schema() -> Schema:
    """One marshmallow field per variable, under the variable's name."""
    return Schema.from_dict({spec.name.upper(): spec.metadata["kind"] for spec in _specs()})(unknown=EXCLUDE)


def _file_values(dotenv: Path | None) -> Mapping[str, str | None]:
    """The variables of the file, taken literally: `${...}` in a key is part of the key. A missing file has none."""
    if dotenv is None or not dotenv.is_file():
        return {}
    try:
        return dotenv_values(dotenv, interpolate=False, encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError({str(dotenv): f"must be a readable text file: {error}"}) from error


def _load(given: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, str]]:
    """The values that are right, and what each wrong one must be; both by variable."""
    try:
        return _schema().load(given), {}
    except ValidationError as error:
        right: Any = error.valid_data
        return right, {name: messages[0] for name, messages in error.messages_dict.items()}
