"""Whether the names that an operator gave lead to models, and what is meant by those that do not."""

from __future__ import annotations

from pathlib import Path

from tests.cli.check.capable_server import make_capable
from tests.cli.check.checked import Check, Several
from tests.fake_upstream import FakeUpstream


def test_the_names_of_the_operator_are_understood(check: Check, upstream: FakeUpstream, tmp_path: Path) -> None:
    mapping = tmp_path / "map.json"
    mapping.write_text('{"llama3": "talker"}')
    status, rows, _ = check(upstream.base_url, "--model", "llama3", MODEL_MAPPING_FILE=str(mapping))
    assert status == 0
    assert rows["chat"] == ("ok", "talker answers")


def test_names_that_the_operator_gave_are_followed(check_several: Several, upstream: FakeUpstream) -> None:
    with FakeUpstream() as other:
        make_capable(other)
        status, found, output = check_several(f"""
            [upstreams.boxes]
            base_url = "{upstream.base_url}"
            aliases = {{"fast" = "talker", "old" = "gone"}}
            models.hide = ["text-*"]
            [upstreams.cloud]
            base_url = "{other.base_url}"
            [aliases]
            "mine" = "cloud/talker"
            "any-*" = "talker"
            [fallbacks]
            talker = ["cloud/talker", "cloud/tlaker", "boxes/text-embed"]
            """)
    assert status == 0
    assert found["[names]"] == {
        "alias mine": ("ok", "leads to talker at cloud"),
        "alias boxes/fast": ("ok", "leads to talker at boxes"),
        "alias boxes/old": ("warning", "leads to gone at boxes, which lists no such model"),
        "fallback of talker": ("warning", "boxes/text-embed leads nowhere"),
    }
    assert "leads to tlaker at cloud, which lists no such model" in output
    assert "Is cloud/tlaker spelled as `models` shows it?" in output


def test_names_that_lead_to_an_upstream_that_is_not_there_are_not_judged(check_several: Several, upstream: FakeUpstream) -> None:
    _, found, _ = check_several(
        f"""
        [upstreams.boxes]
        base_url = "{upstream.base_url}"
        [upstreams.cloud]
        base_url = "http://127.0.0.1:9/v1"
        [fallbacks]
        talker = ["cloud/large"]
        """,
        MAX_RETRIES="0",
    )
    assert found["[names]"] == {"fallback of talker": ("skipped", "leads to large at cloud, whose models are not known")}


def test_a_name_that_almost_begins_with_an_upstream_is_told_apart(check_several: Several, upstream: FakeUpstream) -> None:
    _, found, output = check_several(f"""
        [upstreams.boxes]
        base_url = "{upstream.base_url}"
        [upstreams.cloud]
        base_url = "{upstream.base_url}"
        [aliases]
        fast = "clod/talker"
        [fallbacks]
        talker = ["bxes:talker", "org/talker", "fast"]
        """)
    assert found["[names]"]["alias fast"] == ("warning", "leads to clod/talker at boxes, which lists no such model")
    hints = [line for line in output.splitlines() if line.startswith(("alias fast: ", "fallback of talker: "))]
    assert hints == [
        "alias fast: There is no upstream clod; is cloud meant?",
        "fallback of talker: There is no upstream bxes; is boxes meant?",
        "fallback of talker: Is org/talker spelled as `models` shows it?",
        "fallback of talker: There is no upstream clod; is cloud meant?",
    ]
