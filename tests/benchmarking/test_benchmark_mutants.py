"""The benchmark sees what is wrong: contenders that lie are found out, by each section, before it measures and while it does."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from benchmarks.contenders.field import FIELD
from benchmarks.loads.wrk import LoadFailed
from benchmarks.machine import Cores
from benchmarks.plan import SHORT
from benchmarks.processes import Launch, free_port, running
from benchmarks.run import measure
from benchmarks.sections.beginning import measure_first_tokens
from benchmarks.sections.growth import measure_growth
from benchmarks.sections.held import measure_held
from benchmarks.sections.large import measure_large
from benchmarks.sections.lineup import OwnAnswerWrong
from benchmarks.sections.memory import measure_memory
from benchmarks.sections.pace import measure_pace
from benchmarks.sections.profile import measure_profile
from benchmarks.sections.throughput import measure_throughput
from benchmarks.site import Site
from benchmarks.titles import BARE, DIRECT, GATEWAY, LITELLM, RELAY
from benchmarks.upstreams import paced
from benchmarks.workloads import chat, stream
from tests.fake_upstream import FakeUpstream, json_answer

ROOT = Path(__file__).parents[2]
PLAN = replace(SHORT, peers=False, ceilings=False, tokens_per_s=50, steady_s=1, paced_streams=2, first_tokens=2, held=5, slow_load_s=2)
SEEN = '{"requests":900,"duration_us":9,"bytes":9,"wrong":%d,"failed":%d,"p50_us":1,"p90_us":1,"p99_us":1}'
Section = Callable[[Site, Any], dict[str, Any]]


def first_tokens(site: Site, plan: Any) -> dict[str, Any]:
    return measure_first_tokens(site, plan, (GATEWAY,))


def chats(site: Site, plan: Any) -> dict[str, Any]:
    return measure_throughput(site, plan, chat(), [GATEWAY])


def streams(site: Site, plan: Any) -> dict[str, Any]:
    return measure_throughput(site, plan, stream(), [GATEWAY])


def stand_in(environment: Mapping[str, str]) -> Launch:
    port = free_port()
    return Launch([sys.executable, "-m", "tests.stand_in", str(port)], port, env={"PYTHONPATH": str(ROOT), **environment})


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder of programs that come before the system's: here nobody is bound to a core."""
    found = tmp_path_factory.mktemp("programs")
    write_program(found / "taskset", 'shift 2; exec "$@"')
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PATH", str(found), prepend=":")
        yield found


@pytest.fixture
def programs(folder: Path) -> Path:
    """The same, with a wrk that sees nothing wrong."""
    wrk_sees(folder)
    return folder


def write_program(file: Path, script: str) -> None:
    file.write_text(f"#!/bin/sh\n{script}\n")
    file.chmod(0o755)


def wrk_sees(programs: Path, *, wrong: int = 0, failed: int = 0) -> None:
    write_program(programs / "wrk", f"echo 'RESULT {SEEN % (wrong, failed)}'")


@pytest.fixture(scope="module")
def honest_site(folder: Path) -> Iterator[Site]:
    """A site on which all contenders are stand-ins that tell the truth."""
    with running(stand_in({}), 0, folder) as canned, running(paced.launch(ROOT), 0, folder) as clock:
        honest = {
            name: replace(FIELD[name], dialect="openai", launch=lambda _, target: stand_in({"TARGET": target}))
            for name in (GATEWAY, RELAY, BARE, LITELLM)
        }
        yield Site(folder, Cores(0, 0), canned, clock, {**honest, DIRECT: FIELD[DIRECT]})


@pytest.fixture
def site(honest_site: Site, programs: Path) -> Site:
    return honest_site


def with_lies(site: Site, fault: str, right: int = 0, who: str = GATEWAY) -> Site:
    """The site with one contender that lies, after so many right answers."""
    liar = replace(site.field[who], launch=lambda _, target: stand_in({"TARGET": target, "FAULT": fault, "RIGHT": str(right)}))
    return replace(site, field={**site.field, who: liar})


@pytest.mark.parametrize(
    ("section", "fault", "problem"),
    [
        (measure_pace, "drop", "tokens were lost, token 1 first"),
        (measure_pace, "double", "tokens came where"),
        (first_tokens, "drop", "tokens were lost"),
        (measure_held, "double", "tokens came where"),
        (measure_growth, "text", "text"),
        (measure_memory, "text", "text"),
        (measure_profile, "text", "text"),
        (measure_large, "picture", "text"),
        (streams, "drop", "text"),
        (chats, "text", "text"),
    ],
)
def test_a_liar_is_found_out_before_it_is_measured(site: Site, section: Section, fault: str, problem: str) -> None:
    with pytest.raises(OwnAnswerWrong, match=problem):
        section(with_lies(site, fault), PLAN)


@pytest.mark.parametrize(
    ("section", "fault", "problem"),
    [
        (measure_pace, "drop", "1 of 150 tokens were lost, token 1 first"),
        (measure_pace, "swap", "tokens changed places"),
        (first_tokens, "drop", "1 of 3 tokens were lost"),
        (measure_held, "double", "3 tokens came where 2 were sent"),
    ],
)
def test_a_liar_is_found_out_while_it_is_measured(site: Site, section: Section, fault: str, problem: str) -> None:
    with pytest.raises(OwnAnswerWrong, match=problem):
        section(with_lies(site, fault, right=1), PLAN)


@pytest.mark.parametrize(
    ("section", "seen"),
    [
        (measure_growth, {"wrong": 1}),
        (measure_memory, {"wrong": 1}),
        (measure_large, {"wrong": 1}),
        (measure_profile, {"wrong": 1}),
        (streams, {"wrong": 1}),
        (chats, {"failed": 1}),
    ],
)
def test_what_wrk_finds_wrong_ends_each_section(site: Site, programs: Path, section: Section, seen: dict[str, int]) -> None:
    wrk_sees(programs, **seen)
    with pytest.raises(OwnAnswerWrong, match=r"of its answers were wrong|never did"):
        section(site, PLAN)


def test_honest_contenders_are_measured(site: Site) -> None:
    assert measure_pace(site, PLAN)["problems"] == {}
    assert len(chats(site, PLAN)["rounds"][GATEWAY]) == PLAN.rounds


def test_a_liar_among_the_others_is_told_of_and_measured(site: Site) -> None:
    found = measure_throughput(with_lies(site, "text", who=LITELLM), PLAN, chat(), [GATEWAY, LITELLM])
    assert found["problems"][LITELLM].startswith("text")
    assert set(found["rounds"]) == {GATEWAY, LITELLM}


@pytest.mark.parametrize("section", [measure_growth, measure_memory, measure_profile, chats])
def test_a_section_without_answers_fails_and_the_rest_goes_on(site: Site, programs: Path, section: Section) -> None:
    write_program(programs / "wrk", "echo 'RESULT " + (SEEN % (0, 0)).replace('"requests":900', '"requests":0') + "'")
    content: dict[str, Any] = {"sections": {}, "failed": {}}
    measure(site, PLAN, "first", section, content)
    measure(site, PLAN, "second", lambda *_: {"figures": {}}, content)
    assert content["failed"]["first"].startswith("no answer to /v1/chat/completions in 2 s")
    assert content["sections"] == {"second": {"figures": {}}}


def test_who_answers_few_only_is_asked_by_few(site: Site, programs: Path) -> None:
    none = (SEEN % (0, 0)).replace('"requests":900', '"requests":0')
    write_program(programs / "wrk", f"""case "$*" in *"-c 1 "*) echo 'RESULT {SEEN % (0, 0)}';; *) echo 'RESULT {none}';; esac""")
    found = measure_throughput(site, PLAN, chat(), [GATEWAY, LITELLM])
    assert {(sample["connections"], sample["window_s"]) for sample in found["rounds"][LITELLM]} == {(1, 1)}
    assert found["problems"][LITELLM] == "asked on 1 connection: most or all of 16 waited in vain for 2 s"


def test_who_gives_few_answers_is_asked_for_longer_from_then_on(site: Site, programs: Path) -> None:
    few, more = (SEEN.replace("900", count) % (0, 0) for count in ("63", "64"))
    write_program(programs / "wrk", f"""case "$*" in *"-d 2s "*) echo 'RESULT {more}';; *) echo 'RESULT {few}';; esac""")
    found = measure_throughput(site, PLAN, chat(), [GATEWAY, LITELLM])
    for name in (GATEWAY, LITELLM):
        assert [(sample["window_s"], sample["answers"]) for sample in found["rounds"][name]] == [(2, 64)] * PLAN.rounds


def test_who_gives_enough_answers_is_asked_no_longer(site: Site) -> None:
    assert {sample["window_s"] for sample in chats(site, PLAN)["rounds"][GATEWAY]} == {PLAN.load_s}


def test_wrk_that_cannot_run_is_no_figure(site: Site, programs: Path) -> None:
    write_program(programs / "wrk", "echo unable to connect >&2; exit 1")
    with pytest.raises(LoadFailed, match="wrk: unable to connect"):
        chats(site, PLAN)


@pytest.mark.parametrize("ask", ["always", "once"])
def test_the_floors_hand_on_what_the_upstream_says(ask: str, upstream: FakeUpstream) -> None:
    """They are made of the gateway's own parts, which move."""
    upstream.on("/chat/completions", json_answer({"said": "this"}))
    script = "from benchmarks.contenders.floor_app import app; print([app.test_client().post('/v1/chat/completions').json for _ in 'ab'])"
    environment = {"TARGET": upstream.base_url, "ASK": ask, "PYTHONPATH": str(ROOT), "PATH": os.environ["PATH"]}
    done = subprocess.run([sys.executable, "-c", script], env=environment, capture_output=True, text=True, timeout=60, check=False)
    assert done.stdout == "[{'said': 'this'}, {'said': 'this'}]\n", done.stderr
    assert len(upstream.requests) == {"always": 2, "once": 1}[ask]
