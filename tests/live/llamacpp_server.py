"""Runs llama.cpp's own HTTP server on the model file named on the command line, and says its address.

A process of its own, because the server of `xllamacpp` lives in its maker's process and logs there.
"""

from __future__ import annotations

import signal
import sys
import threading

from xllamacpp import CommonParams, Server


def main(model_path: str) -> None:
    params = CommonParams()
    params.model.path = model_path
    params.model_alias = {"tiny"}
    params.n_ctx = 32768
    params.n_parallel = 2
    params.cpuparams.n_threads = 1
    params.cpuparams_batch.n_threads = 1
    params.warmup = False
    params.ui = False
    params.endpoint_slots = True
    params.embedding = True
    params.pooling_type = 1  # the mean of all tokens; a model made to chat names no way of its own
    ended = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: ended.set())
    server = Server(params)
    sys.stdout.write(f"{server.listening_address}\n")
    sys.stdout.flush()
    ended.wait()


if __name__ == "__main__":
    main(sys.argv[1])
