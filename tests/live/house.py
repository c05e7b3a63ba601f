"""One real gateway in front of an upstream of each kind."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.fake_upstream import FakeUpstream
from tests.live.gateways import Gateways
from tests.live.master import Master
from tests.pairs.scenes import BY_NAME, Scene
from tests.pairs.upstreams import EGRESSES, Egress


@dataclass
class House:
    """One gateway in front of four upstreams, whose models are `<dialect>/m`."""

    master: Master
    upstreams: dict[str, FakeUpstream]

    def play(self, egress: Egress, scene: Scene) -> None:
        egress.play(self.upstreams[egress.name], scene)


@contextmanager
def running_house(gateways: Gateways, folder: Path) -> Iterator[House]:
    """A house whose breakers stay closed."""
    with ExitStack() as stack:
        upstreams = {egress.name: stack.enter_context(FakeUpstream()) for egress in EGRESSES}
        text = ""
        for egress in EGRESSES:
            egress.play(upstreams[egress.name], BY_NAME["text"])
            text += f'[upstreams.{egress.name}]\ndialect = "{egress.name}"\nbase_url = "{egress.base_url(upstreams[egress.name])}"\n'
        file = folder / "proxy.toml"
        file.write_text(text)
        yield House(gateways.configured(file, BREAKER_FAILURES="100000", MAX_RETRIES="0"), upstreams)
