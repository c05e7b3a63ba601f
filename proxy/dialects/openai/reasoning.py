"""How hard to think, in the words of each kind of server. Pure.

Each server has its own switch, and none refuses to be left alone: without a wish of the client nothing is sent.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from proxy.canonical.efforts import effort_of_budget, nearest_effort
from proxy.canonical.request import ChatRequest, Effort
from proxy.dialects.openai.messages import Json
from proxy.profiles import Profile, ReasoningStyle

_TEMPLATE_EFFORTS: Final = ("low", "medium", "high")


def add_reasoning(body: Json, request: ChatRequest, profile: Profile) -> None:
    """The client's wish to let the model think, or not; nothing where the server could not be told."""
    style = _STYLES.get(profile.reasoning)
    if style is None:
        return
    effort, budget = request.reasoning, request.reasoning_budget
    if budget is not None and effort in (None, "on"):
        effort = effort_of_budget(budget)
    fields = style(effort, profile) if effort is not None else {}
    if profile.reasoning == "openrouter":
        fields = _with_openrouters_own(fields, request)
    elif profile.reasoning == "groq" and request.hides_reasoning:
        fields["reasoning_format"] = "hidden"
    body.update({name: value for name, value in fields.items() if not profile.leaves_out(name)})


def _effort_field(effort: Effort, profile: Profile) -> Json:
    word = nearest_effort(effort, profile.efforts)
    return {"reasoning_effort": word} if word else {}


def _template(effort: Effort, profile: Profile) -> Json:
    """Chat templates ignore what they do not know. Qwen's and GLM's know `enable_thinking`, DeepSeek's `thinking`, gpt-oss's the effort."""
    thinks = effort != "off"
    kwargs: Json = {"enable_thinking": thinks, "thinking": thinks}
    word = nearest_effort(effort, _TEMPLATE_EFFORTS) if thinks else None
    if word:
        kwargs["reasoning_effort"] = word
    # vLLM renders gpt-oss without its template, and reads the effort from here.
    return {"chat_template_kwargs": kwargs} | (_effort_field(effort, profile) if thinks else {})


def _openrouter(effort: Effort, profile: Profile) -> Json:
    if effort == "on":
        return {"reasoning": {"enabled": True}}
    word = nearest_effort(effort, profile.efforts)
    if word == "none":
        return {"reasoning": {"enabled": False}}
    return {"reasoning": {"effort": word}} if word else {}


def _with_openrouters_own(fields: Json, request: ChatRequest) -> Json:
    """What only OpenRouter can be told: a number of tokens in place of an effort, and that nobody wants to read the thoughts."""
    said = fields.get("reasoning", {})
    if request.reasoning_budget and request.reasoning in (None, "on"):
        said = {"max_tokens": request.reasoning_budget}
    if request.hides_reasoning:
        said = {**said, "exclude": True}
    return {"reasoning": said} if said else {}


def _thinking_switch(effort: Effort, profile: Profile) -> Json:
    return {"thinking": {"type": "disabled" if effort == "off" else "enabled"}}


def _groq(effort: Effort, profile: Profile) -> Json:
    return {"reasoning_format": "hidden" if effort == "off" else "parsed"} | _effort_field(effort, profile)


_STYLES: Final[Mapping[ReasoningStyle, Callable[[Effort, Profile], Json]]] = {
    "effort": _effort_field,
    "template": _template,
    "openrouter": _openrouter,
    "thinking_switch": _thinking_switch,
    "groq": _groq,
}
