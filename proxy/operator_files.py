"""The files that an operator may give: names of models, and facts about them. Read once, at start; the gunicorn master checks them too."""

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


_kept: dict[Settings, OperatorFiles] = {}


def keep_operator_files(settings: Settings) -> None:
    """Reads the files in the gunicorn master, for the workers that it will fork: they then never stumble over a file edited since.

    Raises:
        SettingsError: as `read_operator_files`; what was kept before stays.
    """
    _kept[settings] = _read(settings)


def read_operator_files(settings: Settings) -> OperatorFiles:
    """What the files of `settings` say, or said when they were kept.

    Raises:
        SettingsError: a file holds something that cannot be, or `UPSTREAM_PROFILE` names no profile.
    """
    return _kept.get(settings) or _read(settings)


def _read(settings: Settings) -> OperatorFiles:
    problems: dict[str, str] = {}
    catalogue = Catalogue()
    if settings.model_catalog_file:
        try:
            catalogue = read_catalogue(_decoded(settings.model_catalog_file))
        except InvalidCatalogue as error:
            problems["MODEL_CATALOG_FILE"] = "; ".join(error.problems)
    profile = settings.upstream_profile.strip().lower()
    if profile not in (AUTO, *PROFILES):
        problems["UPSTREAM_PROFILE"] = f"must be {AUTO} or one of {', '.join(PROFILES)}"
    if problems:
        raise SettingsError(problems)
    mapping = _decoded(settings.model_mapping_file) if settings.model_mapping_file else {}
    return OperatorFiles(mapping, catalogue)


def _decoded(path: str) -> Any:
    return orjson.loads(Path(path).read_bytes())
