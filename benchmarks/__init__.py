"""The benchmark: the gateway beside what users would pick instead, in one run on one machine.

`python -m benchmarks --help` tells what there is to run; `docs/performance.md` tells how it is measured. This package is no part of the
wheel, and nothing in `proxy` may import it.
"""
