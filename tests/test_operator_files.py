"""The operator's files between their check and their reading: they may change, and only the latest are kept."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from proxy.operator_files import keep_operator_files, read_operator_files
from proxy.settings import Settings, SettingsError

NAMES = ["model_mapping_file", "model_catalog_file"]


def settings_with(**files: Any) -> Settings:
    return Settings.from_env({}, dotenv=None, openai_api_base_url="http://127.0.0.1:1/v1", **files)


@pytest.mark.parametrize("name", NAMES)
def test_a_file_that_goes_or_breaks_after_its_check_is_a_wrong_setting(name: str, tmp_path: Path) -> None:
    file = tmp_path / "file.json"
    file.write_text("{}")
    settings = settings_with(**{name: str(file)})
    file.write_text('{"half')
    with pytest.raises(SettingsError, match=name.upper()):
        keep_operator_files(settings)
    file.unlink()
    with pytest.raises(SettingsError, match=name.upper()):
        keep_operator_files(settings)


def test_only_the_latest_files_are_kept(tmp_path: Path) -> None:
    file = tmp_path / "map.json"
    file.write_text('{"a": "b"}')
    first, second = settings_with(model_mapping_file=str(file)), settings_with(model_mapping_file=str(file), max_retries=1)
    keep_operator_files(first)
    file.write_text('{"a": "c"}')
    assert read_operator_files(first).mapping == {"a": "b"}
    keep_operator_files(second)
    assert [read_operator_files(settings).mapping for settings in (first, second)] == [{"a": "c"}, {"a": "c"}]
    file.write_text('{"a": "d"}')
    assert [read_operator_files(settings).mapping for settings in (first, second)] == [{"a": "d"}, {"a": "c"}]
