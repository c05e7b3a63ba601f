"""The JSON files that settings name: names of models, and facts about them. And whether a profile is one, which settings cannot know."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

from proxy.catalogue_file import Catalogue, InvalidCatalogue, read_catalogue
from proxy.profiles import PROFILES
from proxy.routing import AUTO
from proxy.settings import Settings


@dataclass(frozen=True, slots=True)
class OperatorFiles:
    """What the files say: the names clients may use -> upstream models, and what is known of models."""

    mapping: Mapping[str, str]
    catalogue: Catalogue


_UNREADABLE = "must name a file with JSON; it cannot be read any more: {}"


def read_operator_files(settings: Settings) -> tuple[OperatorFiles, dict[str, str]]:
    """What the files say, and what each wrong setting must be, by variable."""
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
