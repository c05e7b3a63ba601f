"""What is known of URLs that upstreams do not have."""

from __future__ import annotations

from proxy.errors import UpstreamRefused
from proxy.gateway.lacking import LackingPaths

NO_SUCH_URL = UpstreamRefused("no such URL", status=502, upstream_status=404)


def test_it_is_known_for_ten_minutes() -> None:
    now_s = 0.0
    lacking = LackingPaths(lambda: now_s)
    assert lacking.learn("boxes", "/count", NO_SUCH_URL, "m")
    assert ("boxes", "/count") in lacking
    now_s = 600.0
    assert ("boxes", "/count") not in lacking


def test_paths_without_end_are_not_remembered_without_end() -> None:
    """Those of Gemini's have the model's name in them."""
    lacking = LackingPaths(lambda: 0.0)
    for place in range(1500):
        lacking.learn("boxes", "/count", NO_SUCH_URL, "m")
        lacking.learn("boxes", f"/models/{place}:count", NO_SUCH_URL, "m")
    known = [place for place in range(1500) if ("boxes", f"/models/{place}:count") in lacking]
    assert ("boxes", "/count") in lacking
    assert 1000 < len(known) <= 1024
    assert known[-1] == 1499
