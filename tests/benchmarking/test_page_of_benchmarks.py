"""What the page and the README say of a run: its tables, its code, its machine."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import orjson
import pytest

from benchmarks.machine import describe_code
from benchmarks.quietness import Clocks, between, read_clocks
from benchmarks.report import RESULTS, with_claim, with_results
from benchmarks.results import Results
from benchmarks.tables import all_tables
from tests.benchmarking.made_up import a_run, samples

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize(("changes", "told"), [(False, "of commit abc123."), (True, "of commit abc123 with changes.")])
def test_the_commit_that_was_measured_is_told(changes: bool, told: str) -> None:
    assert told in all_tables(a_run(changes=changes))
    assert "of a commit that was not noted." in all_tables(a_run(commit="", changes=changes))


def test_the_commit_is_that_of_the_folder(tmp_path: Path) -> None:
    def git(*arguments: str) -> None:
        subprocess.run(
            ["git", "-C", str(tmp_path), "-c", "user.name=n", "-c", "user.email=e@e", *arguments], check=True, capture_output=True
        )

    assert describe_code(tmp_path) == {"commit": "", "changes": False}
    git("init")
    (tmp_path / "code.py").write_text("1")
    git("add", "code.py")
    git("commit", "-m", "m")
    (tmp_path / "scratch.txt").write_text("1")
    clean = describe_code(tmp_path)
    assert clean["commit"]
    assert not clean["changes"]
    (tmp_path / "code.py").write_text("2")
    assert describe_code(tmp_path) == {**clean, "changes": True}


def test_what_others_took_is_what_we_and_ours_did_not() -> None:
    before, after = Clocks(0, 100, 10, 5), Clocks(10, 115, 20, 6)
    assert between(before, after) == {"seconds": 10, "others": 0.5, "stolen": 0.1}
    assert between(before, Clocks(10, 105, 20, 5))["others"] == 0


def test_what_children_took_counts_as_our_own_when_they_have_ended() -> None:
    before = read_clocks()
    subprocess.run([sys.executable, "-c", "import time\nwhile time.process_time() < 0.3: pass"], check=True)
    assert read_clocks().own_s - before.own_s >= 0.25


def test_the_page_tells_how_quiet_the_machine_was_and_when_it_was_not() -> None:
    quietness = {"chat": {"seconds": 90, "others": 0.1, "stolen": 0}, "paced": {"seconds": 10, "others": 1.1, "stolen": 0.1}}
    text = all_tables(a_run(quietness=quietness))
    assert "interrupts took 0.20 of a core, other machines on its host 0.01; section by section:" in text
    assert "| section | chat | paced |\n| --- | --- | --- |\n| others, of a core | 0.10 | 1.10 |" in text
    assert "was not noted" in all_tables(a_run())


def test_tables_tell_what_was_measured_and_what_was_wrong_with_whom() -> None:
    rounds = {
        name: samples(requests_per_s=[rate], cpu_us_per_request=[1e6 / rate], p50_us=[1], p99_us=[2])
        for name, rate in (("gateway", 3000), ("bare", 1000), ("peer", 400))
    }
    text = all_tables(a_run(chat={"rounds": rounds, "problems": {"peer": "lost 3 records"}}))
    assert "| the gateway, Ollama to OpenAI | 3,000 | 3 (3 to 3) | 333 us | 0.333 (0.333 to 0.333) | 1 us | 2 us |" in text
    assert "* ollama-openai-proxy 0.7.0: lost 3 records" in text
    assert "### Paced streams" not in text


def test_a_section_that_failed_is_told_of() -> None:
    results = a_run()
    told = all_tables(Results({**results.content, "failed": {"held": "no answer"}}))
    assert "**held was not measured**: no answer" in told


def test_results_are_put_between_their_marks_and_nowhere_else() -> None:
    before = "head\n<!-- results: begin -->\nold\n<!-- results: end -->\ntail\n"
    after = with_results(before, "new", ["chat.svg"])
    assert after == with_results(after, "new", ["chat.svg"])
    assert after.startswith("head\n")
    assert after.endswith("<!-- results: end -->\ntail\n")
    assert "old" not in after
    assert "![chat](performance/chat.svg)" in after


def test_the_document_has_the_marks_for_results() -> None:
    text = (ROOT / "docs/performance.md").read_text()
    assert text.count("<!-- results: begin -->") == text.count("<!-- results: end -->") == 1


def test_the_readme_says_what_the_kept_run_found() -> None:
    readme = (ROOT / "README.md").read_text()
    assert with_claim(readme, Results(orjson.loads(RESULTS.read_bytes()))) == readme


@pytest.mark.parametrize(
    ("lag_us", "claim"), [(300, "Less than a millisecond"), (1100, "Less than a millisecond"), (1101, "Less than 2 milliseconds")]
)
def test_the_readme_says_no_more_than_was_found(lag_us: float, claim: str) -> None:
    paced = {"gateway": samples(lag_p50_us=[lag_us]), "direct": samples(lag_p50_us=[100])}
    readme = with_claim("a <!-- added per token -->[Less](b)<!-- end --> c", a_run(paced={"rounds": paced}))
    assert readme == f"a <!-- added per token -->[{claim}](docs/performance.md)<!-- end --> c"
    assert with_claim(readme, a_run()) == readme


def test_figures_that_are_single_samples_are_called_so() -> None:
    figures = {"gateway": {"kib_each": 1, "newcomer_p50_ms": 1, "newcomer_p99_ms": 1, "lost": 0}}
    assert "One sample of each; percentiles are those of 30 newcomers." in all_tables(a_run(held={"figures": figures}))
