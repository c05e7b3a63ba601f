"""How the programs of others are started, with one worker, and as their own documentation says where it says something."""

from __future__ import annotations

from contextlib import suppress
from importlib.metadata import distributions
from pathlib import Path

from benchmarks.checks import MODEL
from benchmarks.contenders.environments import package_folder, python_of
from benchmarks.machine import CannotMeasure
from benchmarks.processes import Launch, free_port

PEER = "ollama-openai-proxy==0.7.0"
LITELLM = "litellm[proxy]"
_LITELLM_PATIENCE_S = 120
_LITELLM_CONFIG = """\
model_list:
  - model_name: {model}
    litellm_params:
      model: openai/{model}
      api_base: {upstream_url}
      api_key: none
litellm_settings:
  telemetry: false
"""


def versions() -> dict[str, str]:
    """The versions of those that can be had here, by the names of their packages."""
    found: dict[str, str] = {}
    for requirement in (PEER, LITELLM):
        name = requirement.partition("==")[0].partition("[")[0]
        with suppress(CannotMeasure):
            folder = package_folder(python_of(requirement))
            found[name] = next(iter(distributions(name=name, path=[str(folder)]))).version
    return found


def launch_peer(_: Path, upstream_url: str) -> Launch:
    """ollama-openai-proxy of the package index, by its documented uvicorn command."""
    python, port = python_of(PEER), free_port()
    # Its modules name each other `src.<module>`, but its wheel unpacks them beside all other packages.
    with suppress(FileExistsError):
        (package_folder(python) / "src").symlink_to(".", target_is_directory=True)
    command = [str(python), "-m", "uvicorn", "src.main:app", "--host", "127.0.0.1", "--port", str(port)]
    return Launch(command, port, ready_path="/health", env={"OPENAI_API_BASE_URL": upstream_url, "OPENAI_API_KEY": "none"})


def launch_litellm(folder: Path, upstream_url: str) -> Launch:
    """LiteLLM's proxy, with its settings for production and without a look-up on the internet."""
    python, port = python_of(LITELLM), free_port()
    config = folder / f"litellm-{port}.yaml"
    config.write_text(_LITELLM_CONFIG.format(model=MODEL, upstream_url=upstream_url))
    command = [str(python.with_name("litellm")), "--config", str(config), "--host", "127.0.0.1", "--port", str(port), "--num_workers", "1"]
    settings = {
        "LITELLM_MODE": "PRODUCTION",
        "LITELLM_LOG": "ERROR",
        "LITELLM_LOCAL_MODEL_COST_MAP": "True",
        # Without a key it has less to do for each request; the others are asked without one too.
        "LITELLM_DANGEROUSLY_PERMIT_WEAK_OR_UNSET_MASTER_KEY": "true",
    }
    return Launch(command, port, ready_path="/health/liveliness", env=settings, patience_s=_LITELLM_PATIENCE_S)
