"""What an operator wrote, wherever it stands: the TOML file, and the variables that reach into its tables. Leaves that know their place.

Three kinds of variables do so: PROXY__UPSTREAMS__BOXES__PRIORITY into any table, UPSTREAM_BOXES_PRIORITY into an upstream's, and
OPENAI_API_BASE_URL with OPENAI_API_KEY into that of the upstream `default`. What the values must be is not judged here.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Final

from proxy.config_places import Place, Spot, spelled, unknown
from proxy.settings import Origin, Settings, SettingsError, Source
from proxy.upstream_keys import KEY_BY_PATH, KEY_BY_VARIABLE, ONE_OF_EACH

SECTIONS: Final = ("settings", "upstreams", "aliases", "fallbacks")
DEFAULT_NAME: Final = "default"
"""The upstream that OPENAI_API_BASE_URL declares."""

_SETTINGS: Final = frozenset(doc.name for doc in Settings.describe())
_NESTED = "PROXY__"
_NESTED_SETTING = "PROXY__SETTINGS__"
_UPSTREAM = "UPSTREAM_"
_BASE_URL = "_BASE_URL"
_DECLARES = re.compile(r"(?:UPSTREAM_(?P<short>\w+)_BASE_URL|PROXY__UPSTREAMS__(?P<nested>\w+?)__(?:BASE_URL|REPLICAS))")
# Kubernetes tells every container of services by such variables, and one may be called upstream-something.
_SERVICE_LINK = re.compile(r"\w+_(?:SERVICE_HOST|SERVICE_PORT\w*|PORT|PORT_\d+_(?:TCP|UDP|SCTP)\w*)", re.ASCII)


@dataclass(frozen=True, slots=True)
class Leaf:
    """A value that is no table, and its place. Only an empty table is a leaf too."""

    value: Any
    place: Place


def read_toml(path: str) -> dict[str, Any]:
    """The tables of the file. Raises `SettingsError`, by the variable that names it."""
    try:
        return tomllib.loads(Path(path).read_bytes().decode("utf-8-sig"))
    except OSError as error:
        raise SettingsError({"PROXY_CONFIG": f"must name a TOML file; {path} cannot be read: {error.strerror}"}) from error
    except (ValueError, RecursionError) as error:
        raise SettingsError({"PROXY_CONFIG": f"must name a TOML file; {path} is none: {error}"}) from error


def settings_sources(tables: Mapping[str, Any], sources: Sequence[Source]) -> list[Source]:
    """Where the settings are to be read from, the weakest source first: the table [settings] comes before all variables."""
    table = {name.upper(): value for name, value in _settings_table(tables).items()}
    return [("config", table), *((origin, {**_nested_settings(variables), **written(variables)}) for origin, variables in sources)]


class ConfigTree:
    """Everything that was written, by its spot; what a stronger source says replaces what a weaker one said.

    `problems` tells of what leads nowhere, by the name under which it was written.

    Args:
        tables: the decoded file.
        sources: variables, the weakest source first.
    """

    def __init__(self, tables: Mapping[str, Any], sources: Sequence[Source]) -> None:
        in_settings = settings_sources(tables, sources)
        self.problems = {**dict(_misplaced(tables)), **dict(_strange_settings(tables, sources))}
        self._leaves: dict[Spot, Leaf] = {}
        self._has_default = any(variables.get("OPENAI_API_BASE_URL") for _, variables in in_settings)
        self._put_default("config", in_settings[0][1])
        for spot, value in _leaves_of(tables):
            self._put(spot, Leaf(value, Place("config", spelled(spot))))
        self._upstreams: dict[str, str] = {}
        for name in self._declared(sources):
            known = self._upstreams.setdefault(_folded(name), name)
            if known != name and name in self.upstreams():
                self.problems[spelled(("upstreams", name))] = f"must differ from {known} by more than case and dashes"
        for (origin, variables), (_, settings) in zip(sources, in_settings[1:], strict=True):
            self._put_default(origin, settings)
            for variable, value in sorted(written(variables).items()):
                self._put_variable(variable, value, Place(origin, variable))

    def below(self, *spot: str) -> dict[Spot, Leaf]:
        """The leaves below the spot, and the one at it, should it be no table."""
        return {found: leaf for found, leaf in self._leaves.items() if found[: len(spot)] == spot}

    def upstreams(self) -> list[str]:
        """Their names: those in the file in its order, then `default`, then those that only variables declare."""
        return list(dict.fromkeys(spot[1] for spot in self.below("upstreams") if len(spot) > 1))

    def _declared(self, sources: Sequence[Source]) -> Iterator[str]:
        yield from self.upstreams()
        if self._has_default:
            yield DEFAULT_NAME
        for _, variables in sources:
            found = filter(None, map(_DECLARES.fullmatch, sorted(written(variables))))
            yield from ((match["short"] or match["nested"]).lower() for match in found)

    def _put_default(self, origin: Origin, settings: Mapping[str, Any]) -> None:
        """The key counts only where the base URL is set too: many environments hold one for OpenAI, and no other server may see it."""
        for variable, key in (("OPENAI_API_BASE_URL", "base_url"), ("OPENAI_API_KEY", "api_key")):
            if self._has_default and variable in settings:
                name = spelled(("settings", variable.lower())) if origin == "config" else variable
                self._put(("upstreams", DEFAULT_NAME, key), Leaf(settings[variable], Place(origin, name)))

    def _put_variable(self, variable: str, value: Any, place: Place) -> None:
        if variable in _SETTINGS or variable.startswith(_NESTED_SETTING):
            return
        if variable.startswith(_NESTED):
            self._put_nested(variable, value, place)
        elif variable.startswith(_UPSTREAM):
            spot = self._spot_in_upstream(variable.removeprefix(_UPSTREAM))
            if spot:
                self._put(spot, Leaf(_from_text(spot, value), place))
            elif problem := self._why_stray(variable.removeprefix(_UPSTREAM)):
                self._blame(place, problem)

    def _put_nested(self, variable: str, value: Any, place: Place) -> None:
        section, *names = variable.removeprefix(_NESTED).lower().split("__")
        if section not in SECTIONS:
            self._blame(place, unknown(section, SECTIONS))
        elif not names or not all(names):
            self._blame(place, "must go on with names of tables and a key, with two underscores between them")
        else:
            spot: Spot = (section,)
            for name in names:
                spot += (self._as_there(spot, name),)
            for inner, read in _spread(spot, _from_text(spot, value)):
                self._put(inner, Leaf(read, place))

    def _as_there(self, above: Spot, name: str) -> str:
        """`name` as it is already spelt below `above`: variables know neither dashes nor upper case."""
        there = {_folded(spot[len(above)]): spot[len(above)] for spot in self.below(*above) if len(spot) > len(above)}
        if above == ("upstreams",):
            there = {**self._upstreams, **there}
        return there.get(_folded(name), name.replace("_", "-") if above[2:] == ("headers",) else name)

    def _spot_in_upstream(self, rest: str) -> Spot | None:
        """The key that UPSTREAM_`rest` sets; `None` when it names none of an upstream that is known."""
        for folded in sorted(self._upstreams, key=len, reverse=True):
            key = KEY_BY_VARIABLE.get(rest[len(folded) + 1 :])
            if key is not None and _folded(rest).startswith(f"{folded}_"):
                return ("upstreams", self._upstreams[folded], *key.path.split("."))
        return None

    def _why_stray(self, rest: str) -> str:
        """What is wrong with UPSTREAM_`rest`; `""` when it may have nothing to do with us."""
        if (key := rest.lstrip("_")) in KEY_BY_VARIABLE:
            return f"must name its upstream: {_UPSTREAM}<NAME>_{key}"
        owner = next((folded for folded in self._upstreams if _folded(rest).startswith(f"{folded}_")), None)
        if owner is not None:
            return unknown(rest[len(owner) + 1 :], KEY_BY_VARIABLE, above=f"{_UPSTREAM}{owner.upper()}_")
        if "_" not in rest or _SERVICE_LINK.fullmatch(rest):
            return ""
        name = _probable_name(rest)
        guesses = get_close_matches(_UPSTREAM + rest, [*self._variables(), *_SETTINGS], n=1, cutoff=0.85)
        hint = f"; did you mean {guesses[0]}?" if guesses else ""
        return f"belongs to no upstream: {_UPSTREAM}{name}{_BASE_URL} must declare it{hint}"

    def _blame(self, place: Place, problem: str) -> None:
        name, told = place.blamed(problem)
        self.problems[name] = told

    def _variables(self) -> Iterator[str]:
        return (f"{_UPSTREAM}{folded.upper()}_{key}" for folded in self._upstreams for key in KEY_BY_VARIABLE)

    def _put(self, spot: Spot, leaf: Leaf) -> None:
        same = next((group for group in ONE_OF_EACH if spot[0] == "upstreams" and not group.isdisjoint(spot[2:3])), frozenset())
        rivals = {(*spot[:2], key) for key in same}
        for there, other in list(self._leaves.items()):
            if there == spot:
                continue
            shorter = min(len(there), len(spot))
            if there[:shorter] == spot[:shorter] or (there in rivals and other.place.origin != leaf.place.origin):
                del self._leaves[there]
        self._leaves[spot] = leaf


def written(variables: Mapping[str, Any]) -> dict[str, Any]:
    """Those that say something: an empty variable counts as unset."""
    return {name: value for name, value in variables.items() if value is not None and value != ""}


def _folded(name: str) -> str:
    return name.lower().replace("-", "_")


def _nested_settings(variables: Mapping[str, Any]) -> dict[str, Any]:
    return {
        name.removeprefix(_NESTED_SETTING).upper(): value for name, value in written(variables).items() if name.startswith(_NESTED_SETTING)
    }


def _misplaced(tables: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """What the file has beside its four sections, and sections that are no tables."""
    for name, value in tables.items():
        if name not in SECTIONS:
            is_setting = name.upper() in _SETTINGS
            yield spelled((name,)), "must stand in the table [settings]" if is_setting else unknown(name, SECTIONS)
        elif not isinstance(value, Mapping):
            wanted = "must hold a table for each upstream: [upstreams.<name>]" if name == "upstreams" else f"must be a table: [{name}]"
            yield name, wanted


def _strange_settings(tables: Mapping[str, Any], sources: Iterable[Source]) -> Iterator[tuple[str, str]]:
    """What would set a setting that there is not, or that cannot be set here."""
    known = {name.lower() for name in _SETTINGS} - {"proxy_config"}
    places = [(name, Place("config", spelled(("settings", name)))) for name in _settings_table(tables)]
    for origin, variables in sources:
        places += [(name.lower(), Place(origin, _NESTED_SETTING + name)) for name in _nested_settings(variables)]
    for name, place in places:
        if name == "proxy_config":
            yield place.blamed("must be set by its variable: it names the file itself")
        elif name not in known:
            yield place.blamed(unknown(name, known))


def _settings_table(tables: Mapping[str, Any]) -> Mapping[str, Any]:
    table = tables.get("settings", {})
    return table if isinstance(table, Mapping) else {}


def _leaves_of(tables: Mapping[str, Any], above: Spot = ()) -> Iterator[tuple[Spot, Any]]:
    for name, value in tables.items():
        spot = (*above, name)
        if spot == ("settings",):
            continue
        if isinstance(value, Mapping) and value:
            yield from _leaves_of(value, spot)
        else:
            yield spot, value


def _from_text(spot: Spot, value: Any) -> Any:
    """A variable's text, or its entries where the key takes a list; tables, and lists in brackets, as they stand in the file."""
    key = KEY_BY_PATH.get(".".join(spot[2:])) if spot[0] == "upstreams" else None
    text = str(value).strip()
    if text.startswith(("[", "{")) and (spot[0] == "fallbacks" or (key is not None and key.shape != "value")):
        with suppress(ValueError, RecursionError):  # Then its own kind says what it must be.
            return tomllib.loads(f"value = {text}")["value"]
    if spot[0] == "fallbacks" or (key is not None and key.shape == "list"):
        return [entry for entry in (part.strip() for part in str(value).split(",")) if entry]
    return value


def _spread(spot: Spot, value: Any) -> Iterator[tuple[Spot, Any]]:
    """What a variable sets: the entries of a table one by one, as if each had been written alone."""
    yield from _leaves_of(value, spot) if isinstance(value, Mapping) and value else ((spot, value),)


def _probable_name(rest: str) -> str:
    """The name of the upstream that UPSTREAM_`rest` probably means: what stands before a key, or before what looks like one."""
    words = rest.split("_")
    for likeness in (1.0, 0.75):
        for cut in range(1, len(words)):
            if get_close_matches("_".join(words[cut:]), KEY_BY_VARIABLE, n=1, cutoff=likeness):
                return "_".join(words[:cut])
    return words[0]
