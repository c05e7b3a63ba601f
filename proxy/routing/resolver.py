"""Which rule leads a name to which model of which upstream. Pure.

The first of these that knows the name:

1. The operator's mapping, by name. What it leads to is looked up as below, but not in the mapping again, and is asked for as it is written.
2. `upstream/name`, where the upstream has that name, or may have it because nobody knows its list.
3. A name that an upstream has; but the mapping's globs come before it. Of several that have it: the highest priority, then who lists it
   before whose alias it is, then the first in the file. To differ in `:latest` is to be the same name; one in the same case comes before
   others.
4. `upstream/name` and `upstream:name`, listed or not: the upstream that is named is asked.
5. The mapping's globs.
6. An upstream's alias that is a glob.
7. The default upstream, for what nobody has.

In 2 and 4 too the mapping's globs come first, but only those that begin with the same upstream: they were written for such names.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import groupby

from proxy.errors import ModelNotFound
from proxy.routing.destination import Destination, Rule
from proxy.routing.names import LATEST, NameMap, is_same, without_latest
from proxy.routing.upstream_names import UpstreamNames


@dataclass(frozen=True, slots=True)
class _Address:
    """A name that begins with an upstream's, taken apart."""

    upstream: UpstreamNames
    separator: str
    name: str

    @property
    def beginning(self) -> str:
        return f"{self.upstream.name.lower()}{self.separator}"

    def destination(self, verbatim: bool) -> Destination | None:
        """The model that is meant; `None` when it is hidden."""
        upstream, name = self.upstream, self.name
        found = upstream.find(name, verbatim=verbatim) or upstream.find_by_glob(name)
        if found is not None:
            return replace(found, why=f"prefix {self.beginning}, {found.why}")
        lack = "not listed there" if upstream.is_known else "its list is not known"
        return upstream.unlisted(name, Rule.PREFIX, f"prefix {self.beginning}, {lack}", verbatim=verbatim)

    def own(self) -> Destination | None:
        """As `UpstreamNames.own`."""
        return self.upstream.own(self.name, f"prefix {self.beginning}")


class Resolver:
    """What names lead to, while the lists stay as they are.

    Args:
        upstreams: with their priorities, the highest first.
        default: the name of the upstream that is asked for what nobody has; `""` lets the first one be asked that does not hide it.
        mapping: the operator's.
    """

    def __init__(self, upstreams: Sequence[tuple[int, UpstreamNames]], default: str, mapping: NameMap[str]) -> None:
        self.upstreams = tuple(upstream for _, upstream in upstreams)
        self._by_name = {upstream.name.lower(): upstream for upstream in self.upstreams}
        self._defaults = (self._by_name[default.lower()],) if default else self.upstreams
        self._why_default = f"{_lack_of(self.upstreams)}, {'default' if default else 'first'} upstream"
        self._with_globs = tuple(upstream for upstream in self.upstreams if upstream.has_globs)
        self._hidden = frozenset().union(*(upstream.hidden for upstream in self.upstreams))
        self._mapping = mapping
        self._holders: dict[str, list[UpstreamNames]] = {}
        self._folded: dict[str, UpstreamNames] = {}
        for _, group in groupby(upstreams, key=lambda each: each[0]):
            equals = [upstream for _, upstream in group]
            for upstream in equals:
                self._add(upstream, upstream.listed)
            for upstream in equals:
                self._add(upstream, upstream.aliases)

    def _add(self, upstream: UpstreamNames, names: Sequence[str]) -> None:
        for name in names:
            bare = without_latest(name)
            holders = self._holders.setdefault(bare, [])
            if upstream not in holders:
                holders.append(upstream)
            self._folded.setdefault(bare.lower(), upstream)

    def resolve(self, name: str) -> Destination:
        """Where `name` leads.

        Raises:
            ModelNotFound: it is hidden wherever it is.
        """
        name = name.strip()
        entry = self._mapping.named(name)
        if entry is not None:
            return self._mapped(entry, Rule.MAPPING)
        holder = self._holder(name)
        address = self._address(name, holder)
        entry = self._matching(name, address)
        if entry is not None:
            return self._mapped(entry, Rule.MAPPING_GLOB)
        return self._place(name, address, holder)

    def own(self, name: str, homes: Sequence[str]) -> Destination | None:
        """Where the model is that is itself called `name`, or would be if it were made: globs lead from names to other models, and say
        nothing here. `None` when it is hidden wherever it may be.

        The rule is `MAPPING` or `ALIAS` where the operator gave the very name to a model that is called otherwise.

        Args:
            homes: the upstreams that are asked for what nobody has, in this order.
        """
        name = name.strip()
        entry = self._mapping.named(name)
        if entry is not None:
            try:
                given = self._mapped(entry, Rule.MAPPING)
            except ModelNotFound:
                return None
            return replace(given, rule=Rule.PREFIX) if is_same(given.upstream_model, name) else given
        holder = self._holder(name)
        address = self._address(name, holder)
        if address is not None:
            return address.own()
        if holder is not None:
            return holder.own(name, f"a name of {holder.name}")
        return self._unlisted(name, [self._by_name[home.lower()] for home in homes])

    def own_at(self, upstream: str, name: str) -> Destination | None:
        """As `own`, of that upstream alone, whoever else has the name, and whatever the mapping says."""
        name, asked = name.strip(), self._by_name[upstream.lower()]
        address = self._address(name, self._holder(name))
        return address.own() if address is not None and address.upstream is asked else asked.own(name, f"asked of {upstream}")

    def named_upstream(self, name: str) -> str:
        """The upstream that `name` begins with, before a slash; `""` where it begins with none, or is another one's name of a model."""
        name = name.strip()
        address = self._address(name, self._holder(name))
        return address.upstream.name if address is not None and address.separator == "/" else ""

    def addressee(self, name: str) -> str:
        """The upstream that `name`, or the operator, says is to be asked for it, whatever others list; `""` where none is said."""
        try:
            destination = self.resolve(name)
        except ModelNotFound:
            address = self._address(name.strip(), self._holder(name.strip()))
            return address.upstream.name if address else ""
        return "" if destination.rule is Rule.DEFAULT else destination.upstream

    def _matching(self, name: str, address: _Address | None) -> tuple[str, str] | None:
        return self._mapping.matching(name, beginning=address.beginning if address else "")

    def _mapped(self, entry: tuple[str, str], rule: Rule) -> Destination:
        written, target = entry
        holder = self._holder(target)
        destination = self._place(target, self._address(target, holder), holder, verbatim=True)
        return replace(destination, rule=rule, why=f"alias {written} of {target}, {destination.why}")

    def _address(self, name: str, holder: UpstreamNames | None) -> _Address | None:
        """The address that `name` is, unless it is a listed name and the upstream that it begins with is known not to have the rest."""
        by_slash = self._split(name, "/")
        if by_slash is not None and by_slash.upstream.may_have(by_slash.name):
            return by_slash
        return None if holder is not None else by_slash or self._split(name, ":")

    def _split(self, name: str, separator: str) -> _Address | None:
        beginning, _, rest = name.partition(separator)
        upstream, rest = self._by_name.get(beginning.lower()), rest.strip()
        # `boxes:latest` is a model called boxes, as Ollama's clients write it.
        if upstream is None or not rest or f"{separator}{rest.lower()}" == LATEST:
            return None
        return _Address(upstream, separator, rest)

    def _holder(self, name: str) -> UpstreamNames | None:
        """Of the upstreams that have the name, the one that it leads to."""
        bare = without_latest(name)
        holders = self._holders.get(bare)
        return holders[0] if holders else self._folded.get(bare.lower())

    def _place(self, name: str, address: _Address | None, holder: UpstreamNames | None, *, verbatim: bool = False) -> Destination:
        """Where `name` leads without the mapping. Raises `ModelNotFound`."""
        if address is not None:
            destination = address.destination(verbatim)
        elif holder is not None:
            destination = self._of_holder(holder, name, verbatim)
        else:
            destination = self._by_glob(name) or self._unlisted(name, self._defaults, verbatim=verbatim)
        if destination is None:
            raise ModelNotFound(name)
        return destination

    def _of_holder(self, holder: UpstreamNames, name: str, verbatim: bool) -> Destination | None:
        found = holder.find(name, verbatim=verbatim)
        holders = self._holders.get(without_latest(name), ())
        if found is None or len(holders) < 2:
            return found
        return replace(found, why=f"{found.why}, before {', '.join(other.name for other in holders[1:])}")

    def _by_glob(self, name: str) -> Destination | None:
        return next((found for upstream in self._with_globs if (found := upstream.find_by_glob(name))), None)

    def _unlisted(self, name: str, defaults: Sequence[UpstreamNames], *, verbatim: bool = False) -> Destination | None:
        """Where an unlisted name goes, if to one of `defaults`. A hidden one goes nowhere, but to an upstream that may list it for all we
        know.
        """
        is_hidden = without_latest(name).lower() in self._hidden
        for upstream in defaults:
            if not (is_hidden and upstream.is_known):
                found = upstream.unlisted(name, Rule.DEFAULT, self._why_default, verbatim=verbatim)
                if found is not None:
                    return found
        return None


def _lack_of(upstreams: Sequence[UpstreamNames]) -> str:
    """What is true of a name that no known list has."""
    if all(upstream.is_known for upstream in upstreams):
        return "not listed"
    return "not listed by those that tell" if any(upstream.is_known for upstream in upstreams) else "no list is known"
