"""From what was written to an upstream's settings, or to what is wrong with it.

Keys are read here from the variables and files that hold them. Nothing else is read but certificates, and nobody is asked.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType
from typing import Any, Final
from urllib.parse import urlsplit, urlunsplit

from marshmallow import ValidationError, fields

from proxy import upstream_types as kinds
from proxy.config_file import DEFAULT_NAME, Leaf
from proxy.config_places import Place, Spot, dotted_name, spelled, told, unknown
from proxy.setting_types import Field
from proxy.settings import Settings, as_text
from proxy.upstream_keys import KEY_BY_PATH, KEYS, TABLES, Key
from proxy.upstream_settings import KeyInForce, Limits, ReplicaSettings, Stubbornness, Tls, UpstreamSettings, UpstreamTimeouts

# What the base URLs of these vendors' own client libraries do not end in, but people's may.
_ADDED_BY_LIBRARIES: Final = {"anthropic": ("/v1",), "gemini": ("/v1beta", "/v1"), "ollama": ("/api", "/v1")}
_USUAL_PORTS: Final = {"http": 80, "https": 443}
_HIDDEN = "(hidden)"


def upstream_of(settings: Settings) -> UpstreamSettings:
    """The upstream that the settings describe by themselves; they have been checked already."""
    given: dict[str, Any] = {"base_url": (settings.openai_api_base_url,)}
    places = {"base_url": Place(settings.origins.get("openai_api_base_url", "argument"), "OPENAI_API_BASE_URL")}
    if settings.openai_api_key:
        given["api_key"] = (settings.openai_api_key,)
        places["api_key"] = Place(settings.origins.get("openai_api_key", "argument"), "OPENAI_API_KEY")
    return _build(DEFAULT_NAME, given, given.get("api_key", ()), places, settings)


def read_upstream(
    name: str, leaves: Mapping[Spot, Leaf], settings: Settings, variables: Mapping[str, str]
) -> tuple[UpstreamSettings | None, dict[str, str]]:
    """An upstream, or `None` when something about it is wrong, and what that is, by the names under which it was written.

    Args:
        leaves: what was written below `upstreams.<name>`, by whole spots.
        settings: where keys that nobody wrote take their values from.
        variables: where `key_env` looks.
    """
    reading = _Reading(name, leaves)
    values = reading.values()
    in_variables = reading.secrets("key_env", lambda there: kinds.text_of_variable(there, variables))
    keys = (*values.get("api_key", ()), *in_variables, *reading.secrets("key_file", kinds.text_of_file))
    reading.check_together(values)
    if reading.problems:
        return None, reading.problems
    return _build(name, values, tuple(dict.fromkeys(filter(None, keys))), reading.places, settings), {}


def trimmed_base_url(dialect: str, base_url: str) -> str:
    """The base URL as the vendor's own client library takes it."""
    url = urlsplit(base_url)
    ending = next((ending for ending in _ADDED_BY_LIBRARIES.get(dialect, ()) if url.path.endswith(ending)), "")
    return urlunsplit(url._replace(path=url.path.removesuffix(ending)))


class _Reading:
    """One upstream while it is read: what was written of each key and where, and what is wrong with it."""

    def __init__(self, name: str, leaves: Mapping[Spot, Leaf]) -> None:
        self._root = ("upstreams", name)
        self._given: dict[str, Any] = {}
        self._entries: dict[str, dict[str, Place]] = {}
        self.places: dict[str, Place] = {}
        self.problems: dict[str, str] = {}
        try:
            kinds.upstream_name(name)
        except ValidationError as error:
            self._blame(Place("config", spelled(self._root)), error.messages)
        for spot, leaf in leaves.items():
            self._sort_in(spot[len(self._root) :], leaf)

    def values(self) -> dict[str, Any]:
        """The values of all keys that are right."""
        values = {path: self._read(path, KEY_BY_PATH[path].kind) for path in self._given}
        return {path: value for path, value in values.items() if value is not None}

    def secrets(self, path: str, text_at: Callable[[str], str | None]) -> tuple[str, ...]:
        """The keys that lie where the key `path` says."""
        each = fields.Function(deserialize=lambda there: kinds.read_secret(text_at(str(kinds.word().deserialize(there)))))
        return (path in self._given and self._read(path, kinds.several(each))) or ()

    def check_together(self, values: Mapping[str, Any]) -> None:
        """Finds what is wrong with keys that are right by themselves."""
        self._check_replicas(values)
        certificate, key = values.get("tls.client_cert", ""), values.get("tls.client_key", "")
        if certificate:
            self._read("tls.client_cert", fields.Function(deserialize=lambda _: kinds.check_certificate(certificate, key)))
        elif key:
            self._blame(self.places["tls.client_key"], ["must come with tls.client_cert"])

    def _check_replicas(self, values: Mapping[str, Any]) -> None:
        if self._given.keys() >= {"base_url", "replicas"}:
            self._blame(self.places["replicas"], ["must not stand beside base_url: it says the same, in a longer form"])
        elif self._given.keys().isdisjoint({"base_url", "replicas"}) and spelled(self._root) not in self.problems:
            self._blame(Place("config", spelled((*self._root, "base_url"))), ["must say where the upstream is"])
        elif values.get("base_url") == ():
            self._blame(self.places["base_url"], ["must hold one address at least"])
        urls = [*values.get("base_url", ()), *(replica["base_url"] for replica in values.get("replicas", ()))]
        if doubled := _doubled(urls, values.get("dialect", "")):
            place = self.places["replicas" if "replicas" in self.places else "base_url"]
            self._blame(place, [f"must name each replica once (doubled: {', '.join(doubled)})"])

    def _sort_in(self, rest: Spot, leaf: Leaf) -> None:
        """Puts a leaf to the key that it is of, or of whose table it is an entry."""
        path = ".".join(rest[:2] if rest[:1] and rest[0] in TABLES else rest[:1])
        inner = rest[path.count(".") + 1 :]
        key = KEY_BY_PATH.get(path)
        if key is None:
            self._sort_out(rest, leaf)
            return
        if not inner:
            self._given[path], self.places[path] = leaf.value, leaf.place
        elif key.shape != "table":  # Its own kind shall say what it must be.
            self._given[path], self.places[path] = {}, replace(leaf.place, name=leaf.place.name.removesuffix(f".{spelled(inner)}"))
        elif len(inner) > 1:
            self._blame(leaf.place, [dotted_name(inner)])
        else:
            self._given.setdefault(path, {})[inner[0]] = leaf.value
            self.places.setdefault(path, leaf.place)
            self._entries.setdefault(path, {})[inner[0]] = leaf.place

    def _sort_out(self, rest: Spot, leaf: Leaf) -> None:
        """Blames a leaf that is of no key. An empty table says nothing, which is allowed."""
        is_table = not rest or rest in {(name,) for name in TABLES}
        if is_table and leaf.value != {}:
            self._blame(leaf.place, [f"must be a table: [{spelled((*self._root, *rest))}]"])
        elif not is_table:
            above = f"{rest[0]}." if rest[0] in TABLES else ""
            known = {path.removeprefix(above).partition(".")[0] for path in KEY_BY_PATH if path.startswith(above)}
            self._blame(leaf.place, [unknown(rest[1] if above else rest[0], known)])

    def _read(self, path: str, kind: Field) -> Any:
        try:
            return kind.deserialize(self._given[path])
        except ValidationError as error:
            entries = self._entries.get(path)
            if not entries:
                self._blame(self.places[path], error.messages)
                return None
            for name, messages in error.messages_dict.items():
                self._blame(entries[name], messages)
            return None

    def _blame(self, place: Place, messages: Any) -> None:
        """Keeps the first problem of each name."""
        for inner, problem in told(messages):
            self.problems.setdefault(*place.blamed(problem, inner))


def _doubled(urls: Sequence[str], dialect: str) -> list[str]:
    """Those that lead where another one does, as they are written; without their queries, which may hold keys."""
    places = [_place_of(trimmed_base_url(dialect, url)) for url in urls]
    times = Counter(places)
    return list(dict.fromkeys(url.partition("?")[0] for url, place in zip(urls, places, strict=True) if times[place] > 1))


def _place_of(base_url: str) -> str:
    """The base URL as all have it that lead to the same place: upper case, the usual port and a last slash make no difference."""
    url = urlsplit(base_url)
    netloc = f"{url.hostname}:{url.port or _USUAL_PORTS[url.scheme]}"
    return urlunsplit(url._replace(netloc=netloc, path=url.path.rstrip("/")))


def _build(name: str, given: Mapping[str, Any], keys: tuple[str, ...], places: Mapping[str, Place], settings: Settings) -> UpstreamSettings:
    values = {key.path: given[key.path] if key.path in given else _default(key, settings) for key in KEYS}

    def part(table: str) -> dict[str, Any]:
        return {path.removeprefix(f"{table}."): value for path, value in values.items() if path.startswith(f"{table}.")}

    return UpstreamSettings(
        name=name,
        replicas=_replicas(values),
        dialect=values["dialect"],
        keys=keys,
        pass_client_key=values["pass_client_key"],
        headers=MappingProxyType(values["headers"]),
        show=values["models.show"],
        hide=values["models.hide"],
        aliases=MappingProxyType(values["aliases"]),
        priority=values["priority"],
        policy=values["policy"],
        limits=Limits(values["limits.in_flight"], values["limits.queue"], values["limits.queue_wait"]),
        timeouts=UpstreamTimeouts(**{f"{span}_s": seconds for span, seconds in part("timeouts").items()}),
        stubbornness=Stubbornness(
            values["max_retries"],
            values["retry_after_max"],
            values["retry_sent"],
            values["retry_budget"],
            values["breaker_failures"],
            values["breaker_cooldown"],
        ),
        health_check_interval_s=values["health_check_interval"] if _is_looked_at(values, given) else 0.0,
        doubt_interval_s=values["health_check_interval"],
        model_list_ttl_s=values["model_list_ttl"],
        tls=Tls(**part("tls")),
        proxy=values["proxy"],
        profile=values["profile"],
        preload=values["preload"],
        ping_interval_s=values["ping_interval"],
        in_force=tuple(_in_force(key, values[key.path], places.get(key.path), settings) for key in KEYS),
    )


def _default(key: Key, settings: Settings) -> Any:
    if not key.setting:
        return key.default
    value = getattr(settings, key.setting)
    return not value if key.is_opposite else value


def _is_looked_at(values: Mapping[str, Any], given: Mapping[str, Any]) -> bool:
    """Where there is one replica, it is asked anyway, and a look at it serves nobody but who wants to see it in the metrics."""
    return "health_check_interval" in given or len(_replicas(values)) > 1


def _replicas(values: Mapping[str, Any]) -> tuple[ReplicaSettings, ...]:
    written = values["replicas"] or [{"base_url": url} for url in values["base_url"]]
    return tuple(
        ReplicaSettings(trimmed_base_url(values["dialect"], one["base_url"]), one.get("weight", values["weight"])) for one in written
    )


def _in_force(key: Key, value: Any, place: Place | None, settings: Settings) -> KeyInForce:
    if place is None and key.setting and settings.origins.get(key.setting, "default") != "default":
        place = Place(settings.origins[key.setting], key.setting.upper())
    return KeyInForce(key.path, _shown(key, value), place)


def _shown(key: Key, value: Any) -> str:
    """The value as text, without what is secret in it."""
    if key.shape == "tables":
        return ", ".join(f"{one['base_url']} (weight {one['weight']:g})" if "weight" in one else one["base_url"] for one in value)
    if key.shape == "table":
        return ", ".join(f"{name} {_HIDDEN}" if key.is_secret else f"{name} -> {target}" for name, target in value.items())
    if key.is_secret:
        return ", ".join([_HIDDEN] * len(value)) if key.shape == "list" else _HIDDEN if value else ""
    return as_text(value)
