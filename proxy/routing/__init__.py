"""The name that a client asked for -> where it goes, and what the server there takes. Pure: it asks no upstream and knows no clock.

names.py           spellings of a name, and tables that are read by any of them
model_map.py       the operator's names
upstream_names.py  the names that one upstream has
resolver.py        which rule leads a name to which upstream
fallbacks.py       where it goes next
merged.py          all names, as clients see them
route_table.py     `RouteTable`: all this, kept until a list changes
profile_choice.py  the profile of a model of which nothing was learnt yet
claude_choice.py   what Anthropic's list says of that
"""

from proxy.routing.destination import Destination, ListedName, Route, Rule
from proxy.routing.model_map import ListedModels, ModelMap
from proxy.routing.names import NameMap
from proxy.routing.profile_choice import AUTO, checked_profile, profile_of
from proxy.routing.route_table import RouteTable
from proxy.routing.upstream_names import KnownModels, RoutedUpstream, ShownModels

__all__ = [
    "AUTO",
    "Destination",
    "KnownModels",
    "ListedModels",
    "ListedName",
    "ModelMap",
    "NameMap",
    "Route",
    "RouteTable",
    "RoutedUpstream",
    "Rule",
    "ShownModels",
    "checked_profile",
    "profile_of",
]
