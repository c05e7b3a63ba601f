"""What Ollama's users say of the runner: how it places a model on its machine, and how far back it looks for what is repeated. Data. Pure.

No other kind of server has words for these. They stand in `ChatRequest.extra` under Ollama's names.
"""

from __future__ import annotations

from typing import Final

RUNNER_NUMBERS: Final = ("num_gpu", "main_gpu", "num_thread", "num_batch", "num_keep", "repeat_last_n", "draft_num_predict")
RUNNER_FLAGS: Final = ("use_mmap",)
