"""`GatewayConfig`: everything that an operator decides, read and checked once, as one value. The gunicorn master hands it to its workers.

Settings come from variables and from the file that PROXY_CONFIG names, upstreams from both too, and the files that settings name are read
here. One error lists all that is wrong, each by the name under which it was written.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any
from urllib.parse import unquote, urlsplit

from marshmallow import ValidationError

from proxy import upstream_types as kinds
from proxy.catalogue_file import Catalogue
from proxy.config_file import DEFAULT_NAME, ConfigTree, read_toml, settings_sources, written
from proxy.config_places import dotted_name, told
from proxy.operator_files import OperatorFiles, read_operator_files
from proxy.routing import NameMap
from proxy.setting_types import Field
from proxy.settings import Settings, SettingsError, Source, variables_of
from proxy.upstream_reading import read_upstream, upstream_of
from proxy.upstream_settings import UpstreamSettings


@dataclass(frozen=True, slots=True)
class GatewayConfig:
    """What a gateway is to be.

    Attributes:
        upstreams: in the order in which they were written; none only where none is needed.
        default_upstream: the one for models that none lists; `""` where none was chosen, which leaves it to the priorities.
        aliases: names, or globs over names, that clients may use -> what they mean: a model, an upstream's alias, or `upstream/model`.
        fallbacks: a model's name, or a glob over names -> what is tried in its place, in this order, when it cannot be had.
        catalogue: what is known of models.
    """

    settings: Settings
    upstreams: tuple[UpstreamSettings, ...] = ()
    default_upstream: str = ""
    aliases: Mapping[str, str] = field(default_factory=dict)
    fallbacks: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    catalogue: Catalogue = field(default_factory=Catalogue)

    def upstream(self, name: str = "") -> UpstreamSettings:
        """The upstream that is called so; without a name the default one, or the first of the highest priority. Raises `KeyError`."""
        wanted = name or self.default_upstream
        by_rank = sorted(self.upstreams, key=lambda upstream: -upstream.priority)
        for upstream in by_rank:
            if wanted in ("", upstream.name):
                return upstream
        raise KeyError(wanted)

    def secrets(self) -> Iterator[str]:
        """What must be in no line of the log."""
        yield self.settings.openai_api_key
        yield from _passwords_in(self.settings.redis_url)
        for upstream in self.upstreams:
            yield from upstream.secrets()


def _passwords_in(url: str) -> tuple[str, str]:
    """The password, as it is written and as it is meant."""
    password = urlsplit(url).password or ""
    return password, unquote(password)


def load_config(
    environ: Mapping[str, str] | None = None, dotenv: Path | None = Path(".env"), *, needs_upstream: bool = True, **overrides: Any
) -> GatewayConfig:
    """The whole configuration: of `environ` (the process's own when `None`), of the file `dotenv`, and of the one that PROXY_CONFIG names.

    Args:
        needs_upstream: whether it is wrong to declare none.
        overrides: settings by field name, which win over all else.

    Raises:
        SettingsError: something is wrong; all of it is named.
        TypeError: an override is no setting.
    """
    sources = variables_of(environ, dotenv, **overrides)
    tables, unreadable = _read_tables(sources)
    settings, wrong = Settings.from_sources(settings_sources(tables, sources))
    files, in_files = read_operator_files(settings)
    variables = {name: value for _, values in sources for name, value in written(values).items()}
    reading = _Reading(settings, ConfigTree(tables, sources), variables)
    config = reading.config(files)
    # Without the file nobody knows which upstreams there are, and what belongs to none of them.
    told = {} if unreadable else reading.problems
    lack = settings.lack_of_upstream() if needs_upstream and not unreadable and not reading.declares_upstreams else {}
    # A value that is wrong by itself has left a default behind, which is not to blame.
    if found := {**lack, **in_files, **told, **wrong, **settings.told_with_place(unreadable)}:
        raise SettingsError(found)
    return config


def config_of(settings: Settings) -> GatewayConfig:
    """The configuration that settings describe by themselves, wherever they were made: of one upstream.

    Raises:
        SettingsError: a file holds something that cannot be, an upstream is missing, or there are more than settings know of.
    """
    files, problems = read_operator_files(settings)
    if settings.proxy_config:
        problems["PROXY_CONFIG"] = "must be read by load_config(): these settings do not know what it says of upstreams"
    if found := {**settings.lack_of_upstream(), **problems}:
        raise SettingsError(found)
    return GatewayConfig(settings, (upstream_of(settings),), DEFAULT_NAME, MappingProxyType(files.mapping), catalogue=files.catalogue)


def check_config(config: GatewayConfig) -> None:
    """Raises `SettingsError` of a configuration that was put together elsewhere, and holds together badly."""
    names = [upstream.name for upstream in config.upstreams]
    problems = {} if names else {"upstreams": "must be one at least"}
    if len(set(names)) < len(names):
        problems["upstreams"] = "must each have a name of its own"
    if names and config.default_upstream not in ("", *names):
        problems["default_upstream"] = f"must be one of {', '.join(names)}"
    problems.update({f"upstreams.{upstream.name}": "must have a replica" for upstream in config.upstreams if not upstream.replicas})
    if problems:
        raise SettingsError(problems)


def as_config(source: GatewayConfig | Settings | None) -> GatewayConfig:
    """The configuration that whoever embeds the gateway means; that of the environment when he gives none. Raises `SettingsError`."""
    if source is None:
        return load_config()
    if isinstance(source, Settings):
        return config_of(source)
    check_config(source)
    return source


def _read_tables(sources: Iterable[Source]) -> tuple[dict[str, Any], dict[str, str]]:
    """What the file holds, and what is wrong with the variable that names it. Without one there is nothing to read."""
    path = ""
    for _, variables in sources:
        path = str(variables.get("PROXY_CONFIG") or path).strip()
    try:
        return (read_toml(path) if path else {}), {}
    except SettingsError as error:
        return {}, error.problems


class _Reading:
    """A configuration while it is read, and what is wrong with what belongs to no setting."""

    def __init__(self, settings: Settings, tree: ConfigTree, variables: Mapping[str, str]) -> None:
        self._settings = settings
        self._tree = tree
        self._variables = variables
        self.problems = dict(tree.problems)
        self.declares_upstreams = bool(tree.upstreams())

    def config(self, files: OperatorFiles) -> GatewayConfig:
        """The configuration; it is of use only if there are no problems."""
        aliases = self._names("aliases", kinds.word())
        self._refuse_chains(aliases)
        return GatewayConfig(
            self._settings,
            tuple(self._upstreams()),
            self._default_upstream(),
            MappingProxyType({**aliases, **{name: target for name, target in files.mapping.items() if name not in aliases}}),
            MappingProxyType(self._names("fallbacks", kinds.several(kinds.word(), "must be a name, or a list of names, in quotes"))),
            files.catalogue,
        )

    def _refuse_chains(self, aliases: Mapping[str, str]) -> None:
        """Aliases are not followed: one that leads to another would ask some upstream for a model of the other's name."""
        named = NameMap(aliases).named
        for spot, leaf in self._tree.below("aliases").items():
            target = aliases.get(spot[-1], "")
            written, leads_to = named(target) or (spot[-1], target)
            if written not in (spot[-1], leads_to):
                told = f"must lead to a model, not to the alias {written}; if a model is called so too, write <upstream>/{written}"
                self.problems.update([leaf.place.blamed(told)])

    def _upstreams(self) -> Iterator[UpstreamSettings]:
        for name in self._tree.upstreams():
            upstream, problems = read_upstream(name, self._tree.below("upstreams", name), self._settings, self._variables)
            self.problems.update(problems)
            if upstream is not None:
                yield upstream

    def _default_upstream(self) -> str:
        """The one that is chosen, else the one that OPENAI_API_BASE_URL declares."""
        chosen, declared = self._settings.default_upstream.lower(), self._tree.upstreams()
        if chosen and declared and chosen not in declared:
            self.problems.update(self._settings.told_with_place({"DEFAULT_UPSTREAM": f"must be one of {', '.join(declared)}"}))
        return next((name for name in (chosen, DEFAULT_NAME) if name in declared), "")

    def _names(self, section: str, kind: Field) -> dict[str, Any]:
        """The table `section`: names that clients use, and what each leads to."""
        read: dict[str, Any] = {}
        for (_, *names), leaf in self._tree.below(section).items():
            if len(names) > 1:
                self.problems.update([leaf.place.blamed(dotted_name(names))])
            elif names:
                try:
                    kinds.check_model_name(names[0])
                    read[names[0]] = kind.deserialize(leaf.value)
                except ValidationError as error:
                    self.problems.update(leaf.place.blamed(problem, inner) for inner, problem in told(error.messages))
        return read
