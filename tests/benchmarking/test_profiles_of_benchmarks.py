"""Where a profile says that the time goes."""

from __future__ import annotations

from collections import Counter

from benchmarks.sections.profile import costliest_functions, layer_of, read_stacks, shares_of_layers


def test_stacks_are_counted_by_the_innermost_layer_that_is_known() -> None:
    text = (
        "run (gunicorn/x.py:1);view (proxy/web/exchange.py:5);dumps (json/encoder.py:9) 3\n"
        "run (gunicorn/x.py:1);send (/lib/site-packages/requests/adapters.py:2);parse (email/parser.py:3) 1\n"
        "_Thread (gevent/_threading.py:4);acquire (gevent/_threading.py:7) 90\n"
    )
    stacks = read_stacks(text)
    assert stacks.total() == 4
    assert shares_of_layers(stacks) == {"requests, urllib3 and http.client": 0.25, "our web layer": 0.75}
    assert costliest_functions(stacks)[0] == {"function": "dumps (json/encoder.py)", "own": 0.75, "whole": 0.75}
    assert layer_of(["main (threading.py:1)"]) == "the rest"


def test_what_gevent_does_counts_for_whoever_called_it() -> None:
    called = "send (gevent/_socketcommon.py:9)"
    assert layer_of(["run (gevent/x.py:1)", "write (gunicorn/http/wsgi.py:2)", called]) == "gunicorn"
    assert layer_of(["run (gunicorn/x.py:1)", "exchange (proxy/upstream/exchange.py:2)", called]) == "our upstream client"
    assert (
        layer_of(["run (gunicorn/x.py:1)", "emit (logging/__init__.py:2)", "acquire (gevent/thread.py:3)"])
        == "libraries for log and metrics"
    )
    assert layer_of(["run (gevent/hub.py:1)"]) == "gevent's loop, which waits for sockets"
    assert layer_of(["run (gevent/hub.py:1)", "handle (proxy/worker.py:1)"]) == "our web layer"


def test_a_function_that_calls_itself_is_counted_once() -> None:
    stacks = Counter({("f (proxy/a.py:1)", "f (proxy/a.py:2)"): 2})
    assert costliest_functions(stacks) == [{"function": "f (proxy/a.py)", "own": 1.0, "whole": 1.0}]
