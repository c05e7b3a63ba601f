"""The tables of what becomes of fields speak of all fields that the schemas know."""

from __future__ import annotations

import re

import pytest

from proxy.dialects.ollama import schemas
from proxy.dialects.ollama.options import OptionsSchema
from proxy.dialects.ollama.support import CLIENT_FIELDS, UPSTREAM_FEATURES
from proxy.support import FEATURES

NAMED = {re.match(r"[\w.]*", field)[0].partition(".")[0] for field in CLIENT_FIELDS}  # type: ignore[index]


@pytest.mark.parametrize("schema", [schemas.CHAT, schemas.GENERATE, schemas.EMBED, schemas.EMBEDDINGS])
def test_every_field_of_a_request_has_its_row(schema: schemas.GoSchema) -> None:
    assert set(schema.wire_names) <= NAMED


def test_every_option_has_its_row() -> None:
    assert {f"options.{name}" for name in OptionsSchema().fields} == {field for field in CLIENT_FIELDS if field.startswith("options.")}


def test_every_field_means_a_feature_that_there_is() -> None:
    assert {support.feature for support in CLIENT_FIELDS.values()} <= {"", *FEATURES}


def test_every_feature_has_its_row() -> None:
    assert UPSTREAM_FEATURES.keys() == FEATURES.keys()
