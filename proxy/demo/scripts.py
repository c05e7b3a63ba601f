"""What the scripted models say. Pure: a request in, the parts of the answer out. Every answer says that it is a demo."""

from __future__ import annotations

import re

import orjson

from proxy.demo.ask import Ask
from proxy.demo.hints import Hints
from proxy.demo.models import DEMO_MODELS
from proxy.demo.pictures import Picture
from proxy.demo.samples import sample
from proxy.demo.tokens import Part
from proxy.demo.tool_script import plan_calls

_REPEAT = re.compile(r"\s*(?:please\s+)?(?:say|repeat(?:\s+after\s+me)?)\s*:?\s+(.+)", re.IGNORECASE | re.DOTALL)
_COUNT = re.compile(r"\bcount\s+(?:up\s+)?to\s+(\d{1,4})\b", re.IGNORECASE)
_GREETING = re.compile(r"\s*(?:hi|hello|hey|good\s+\w+)\b", re.IGNORECASE)
_HELP = re.compile(r"\bhelp\b|what can you do|who are you|which model", re.IGNORECASE)
_QUOTE_LETTERS = 200


def script(ask: Ask) -> list[Part]:
    """The parts of the answer, in the order in which they are said."""
    parts = [Part("reasoning", _thought(ask))] if ask.effort else []
    if not ask.tool_results and (calls := _calls(ask)):
        return [*parts, *calls]
    return [*parts, Part("content", _content(ask))]


def continuation(prompt: str, suffix: str | None) -> str:
    """What follows the prompt, or fits between it and the suffix."""
    last = " ".join(prompt.split()[-1:])
    if suffix:
        return f" (a demo fills the gap between “{last}” and “{' '.join(suffix.split()[:1])}”) "
    return f" … and so on after “{last}”, says the demo, which has no model behind it."


def _calls(ask: Ask) -> list[Part]:
    if ask.tool_choice == "none":
        return []
    named = [tool for tool in ask.tools if tool.name == ask.tool_choice]
    return plan_calls(named or ask.tools, ask.text, forced=ask.tool_choice != "auto", parallel=ask.parallel)


def _content(ask: Ask) -> str:
    if ask.schema is not None:
        return orjson.dumps(sample(ask.schema, Hints(ask.text))).decode()
    if ask.json or ask.model.id == "demo-json":
        return orjson.dumps({"demo": True, "you_wrote": ask.text, "words": len(ask.text.split())}).decode()
    if ask.tool_results:
        return _about_results(ask)
    if ask.pictures:
        return _about_pictures(ask.pictures)
    if ask.tools and ask.tool_choice != "none":
        names = ", ".join(tool.name for tool in ask.tools)
        return f"{_small_talk(ask)} I called none of your tools ({names}), because no word of your message fits one."
    return _small_talk(ask)


def _small_talk(ask: Ask) -> str:
    text = ask.text
    if count := _COUNT.search(text):
        return " ".join(map(str, range(1, int(count[1]) + 1))) + " (counted by a demo)"
    if repeat := _REPEAT.match(text):
        return f"{repeat[1]} (said by a demo)"
    if _HELP.search(text):
        return f"I am {ask.model.id}, a scripted demo without a language model. {_all_models()}"
    if _GREETING.match(text):
        return f"Hello! I am {ask.model.id}, a scripted demo: no language model is running here. Ask me for help to hear what I can show."
    return _about_message(ask)


def _all_models() -> str:
    return "You can try " + " ".join(f"{model.id}: {model.description}" for model in DEMO_MODELS)


def _about_message(ask: Ask) -> str:
    said = [f"This is a demo: {ask.model.id} follows a script, no language model is running here."]
    if ask.text:
        said.append(f"You wrote “{_short(ask.text)}” ({_words(ask.text)}).")
    if ask.system:
        said.append(f"Your system message says “{_short(ask.system)}”.")
    if ask.turns > 1:
        said.append(f"It is your message number {ask.turns} in this conversation.")
    if ask.model.can("vision"):
        said.append("Send me a picture, and I tell its type and size.")
    return " ".join(said)


def _about_results(ask: Ask) -> str:
    told = " ".join(f"{name or 'The tool'} answered: {_short(text)}." for name, text in ask.tool_results)
    return f"{told} So says the demo, which only repeats what your tools returned."


def _about_pictures(pictures: tuple[Picture, ...]) -> str:
    return " ".join(
        ["This demo reads only the headers of pictures.", *(f"Picture {at}: {_describe(one)}." for at, one in enumerate(pictures, 1))]
    )


def _describe(picture: Picture) -> str:
    size = f"{picture.width} x {picture.height} pixels" if picture.width else "of unknown dimensions"
    return f"{picture.kind}, {size}, {picture.size_bytes} bytes"


def _thought(ask: Ask) -> str:
    """One sentence more for each degree of effort."""
    thoughts = (
        f"The user wrote “{_short(ask.text)}”.",
        "I am a demo, so this thought comes from a script.",
        "A real model would weigh several answers here before it chose one.",
    )
    return " ".join(thoughts[: {"minimal": 1, "low": 1, "medium": 2}.get(ask.effort, 3)])


def _words(text: str) -> str:
    count = len(text.split())
    return "1 word" if count == 1 else f"{count} words"


def _short(text: str) -> str:
    return text if len(text) <= _QUOTE_LETTERS else text[: _QUOTE_LETTERS - 1] + "…"
