"""What keys look like by which upstreams are asked: for those who must not repeat one. Imports nothing of the house."""

from __future__ import annotations

from typing import Final

# OpenAI sk-, Cerebras csk-, xAI xai-, NVIDIA nvapi-, Perplexity pplx-; Groq gsk_, HF hf_, Fireworks fw_, Together tgp_; Google AIza.
# Servers mask keys with stars when they repeat them. A regular expression without groups of its own.
KEY_LOOKS: Final = r"(?<![\w-])(?:(?:c?sk|xai|nvapi|pplx)-|(?:g?sk|hf|fw|tgp)_)[\w*.-]{5,}[\w*]|(?<!\w)AIza[\w-]{10,}"


def may_hold_key(lower: str) -> bool:
    """Whether `KEY_LOOKS` has a chance in a text whose lower case is `lower`: most texts hold none of its words."""
    return (
        "sk-" in lower
        or "sk_" in lower
        or "hf_" in lower
        or "fw_" in lower
        or "tgp_" in lower
        or "xai-" in lower
        or "nvapi-" in lower
        or "pplx-" in lower
        or "aiza" in lower
    )
