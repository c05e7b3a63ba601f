"""`ModelChanges`: a moment that all workers of a machine know, because their memory is the same."""

from __future__ import annotations

import subprocess
import sys

from proxy.upstream.model_changes import changes_of, changes_seen_here


def test_what_one_notes_all_know_who_mean_the_same_server() -> None:
    here, there, other = changes_of("test-box"), changes_of("test-box"), changes_of("another-box")
    assert here.last_s == 0
    here.note(5.0)
    assert (there.last_s, other.last_s) == (5.0, 0)


def test_later_moment_stays_when_an_earlier_one_is_noted_late() -> None:
    changes = changes_seen_here()
    changes.note(7.0)
    changes.note(6.0)
    assert changes.last_s == 7.0


def test_server_of_which_nobody_tells_is_not_shared() -> None:
    changes = changes_seen_here()
    changes.note(7.0)
    assert changes_seen_here().last_s == 0


def test_what_a_forked_process_notes_its_parent_knows() -> None:
    code = """
import os
from proxy.upstream.model_changes import changes_of
child = os.fork()
if not child:
    changes_of("box").note(5.0)
    os._exit(0)
os.waitpid(child, 0)
print(changes_of("box").last_s)
"""
    assert subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout == "5.0\n"


def test_master_has_it_before_workers_are_forked() -> None:
    code = "import sys, proxy.gunicorn_conf; print('proxy.upstream.model_changes' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout == "True\n"
