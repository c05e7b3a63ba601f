"""What kinds of servers take: data, no logic. How a profile is chosen and learnt is `routing`'s business.

profile.py      `Profile`: what one kind of server accepts, renames or refuses
rows.py         those that are known
recognition.py  by what they and their models are recognised
"""

from proxy.profiles.profile import GENERIC, Profile, ReasoningStyle
from proxy.profiles.recognition import (
    ANTHROPICS_HOST,
    AZURE_HOSTS,
    CLAUDE_FAMILIES,
    DIALECT_PROFILES,
    ENTRY_MARKS,
    HOSTS,
    MODEL_VARIANTS,
    NARROWED,
    OWNERS,
    REASONING_MODELS,
    REASONING_VARIANTS,
    SEEING_GEMINI,
    UNLISTED_PARAMETERS,
)
from proxy.profiles.rows import PROFILES

__all__ = [
    "ANTHROPICS_HOST",
    "AZURE_HOSTS",
    "CLAUDE_FAMILIES",
    "DIALECT_PROFILES",
    "ENTRY_MARKS",
    "GENERIC",
    "HOSTS",
    "MODEL_VARIANTS",
    "NARROWED",
    "OWNERS",
    "PROFILES",
    "REASONING_MODELS",
    "REASONING_VARIANTS",
    "SEEING_GEMINI",
    "UNLISTED_PARAMETERS",
    "Profile",
    "ReasoningStyle",
]
