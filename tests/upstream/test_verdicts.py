"""What follows from each failure."""

from __future__ import annotations

from dataclasses import replace

import pytest

from proxy.errors import UpstreamBroken, UpstreamRefused, UpstreamTimeout, UpstreamUnavailable
from proxy.upstream.faults import Fault, Verdict, inner_fault_of, redirect_of, refusal_of
from proxy.upstream.retry import is_final, may_repeat
from proxy.upstream.verdicts import Blamed, judged, judged_late
from proxy.wire.messages import Purpose


def refused(status: int, retry_after_s: float | None = None, headers: dict[str, str] | None = None, code: str | None = None) -> Fault:
    return refusal_of(UpstreamRefused("sorry", status=status, code=code, retry_after_s=retry_after_s), headers or {})


NO_CONNECTION = Fault(UpstreamUnavailable("refuses connections"), Verdict.UNREACHABLE, repeatable=True)
NO_TLS = Fault(UpstreamUnavailable("no TLS"), Verdict.UNREACHABLE)
SILENT = Fault(UpstreamTimeout("silent"), Verdict.UNREACHABLE, was_sent=True)
HUNG_UP = Fault(UpstreamBroken("hung up"), Verdict.UNREACHABLE, was_sent=True)
STALE = Fault(UpstreamBroken("stale"), Verdict.NOTHING, repeatable=True)
BROKE_OFF = inner_fault_of(UpstreamBroken("no JSON"))


@pytest.mark.parametrize(
    ("fault", "elsewhere", "without_retry_sent", "blamed"),
    [
        (NO_CONNECTION, True, True, Blamed.NOBODY),
        (NO_TLS, True, True, Blamed.NOBODY),
        (SILENT, True, False, Blamed.NOBODY),
        (HUNG_UP, True, False, Blamed.NOBODY),
        (STALE, True, True, Blamed.NOBODY),
        (BROKE_OFF, True, False, Blamed.REPLICA),
        (redirect_of(301), True, True, Blamed.REPLICA),
        (refused(400), False, False, Blamed.NOBODY),
        (refused(401), True, True, Blamed.KEY),
        (refused(402), True, True, Blamed.KEY),
        (refused(403), True, True, Blamed.KEY),
        (refused(404), True, True, Blamed.NOBODY),
        (refused(404, code="model_not_found"), True, True, Blamed.MODEL),
        (refused(405), True, True, Blamed.MODEL),
        (refused(408), True, True, Blamed.NOBODY),
        (refused(413), False, False, Blamed.NOBODY),
        (refused(422), False, False, Blamed.NOBODY),
        (refused(429), True, True, Blamed.KEY),
        (refused(429, code="insufficient_quota"), True, True, Blamed.KEY),
        (refused(500), True, True, Blamed.NOBODY),
        (refused(500, headers={"x-should-retry": "false"}), False, False, Blamed.NOBODY),
        (refused(501), False, False, Blamed.NOBODY),
        (refused(503), True, True, Blamed.NOBODY),
        *[(refused(status), True, True, Blamed.NOBODY) for status in (505, 507, 508, 510, 511, 525, 526, 527, 530, 599)],
        (refused(530, headers={"x-should-retry": "false"}), False, False, Blamed.NOBODY),
        (refused(507, code="insufficient_quota"), False, False, Blamed.NOBODY),
        (refused(503, 2.0), True, True, Blamed.MODEL),
        (inner_fault_of(UpstreamRefused("inside", status=503, upstream_status=200)), True, True, Blamed.NOBODY),
        (inner_fault_of(UpstreamRefused("inside", status=429, upstream_status=200)), True, True, Blamed.KEY),
        (inner_fault_of(UpstreamRefused("inside", status=400, upstream_status=200)), False, False, Blamed.NOBODY),
    ],
)
def test_who_is_blamed_and_who_may_do_better(fault: Fault, elsewhere: bool, without_retry_sent: bool, blamed: Blamed) -> None:
    judgement = judged(fault, "m", retry_sent=True)
    assert (judgement.elsewhere, judgement.blamed) == (elsewhere, blamed)
    assert judged(fault, "m", retry_sent=False).elsewhere is without_retry_sent


@pytest.mark.parametrize("status", [401, 402, 403, 429])
def test_what_is_wrong_with_a_clients_own_key_is_its_own_business(status: int) -> None:
    judgement = judged(refused(status), "m", retry_sent=True, with_clients_key=True)
    assert (judgement.elsewhere, judgement.blamed) == (False, Blamed.NOBODY)


@pytest.mark.parametrize("status", [404, 405])
def test_a_model_that_a_clients_own_key_does_not_see_is_looked_for_elsewhere_and_left_alone_by_nobody(status: int) -> None:
    judgement = judged(refused(status), "m", retry_sent=True, with_clients_key=True)
    assert (judgement.elsewhere, judgement.blamed, judgement.is_about_name) == (True, Blamed.NOBODY, True)


def test_other_failures_of_a_request_with_a_clients_own_key_are_not() -> None:
    assert judged(refused(503), "m", retry_sent=True, with_clients_key=True).elsewhere
    assert judged(refused(503, 2.0), "m", retry_sent=True, with_clients_key=True).blamed is Blamed.MODEL
    assert judged(redirect_of(301), "m", retry_sent=True, with_clients_key=True).blamed is Blamed.REPLICA


def test_a_replica_says_itself_that_it_does_not_want_to_be_asked() -> None:
    assert [judged(fault, "m", retry_sent=True).is_firm for fault in (refused(429), refused(503, 1.0), refused(503), HUNG_UP)] == [
        True,
        True,
        False,
        False,
    ]


def test_what_a_replica_lacks_is_told_from_what_it_fails_to_do() -> None:
    about_names = [status for status in (403, 404, 405, 429, 500) if judged(refused(status), "m", retry_sent=True).is_about_name]
    assert about_names == [404, 405]


def a_lack(message: str, *, status: int = 502, param: str | None = None, code: str | None = None) -> Fault:
    return refusal_of(UpstreamRefused(message, status=status, upstream_status=404, param=param, code=code), {})


NO_MODEL = a_lack("the model 'm' does not exist", status=404, code="model_not_found")
NO_URL = a_lack("the upstream has no such URL; check the base URL")


@pytest.mark.parametrize("purpose", list(Purpose))
@pytest.mark.parametrize(
    ("fault", "of_chats"),
    [
        (NO_MODEL, (Blamed.MODEL, False)),
        (a_lack("no such deployment", status=404, code="DeploymentNotFound"), (Blamed.MODEL, False)),
        (a_lack("check the base URL (it says: nobody serves m)"), (Blamed.MODEL, False)),
        (NO_URL, (Blamed.MODEL, True)),
        (refused(405), (Blamed.MODEL, True)),
        (a_lack("it is only supported in v1/responses", status=404, param="model"), (Blamed.NOBODY, False)),
        (a_lack("no such file", status=404, param="file_id"), (Blamed.NOBODY, False)),
    ],
)
def test_what_a_lone_replica_lacks_beside_the_model_leaves_its_chats_alone(
    fault: Fault, of_chats: tuple[Blamed, bool], purpose: Purpose
) -> None:
    judgement = judged(fault, "m", retry_sent=True, purpose=purpose)
    assert (judgement.elsewhere, judgement.is_about_name) == (True, True)
    if purpose is Purpose.CHAT:
        assert (judgement.blamed, judgement.spares_lone) == of_chats
    else:
        assert judgement.blamed is Blamed.NOBODY or (purpose is Purpose.EXTRA and judgement.spares_lone)


def test_among_replicas_who_lacks_a_model_is_left_alone_whatever_it_was_asked_for() -> None:
    assert judged(NO_MODEL, "m", retry_sent=True, purpose=Purpose.EXTRA).blamed is Blamed.MODEL
    assert judged(NO_URL, "m", retry_sent=True, purpose=Purpose.EXTRA).blamed is Blamed.NOBODY


def the_requests_own(message: str, status: int) -> Fault:
    error = UpstreamRefused(message, status=status)
    error.is_requests_own = True
    return refusal_of(error, {})


@pytest.mark.parametrize("status", [403, 404])
@pytest.mark.parametrize("purpose", list(Purpose))
def test_a_file_that_is_missing_may_be_another_keys_and_blames_nobody(status: int, purpose: Purpose) -> None:
    judgement = judged(the_requests_own("File not found: file_1", status), "m", retry_sent=True, purpose=purpose)
    assert (judgement.elsewhere, judgement.is_of_scope, judgement.blamed) == (True, True, Blamed.NOBODY)


@pytest.mark.parametrize(
    ("words", "elsewhere"),
    [("No endpoints found that support image input", False), ("No endpoints found matching your data policy (Paid model training).", True)],
)
def test_what_nobody_serves_another_keys_account_may_have_served_and_no_replica_of_the_same(words: str, elsewhere: bool) -> None:
    error = UpstreamRefused(words, status=404)
    error.is_unserved = True
    judgement = judged(refusal_of(error, {}), "m", retry_sent=True)
    assert (judgement.elsewhere, judgement.is_of_scope, judgement.blamed) == (elsewhere, elsewhere, Blamed.NOBODY)


def test_a_thing_that_no_request_named_is_missing_at_an_address_that_leads_nowhere() -> None:
    judgement = judged(a_lack("Container not found", status=404), "m", retry_sent=True)
    assert (judgement.elsewhere, judgement.blamed, judgement.spares_lone) == (True, Blamed.MODEL, True)


@pytest.mark.parametrize("status", [400, 403, 429, 500, 502, 503])
def test_what_is_wrong_with_a_request_is_final_and_tells_nobody_ill_whatever_the_status(status: int) -> None:
    fault = the_requests_own("the prompt is too long", status)
    fault.error.retry_after_s = 60.0
    assert (fault.verdict, may_repeat(fault), is_final(fault)) == (Verdict.REFUSED, False, True)
    for judgement in (judged(fault, "m", retry_sent=True), judged_late(fault.error)):
        assert (judgement.elsewhere, judgement.blamed, judgement.is_firm) == (False, Blamed.NOBODY, False)


def misnamed(*, unserved: bool) -> Fault:
    """What is wrong with a request, or with what a server can do for it, told by a 500."""
    error = UpstreamRefused("no", status=400, upstream_status=500)
    error.is_misnamed, error.is_unserved, error.is_requests_own = True, unserved, not unserved
    return refusal_of(error, {})


@pytest.mark.parametrize("unserved", [False, True])
def test_what_a_server_does_not_do_is_asked_of_one_that_may_be_built_otherwise(unserved: bool) -> None:
    fault = misnamed(unserved=unserved)
    assert (fault.verdict, may_repeat(fault), is_final(fault)) == (Verdict.REFUSED, False, True)
    judgement = judged(fault, "m", retry_sent=False)
    assert (judgement.elsewhere, judgement.is_free, judgement.blamed) == (unserved, unserved, Blamed.NOBODY)
    assert not judged(replace(fault, headers={"x-should-retry": "false"}), "m", retry_sent=True).elsewhere
    late = judged_late(fault.error)
    assert (late.elsewhere, late.blamed) == (False, Blamed.NOBODY)


@pytest.mark.parametrize(("words", "elsewhere"), [("No endpoints found matching your data policy", False), ("No endpoints found", True)])
def test_how_the_account_of_a_clients_own_key_was_set_up_is_nobody_elses_business(words: str, elsewhere: bool) -> None:
    error = UpstreamRefused(words, status=404, code="model_not_found" if elsewhere else None)
    error.is_unserved = not elsewhere
    assert judged(refusal_of(error, {}), "m", retry_sent=True, with_clients_key=True).elsewhere is elsewhere


@pytest.mark.parametrize(
    "fault", [refused(401), refused(403), refused(429, 60.0), refused(503, 60.0), redirect_of(301), BROKE_OFF, NO_MODEL, NO_URL]
)
def test_a_question_blames_nobody(fault: Fault) -> None:
    judgement = judged(fault, "m", retry_sent=True, purpose=Purpose.QUESTION)
    assert (judgement.elsewhere, judgement.blamed, judgement.stand_in) == (True, Blamed.NOBODY, Blamed.NOBODY)


@pytest.mark.parametrize("purpose", [Purpose.EXTRA, Purpose.QUESTION])
def test_what_a_key_may_not_ask_beside_chats_says_nothing_of_chats(purpose: Purpose) -> None:
    assert judged(refused(403), "m", retry_sent=True, purpose=purpose).is_of_scope
    assert not judged(refused(403), "m", retry_sent=True).is_of_scope


def test_after_an_answer_that_broke_off_its_beginning_proves_nothing() -> None:
    assert judged(BROKE_OFF, "m", retry_sent=True).needs_end
    assert not judged(refused(429), "m", retry_sent=True).needs_end


@pytest.mark.parametrize(
    ("error", "blamed"),
    [
        (UpstreamBroken("cut"), Blamed.REPLICA),
        (UpstreamTimeout("silent"), Blamed.REPLICA),
        (UpstreamRefused("inside", status=500, upstream_status=200), Blamed.MODEL),
        (UpstreamRefused("inside", status=429, upstream_status=200), Blamed.MODEL),
        (UpstreamRefused("inside", status=400, upstream_status=200), Blamed.NOBODY),
    ],
)
def test_a_late_failure_is_repeated_nowhere(error: UpstreamBroken, blamed: Blamed) -> None:
    judgement = judged_late(error)
    assert (judgement.elsewhere, judgement.blamed, judgement.needs_end) == (False, blamed, True)


def test_what_a_clients_own_key_may_not_have_more_of_is_no_fault_of_the_model() -> None:
    too_much = UpstreamRefused("inside", status=429, upstream_status=200)
    assert judged_late(too_much, with_clients_key=True).blamed is Blamed.NOBODY
    assert judged_late(UpstreamRefused("inside", status=500, upstream_status=200), with_clients_key=True).blamed is Blamed.MODEL
