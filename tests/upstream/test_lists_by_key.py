"""`ListsByKey`: one list for each key, a refusal for nobody else, and all names together for those who look for one."""

from __future__ import annotations

from collections.abc import Callable

from proxy.canonical.catalog import ModelCard
from proxy.errors import UpstreamError, UpstreamRefused, UpstreamUnavailable
from proxy.upstream.lists_by_key import ListsByKey
from proxy.upstream.model_changes import changes_seen_here
from proxy.upstream.models import ModelList

TTL_S = 60.0


class Upstream:
    """Shows lists to keys, and counts who asks."""

    def __init__(self, **shown: list[str]) -> None:
        self.shown = shown
        self.asked: list[str] = []
        self.error: UpstreamError | None = None
        self.now_s = 100.0
        self.models = ModelList(self._nobody, TTL_S, lambda: self.now_s, self._spawn)
        self.lists = ListsByKey(self.models, self.fetch, TTL_S, lambda: self.now_s)

    def ask(self, secret: str) -> None:
        """Lets a list be asked for with a key, and waits for what comes of it."""
        self.lists.begin(secret, lambda work: work())

    def fetch(self, secret: str) -> list[ModelCard]:
        self.asked.append(secret)
        self.now_s += 0.1
        if self.error is not None:
            raise self.error
        if secret not in self.shown:
            raise UpstreamRefused(f"no such key: {secret}", status=401)
        return [ModelCard(name) for name in self.shown[secret]]

    def names(self) -> list[str]:
        return [card.id for card in self.models.known or ()]

    def _nobody(self) -> list[ModelCard]:
        raise AssertionError("asked without a client")

    def _spawn(self, work: Callable[[], None]) -> None:
        raise AssertionError("asked without a client")


def test_each_key_is_shown_its_own_and_names_are_those_of_all() -> None:
    upstream = Upstream(a=["x", "y"], b=["y", "z"])
    upstream.ask("a")
    upstream.ask("b")
    assert [upstream.lists.shows(key, name) for key in "ab" for name in "xyz"] == [True, True, False, False, True, True]
    assert sorted(upstream.names()) == ["x", "y", "z"]


def test_refusal_is_that_keys_alone_and_kept_for_a_moment() -> None:
    upstream = Upstream(a=["x"])
    for key in ("wrong", "a", "wrong"):
        upstream.ask(key)
    assert upstream.asked == ["wrong", "a"]
    assert [str(upstream.lists.error(key)) for key in ("wrong", "a", "other")] == ["no such key: wrong", "None", "None"]
    assert [upstream.lists.has_told(key) for key in ("wrong", "a", "other")] == [False, True, False]
    assert upstream.models.last_error is None
    upstream.now_s += 2
    upstream.ask("wrong")
    assert upstream.asked == ["wrong", "a", "wrong"]


def test_refusal_in_the_body_of_a_success_is_that_keys_alone() -> None:
    upstream = Upstream()
    upstream.error = UpstreamRefused("no such key", status=401, upstream_status=200)
    upstream.ask("a")
    assert str(upstream.lists.error("a")) == "no such key"
    assert upstream.models.last_error is None


def test_key_that_is_withdrawn_sees_nothing_any_more() -> None:
    upstream = Upstream(a=["x"])
    upstream.ask("a")
    upstream.now_s += TTL_S
    del upstream.shown["a"]
    upstream.ask("a")
    assert (upstream.lists.has_told("a"), upstream.lists.shows("a", "x")) == (False, False)


def test_failure_of_the_upstream_leaves_what_was_seen() -> None:
    upstream = Upstream(a=["x"])
    upstream.ask("a")
    upstream.now_s += TTL_S
    upstream.error = UpstreamUnavailable("nobody is there")
    upstream.ask("a")
    assert upstream.lists.shows("a", "x")
    assert upstream.models.is_stale


def test_upstream_without_a_list_hides_nothing() -> None:
    upstream = Upstream()
    upstream.error = UpstreamRefused("no such page", status=404)
    upstream.ask("a")
    assert (upstream.models.lists, upstream.lists.has_told("b"), upstream.lists.shows("b", "x")) == (False, True, True)


def test_upstream_that_has_other_models_is_asked_at_once_and_by_others_when_they_come() -> None:
    upstream = Upstream(a=["x"], b=["x"])
    for key in "ab":
        upstream.ask(key)
    upstream.shown = {"a": ["x", "new"], "b": ["new"]}
    upstream.lists.renew("a")
    assert [upstream.lists.is_outdated(key) for key in "ab"] == [False, True]
    assert [upstream.lists.shows(key, "new") for key in "ab"] == [True, False]
    assert sorted(upstream.names()) == ["new", "x"]
    upstream.ask("b")
    assert [upstream.lists.shows("b", name) for name in ("new", "x")] == [True, False]
    assert upstream.asked == ["a", "b", "a", "b"]


def test_many_wrong_keys_push_no_good_one_out() -> None:
    upstream = Upstream(a=["x"])
    upstream.ask("a")
    for number in range(400):
        upstream.ask(f"wrong-{number}")
    asked = len(upstream.asked)
    upstream.ask("a")
    assert len(upstream.asked) == asked
    assert upstream.lists.error("wrong-0") is None


def test_list_of_a_key_that_was_on_its_way_when_the_upstream_got_other_models_is_asked_for_again() -> None:
    upstream = Upstream(a=["x"])
    changes = changes_seen_here()

    def changing(secret: str) -> list[ModelCard]:
        cards = upstream.fetch(secret)
        if len(upstream.asked) == 1:
            upstream.shown = {"a": ["x", "new"]}
            changes.note(upstream.now_s)
        return cards

    lists = ListsByKey(upstream.models, changing, TTL_S, lambda: upstream.now_s, changes)
    lists.begin("a", lambda work: work())
    assert (lists.shows("a", "new"), lists.is_outdated("a"), upstream.asked) == (True, False, ["a", "a"])


def test_list_of_a_key_is_outdated_once_after_somebody_elses_change_even_where_it_fails() -> None:
    upstream = Upstream(a=["x"])
    changes = changes_seen_here()
    lists = ListsByKey(upstream.models, upstream.fetch, TTL_S, lambda: upstream.now_s, changes)
    lists.begin("a", lambda work: work())
    assert not lists.is_outdated("a")
    changes.note(upstream.now_s)
    assert lists.is_outdated("a")
    upstream.error = UpstreamUnavailable("nobody is there")
    for _ in range(3):
        lists.begin("a", lambda work: work())
    assert (lists.is_outdated("a"), lists.shows("a", "x"), upstream.asked) == (False, True, ["a", "a"])
