"""The verdict after a failure, without a network."""

from __future__ import annotations

from email.utils import formatdate

import pytest

from proxy.errors import UpstreamBroken, UpstreamError, UpstreamRefused, UpstreamTimeout, UpstreamUnavailable
from proxy.upstream.faults import Fault, Verdict
from proxy.upstream.retry import LONGEST_RETRY_AFTER_S, RETRYABLE_STATUSES, RetryPolicy, retry_after_s, without_nonsense


def a_refusal(status: int, **about: object) -> Fault:
    return Fault(UpstreamRefused("no", status=status, **about), Verdict.REFUSED)  # type: ignore[arg-type]


def test_waiting_grows_with_full_jitter() -> None:
    policy = RetryPolicy(max_retries=20)
    for attempt, longest in ((1, 0.5), (2, 1.0), (3, 2.0), (5, 8.0), (12, 8.0)):
        waits = [policy.after(a_refusal(503), attempt) for _ in range(300)]
        assert all(wait is not None and 0 <= wait <= longest for wait in waits)
        assert max(waits) > longest * 0.8  # type: ignore[type-var,operator]
        assert min(waits) < longest * 0.2  # type: ignore[type-var,operator]


def test_attempts_are_counted() -> None:
    policy = RetryPolicy(max_retries=3)
    assert [policy.after(a_refusal(500), attempt) is None for attempt in (1, 2, 3, 4, 5)] == [False, False, False, True, True]
    assert RetryPolicy(max_retries=0).after(a_refusal(500), 1) is None


@pytest.mark.parametrize("status", range(400, 600))
def test_only_statuses_that_pass_are_repeated(status: int) -> None:
    assert (RetryPolicy().after(a_refusal(status), 1) is not None) == (status in RETRYABLE_STATUSES)


def test_the_status_is_the_upstreams_own() -> None:
    """An upstream's 404 for a wrong URL becomes a 502 for clients; a 200 may hold an error that says its status itself."""
    assert RetryPolicy().after(a_refusal(502, upstream_status=404), 1) is None
    assert RetryPolicy().after(a_refusal(503, upstream_status=529), 1) is not None
    assert RetryPolicy().after(a_refusal(503, upstream_status=200), 1) is not None
    assert RetryPolicy().after(a_refusal(400, upstream_status=200), 1) is None


@pytest.mark.parametrize(("asked_s", "waited_s"), [(0.2, 0.2), (5.0, 5.0), (5.1, None), (3600.0, None)])
def test_retry_after_is_obeyed_or_ends_the_retries(asked_s: float, waited_s: float | None) -> None:
    assert RetryPolicy(retry_after_max_s=5).after(a_refusal(429, retry_after_s=asked_s), 1) == waited_s


@pytest.mark.parametrize("status", [429, 503])
def test_a_retry_after_of_nothing_asks_for_an_attempt_at_once(status: int) -> None:
    assert {RetryPolicy().after(a_refusal(status, retry_after_s=0.0), 1) for _ in range(20)} == {0.0}


def test_who_asks_for_an_attempt_at_once_and_fails_again_leaves_the_waiting_to_us() -> None:
    for attempt in (2, 3):
        assert any(RetryPolicy().after(a_refusal(429, retry_after_s=0.0), attempt) for _ in range(20))


@pytest.mark.parametrize(
    "about",
    [{"code": "insufficient_quota"}, {"code": "billing_hard_limit_reached"}, {"raw": {"error": {"type": "insufficient_quota"}}}],
)
def test_an_empty_account_stays_empty(about: dict[str, object]) -> None:
    assert RetryPolicy().after(a_refusal(429, **about), 1) is None


def test_the_upstream_may_forbid_to_repeat() -> None:
    error = UpstreamRefused("no", status=500)
    assert RetryPolicy().after(Fault(error, Verdict.MODEL_ILL, headers={"x-should-retry": "false"}), 1) is None
    assert RetryPolicy().after(Fault(error, Verdict.MODEL_ILL, headers={"x-should-retry": "true"}), 1) is not None


@pytest.mark.parametrize("error", [UpstreamUnavailable("no"), UpstreamBroken("cut"), UpstreamTimeout("silent")])
def test_without_an_answer_only_what_cannot_have_begun_is_repeated(error: UpstreamError) -> None:
    assert RetryPolicy().after(Fault(error, Verdict.UNREACHABLE, repeatable=True), 1) is not None
    assert RetryPolicy().after(Fault(error, Verdict.UNREACHABLE, repeatable=False), 1) is None


def test_waits_that_nobody_can_mean_are_left_out() -> None:
    date = formatdate(1_700_000_010, usegmt=True)
    dates = ("Wed, 21 Oct 2099 07:28:00 GMT", "Wed, 21 Oct 2025 07:28:00 +9999")
    for wait in ("-5", "inf", "nan", "soon", "", "99999999999999999999", *dates):
        assert without_nonsense({"retry-after": wait, "retry-after-ms": wait, "x-a": "1"}, 1_700_000_000.0) == {"x-a": "1"}
    sane = {"retry-after": date, "retry-after-ms": "0", "x-should-retry": "true"}
    assert without_nonsense(sane, 1_700_000_000.0) == sane
    assert without_nonsense({"retry-after-ms": date, "retry-after": "1.5"}, 1_700_000_000.0) == {"retry-after": "1.5"}


def test_a_stale_connection_is_replaced_at_once() -> None:
    assert RetryPolicy().after(Fault(UpstreamBroken("cut"), Verdict.NOTHING, repeatable=True), 1) == 0.0


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, None),
        ({"retry-after": "7"}, 7.0),
        ({"retry-after": "1.5"}, 1.5),
        ({"retry-after-ms": "250", "retry-after": "7"}, 0.25),
        ({"retry-after": formatdate(1_700_000_010, usegmt=True)}, 10.0),
        ({"retry-after": formatdate(1_600_000_000, usegmt=True)}, 0.0),
        ({"retry-after": formatdate(1_700_000_010)}, 10.0),
        ({"retry-after": formatdate(1_700_000_010), "date": formatdate(1_699_999_990, usegmt=True)}, 20.0),
        ({"retry-after": formatdate(1_700_000_010), "date": "today"}, 10.0),
        ({"retry-after-ms": "x", "retry-after": "7"}, 7.0),
        ({"retry-after": "soon"}, None),
        ({"retry-after": "Thu, 01 Jan 2026 12:00:30 +99999999999999999999"}, None),
        ({"retry-after": "-3"}, None),
        ({"retry-after": "inf"}, None),
        ({"retry-after": "nan"}, None),
    ],
)
def test_retry_after_is_a_number_or_a_date(headers: dict[str, str], seconds: float | None) -> None:
    assert retry_after_s(headers, 1_700_000_000.0) == seconds


def test_an_absurd_retry_after_is_bounded() -> None:
    assert retry_after_s({"retry-after": "1e300"}, 1_700_000_000.0) == LONGEST_RETRY_AFTER_S
    assert retry_after_s({"retry-after": "Fri, 31 Dec 9999 23:59:59 GMT"}, 1_700_000_000.0) == LONGEST_RETRY_AFTER_S
