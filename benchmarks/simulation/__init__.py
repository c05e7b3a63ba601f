"""What the policies of `proxy.upstream.choice` do to caches and to waiting, found by simulation: no clock, no network, the same each time.

`python -m benchmarks.simulation` writes it into docs/operations/choice.md. The parts:

    loads.py       who asks what: conversations, turn by turn
    boxes.py       who answers: a model server with slots, a queue, and a memory for prefixes
    world.py       time: one run of one load over some boxes
    scenarios.py   which runs there are, under which policies
    findings.py    the figures of a run
    report.py      tables of figures; plot.py has the picture
"""
