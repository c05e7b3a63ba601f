"""The files that an operator may give: names of models, and facts about them. Read once, at start; the gunicorn master checks them too.

Here settings are checked as a whole too: what the files hold, and which profiles there are, `proxy.settings` cannot know.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

from proxy.catalogue_file import Catalogue, InvalidCatalogue, read_catalogue
from proxy.profiles import PROFILES
from proxy.routing import AUTO
from proxy.settings import Settings, SettingsError


@dataclass(frozen=True, slots=True)
class OperatorFiles:
    """What the files say: the names clients may use -> upstream models, and what is known of models."""

    mapping: Mapping[str, str]
    catalogue: Catalogue


_UNREADABLE = "must name a file with JSON; it cannot be read any more: {}"

# Of the latest settings alone: a master that reloads has no use for those before.
_kept: dict[Settings, OperatorFiles] = {}


def load_settings(
    environ: Mapping[str, str] | None = None, dotenv: Path | None = Path(".env"), *, needs_upstream: bool = True, **overrides: Any
) -> Settings:
    """The settings, as `Settings.from_env` reads them, when nothing at all is wrong with them.

    Args:
        needs_upstream: whether it is wrong not to configure one.

    Raises:
        SettingsError: lists every wrong variable: by its value, by what its file holds, or because it is missing.
    """
    settings, problems = Settings.examine(environ, dotenv, **overrides)
    _refuse(settings, problems, needs_upstream)
    return settings


def check_settings(settings: Settings, *, needs_upstream: bool = True) -> None:
    """Raises `SettingsError` as `load_settings` does, of settings that were made elsewhere."""
    _refuse(settings, {}, needs_upstream)


def _refuse(settings: Settings, problems: Mapping[str, str], needs_upstream: bool) -> None:
    lack = settings.lack_of_upstream() if needs_upstream else {}
    in_files = {} if settings in _kept else _read(settings)[1]
    # A value that is wrong by itself has left a default behind, which is not to be blamed.
    if found := {**lack, **in_files, **problems}:
        raise SettingsError(found)


def keep_operator_files(settings: Settings) -> None:
    """Reads the files in the gunicorn master, for the workers that it will fork: they then never stumble over a file edited since.

    Raises:
        SettingsError: as `read_operator_files`; what was kept before stays.
    """
    files = _usable(settings)
    _kept.clear()
    _kept[settings] = files


def read_operator_files(settings: Settings) -> OperatorFiles:
    """What the files of `settings` say, or said when they were kept.

    Raises:
        SettingsError: a file holds something that cannot be, or `UPSTREAM_PROFILE` names no profile.
    """
    return _kept.get(settings) or _usable(settings)


def _usable(settings: Settings) -> OperatorFiles:
    files, problems = _read(settings)
    if problems:
        raise SettingsError(problems)
    return files


def _read(settings: Settings) -> tuple[OperatorFiles, dict[str, str]]:
    """What the files say, and what is wrong with it, by variable."""
    problems: dict[str, str] = {}
    catalogue = Catalogue()
    if settings.model_catalog_file:
        try:
            catalogue = read_catalogue(_decoded(settings.model_catalog_file))
        except InvalidCatalogue as error:
            problems["MODEL_CATALOG_FILE"] = "; ".join(error.problems)
        except (OSError, ValueError) as error:
            problems["MODEL_CATALOG_FILE"] = _UNREADABLE.format(error)
    profile = settings.upstream_profile.strip().lower()
    if profile not in (AUTO, *PROFILES):
        problems["UPSTREAM_PROFILE"] = f"must be {AUTO} or one of {', '.join(PROFILES)}"
    mapping = {}
    if settings.model_mapping_file:
        try:
            mapping = _decoded(settings.model_mapping_file)
        except (OSError, ValueError) as error:
            problems["MODEL_MAPPING_FILE"] = _UNREADABLE.format(error)
    return OperatorFiles(mapping, catalogue), settings.told_with_place(problems)


def _decoded(path: str) -> Any:
    """What is in a file that was well when the settings were made: it may have changed since. Raises `OSError` or `ValueError`."""
    return orjson.loads(Path(path).read_bytes())
