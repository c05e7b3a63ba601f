"""What holds of all route tables, whatever upstreams list, hide and call their models."""

from __future__ import annotations

from collections import Counter
from fnmatch import fnmatchcase

from hypothesis import example, given
from hypothesis import strategies as st

from proxy.canonical.catalog import ModelCard
from proxy.errors import ModelNotFound
from proxy.routing import Destination, ModelMap, RoutedUpstream, RouteTable
from proxy.routing.names import without_latest
from tests.routing.tables import Lists, led

NAMES = ("a", "b", "org")
WORDS = (
    "m",
    "M",
    "n",
    "m:latest",
    "n:LATEST",
    "m:8b",
    "org/m",
    "org/n",
    "a/m",
    "a/M:latest",
    "b:m",
    "a",
    "a:latest",
    "b/a/m",
    "org:8b",
    "latest",
)
GLOBS = ("m*", "*:8b", "org/*", "a/*", "n", "*")

Aliases = st.SearchStrategy[dict[str, str]]

ids = st.sampled_from(WORDS)
models = st.lists(ids, max_size=6)
asked = st.one_of(
    ids, st.builds("{}{}{}".format, st.sampled_from((*NAMES, "A", "x")), st.sampled_from("/:"), ids), st.sampled_from(("x", ""))
)
targets = st.dictionaries(st.one_of(ids, st.sampled_from(GLOBS)), asked.filter(bool), max_size=3)
# No name is given twice, with and without `:latest`.
single_targets = targets.map(lambda entries: {key: entries[key] for key in {without_latest(key).lower(): key for key in entries}.values()})


@st.composite
def upstreams(draw: st.DrawFn, *, plain: bool = False, aliases: Aliases = targets) -> tuple[RoutedUpstream, ...]:
    """Up to three; `plain` ones have no aliases, hide nothing, and are known."""
    names = draw(st.lists(st.sampled_from(NAMES), min_size=1, max_size=3, unique=True))
    return tuple(
        RoutedUpstream(
            name,
            Lists(draw(models if plain else st.one_of(models, st.none()))),
            priority=draw(st.integers(0, 1)),
            aliases={} if plain else draw(aliases),
            show=() if plain else tuple(draw(st.lists(st.sampled_from(GLOBS), max_size=2))),
            hide=() if plain else tuple(draw(st.lists(st.sampled_from(GLOBS[:-1]), max_size=2))),
        )
        for name in names
    )


@st.composite
def tables(draw: st.DrawFn, *, mapping: Aliases = targets) -> tuple[tuple[RoutedUpstream, ...], RouteTable]:
    each = draw(upstreams(aliases=mapping))
    default = draw(st.sampled_from(("", *(upstream.name for upstream in each))))
    fallbacks = draw(st.dictionaries(st.one_of(asked, st.just("*")), st.lists(asked, max_size=3), max_size=3))
    return each, RouteTable(each, default, ModelMap(draw(mapping)), fallbacks)


def hides(upstream: RoutedUpstream, model: str) -> bool:
    bare = without_latest(model).lower()
    forms = (model.lower(), bare, f"{bare}:latest")

    def is_matched(globs: tuple[str, ...]) -> bool:
        return any(fnmatchcase(form, glob) for form in forms for glob in globs)

    return is_matched(upstream.hide) or bool(upstream.show and not is_matched(upstream.show))


def chain_or_none(table: RouteTable, name: str) -> tuple[Destination, ...]:
    """The chain, `()` for a name that leads nowhere; an empty one is never handed out."""
    try:
        chain = table.chain(name)
    except ModelNotFound:
        return ()
    assert chain
    return chain


@given(tables())
def test_every_merged_name_leads_to_the_model_that_it_is_listed_for(made: tuple[tuple[RoutedUpstream, ...], RouteTable]) -> None:
    each, table = made
    by_name = {upstream.name: upstream for upstream in each}
    for entry in table.merged():
        first = table.chain(entry.name)[0]
        assert first == entry.destination
        if first.card is not None:
            assert first.card in (by_name[first.upstream].models.known or ())
        found = table.find(entry.name)
        assert found is None or found == entry


@given(tables())
def test_no_name_is_listed_twice(made: tuple[tuple[RoutedUpstream, ...], RouteTable]) -> None:
    names = [entry.name for entry in made[1].merged()]
    assert len(names) == len(set(names))


BOTH_SPELLINGS = (RoutedUpstream("a", Lists(None)), RoutedUpstream("b", Lists(["m", "m:latest"])))


@given(tables(mapping=single_targets))
@example((BOTH_SPELLINGS, RouteTable(BOTH_SPELLINGS, model_map=ModelMap({"m": "m:latest"}))))
def test_a_listed_name_leads_to_the_same_model_with_the_tag_that_ollamas_clients_add(
    made: tuple[tuple[RoutedUpstream, ...], RouteTable],
) -> None:
    entries = {entry.name: entry.destination for entry in made[1].merged()}
    # Of a server's `m` and `m:latest` Ollama's clients see the latter, by whichever name the operator lets it be listed.
    others = {f"{upstream.name}/{card.id}" for upstream in made[0] for card in upstream.models.known or ()}
    for name, destination in entries.items():
        tagged = name if ":" in name.rpartition("/")[2] else f"{name}:latest"
        if tagged not in entries and tagged not in others:
            assert made[1].chain(tagged)[0].key == destination.key


@given(upstreams(plain=True))
def test_every_model_is_listed_once_and_reached_by_its_full_name(each: tuple[RoutedUpstream, ...]) -> None:
    table = RouteTable(each)
    models = {(upstream.name, card.id) for upstream in each for card in upstream.models.known or ()}
    assert Counter(entry.destination.key for entry in table.merged()) == Counter(models)
    for upstream, model in models:
        assert led(table, f"{upstream}/{model}") == f"{upstream} {model}"


@given(tables(), st.lists(asked, max_size=8))
def test_every_full_name_of_a_shown_model_is_accepted_and_nothing_leads_to_a_hidden_one(
    made: tuple[tuple[RoutedUpstream, ...], RouteTable], names: list[str]
) -> None:
    each, table = made
    by_name = {upstream.name: upstream for upstream in each}
    full_names = [(upstream, f"{upstream.name}/{card.id}", card) for upstream in each for card in upstream.models.known or ()]
    for upstream, name, card in full_names:
        if not hides(upstream, card.id) and not table._mapping.named(name) and not table._mapping.has_globs:
            assert table.chain(name)[0].upstream == upstream.name
    for name in [*names, *(name for _, name, _ in full_names)]:
        assert not any(hides(by_name[destination.upstream], destination.upstream_model) for destination in chain_or_none(table, name))


@given(tables(), st.lists(asked, min_size=1, max_size=8))
def test_no_chain_holds_a_destination_twice(made: tuple[tuple[RoutedUpstream, ...], RouteTable], names: list[str]) -> None:
    for name in names:
        keys = [destination.key for destination in chain_or_none(made[1], name)]
        assert len(keys) == len(set(keys))


class ByName:
    """A list in which no two names differ in case or `:latest` only."""

    def __init__(self, names: list[str]) -> None:
        self.known = tuple({without_latest(name).lower(): ModelCard(name) for name in names}.values())

    def by_name(self, name: str) -> ModelCard | None:
        return next((card for card in self.known if without_latest(card.id).lower() == without_latest(name).lower()), None)


@given(models, targets, asked)
def test_one_upstream_is_asked_for_what_the_model_map_says(names: list[str], mapping: dict[str, str], name: str) -> None:
    listed = ByName(names)
    table = RouteTable((RoutedUpstream("default", listed),), "", ModelMap(mapping))
    assert table.chain(name)[0].upstream_model == ModelMap(mapping).upstream_model(name, listed)


@given(tables(), st.lists(st.tuples(st.integers(0, 2), st.one_of(models, st.none())), max_size=4), st.lists(asked, max_size=4))
def test_a_table_that_saw_lists_change_is_as_good_as_a_new_one(
    made: tuple[tuple[RoutedUpstream, ...], RouteTable], changes: list[tuple[int, list[str] | None]], names: list[str]
) -> None:
    each, table = made
    for place, names_now in changes:
        upstream = each[place % len(each)]
        assert isinstance(upstream.models, Lists)
        upstream.models.fetch(names_now)
        table.merged()
        fresh = RouteTable(each, table._default, ModelMap({}), {})
        fresh._mapping, fresh._fallbacks = table._mapping, table._fallbacks
        fresh._routes = fresh._made(fresh._routes.lists, fresh._routes.names)
        assert table.merged() == fresh.merged()
        assert [led(table, name) for name in names] == [led(fresh, name) for name in names]
