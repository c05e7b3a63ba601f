"""The shape of a profile: what one kind of server accepts, renames or refuses."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from types import MappingProxyType
from typing import Any, Final, Literal

ReasoningStyle = Literal["none", "effort", "template", "openrouter", "thinking_switch", "groq", "adaptive", "budget", "level"]

NOTHING: Mapping[str, Any] = MappingProxyType({})

LEVELS: Final = ("low", "medium", "high")
"""How hard models think, in the words that nearly all servers share."""

GENERIC: Final = "generic"
"""The profile of servers whose kind nobody knows."""


@dataclass(frozen=True, slots=True)
class Profile:
    """What a server takes. Immutable: a lesson learnt from a refusal is a new profile.

    Attributes:
        name: word for logs, metrics and the setting `UPSTREAM_PROFILE`.
        params: canonical parameter, also one of `ChatRequest.extra` -> the name that goes on the wire; what is no key is not sent.
        max_tokens: wire name of the token limit.
        stop_limit: how many stop sequences the server takes (0: none, `None`: any number); the rest is cut off here.
        reasoning: how thinking is switched on, off and graded.
        efforts: the words for "how hard" that the server takes, `none` among them when it can be told not to think.
        json_mode: what `format: "json"` becomes; `prompt` asks for it in words, where the server constrains nothing.
        json_word: what to do where `json_object` is refused unless a message speaks of JSON, and none does: take a schema, or say the word.
        json_schema: whether `response_format` may carry a schema.
        strict_schema: whether schemas are called strict: of answers those that fulfil OpenAI's rules, of tools see `strict_tools`.
        strict_tools: which tools are called strict, of clients with rules of their own who want that: all, or those whose schema fulfils
            OpenAI's rules as it stands.
        format_with_tools: whether `response_format` may come with tools.
        streams: what is streamed; the rest is asked for as a whole and streamed on from here.
        gathers_wholes: whether a whole answer is asked for as a stream, because the server works on after the client of a whole one left.
        stream_options: whether usage can be asked for in streams.
        tools, logprobs, dimensions: whether the server takes them at all.
        named_tool: how one tool is demanded; `only` sends just that tool, and demands any.
        any_tool: the word that demands a call.
        name_chars: how long names of tools may be; longer ones are shortened on the way there. `None`: of any length.
        plain_names: whether names of tools may have only the letters and digits of ASCII, `_` and `-`; others are replaced there.
        tool_ids: `alnum9` for servers that take only nine letters or digits.
        no_content: how a turn that has only tool calls says so.
        message_names: whether messages may carry the `name` of who speaks.
        echo_reasoning: the field in which thinking goes back with the tool calls that it led to, `""` to leave it out.
        must_echo_reasoning: whether the server refuses earlier turns without their thinking.
        unsigned_thoughts: whether a server that speaks Anthropic's language takes thoughts back that nobody signed, as those that are not
            Anthropic's own give them.
        latest_thoughts: whether the thoughts of the model's latest turn go back; not where the server just said that they are not as it
            gave them.
        prefill: how a server is made to go on with the last turn where that is the model's: vLLM's switch, Mistral's mark, or llama.cpp's
            condition that it must not think; `unasked` where it always does; `reworded` where such a turn is refused, and the user must ask
            for the rest; `""` where it is history like any other.
        think_tags: whether `<think>` tags at the start of the content are split off.
        prompt_path: where plain texts are continued, `""` where they are what a user says in a chat.
        odd_paths: where answers are not such as clients can read, though the server has the path: what is asked there is translated.
        count_path: where the tokens of a chat are counted, `""` where they are not.
        suffix: whether a gap before a suffix can be filled; some servers drop a suffix in silence.
        embeddings: fields that go with every request for vectors.
        truncation: fields that let the server shorten texts that are too long for it.
        texts_at_once: how many texts one request for vectors may have.
        output_limit: how many tokens an answer can have at most, where that is known and the server refuses to be asked for more.
        output_room: how many it can have beside the prompt at hand, which the server just said.
        names_stops: whether the server tells which stop sequence ended an answer.
        blank_stops: whether stop sequences may be nothing but white space; such ones are cut off here where they may not.
        sampling_pairs: whether `temperature` and `top_p` may come together.
        system_turns: whether the system may speak between turns.
        forced_tools: whether a call can be demanded.
        schemas: whether schemas go as they came, or are rewritten to the part of OpenAPI that Gemini's older models know.
        system: whether there is a place for what the system says; where there is none, the user says it.
        results_show: whether results of tools may hold pictures; where they may not, those come behind them.
        files: which documents messages may hold: none, such as come with the request, or `any`, also by URL.
        cache_hints: whether marks of what to cache are understood.
        signatures: where signatures of thoughts and calls come from and go back to: Google's OpenAI-style door has a member of calls for
            them, OpenRouter a list of details beside the message, other languages places of their own.
        thought_tokens: the least and the most that can be asked for as a budget of thoughts, where the server said so.
        dropped: wire names that must not be sent, learnt from refusals.
        unsaid: wire names that the request at hand goes without: its own value was refused, and others may be taken.
        passing: names of the fields that hold for the request at hand alone: its prompt, its schemas or its tools were refused, and other
            requests have others.
        sent: `params` without what is left out, ready to be walked through.
    """

    name: str
    params: Mapping[str, str] = field(default_factory=lambda: NOTHING)
    max_tokens: Literal["max_tokens", "max_completion_tokens"] = "max_tokens"
    stop_limit: int | None = 4
    reasoning: ReasoningStyle = "none"
    efforts: tuple[str, ...] = ()
    json_mode: Literal["json_object", "json_schema", "prompt"] = "json_object"
    json_word: Literal["", "schema", "say"] = ""
    json_schema: bool = True
    strict_schema: bool = True
    strict_tools: Literal["any", "openai"] = "any"
    format_with_tools: bool = True
    streams: Literal["all", "unformatted", "none"] = "all"
    gathers_wholes: bool = False
    stream_options: bool = True
    tools: bool = True
    logprobs: bool = True
    dimensions: bool = True
    named_tool: Literal["object", "only"] = "object"
    any_tool: Literal["required", "any"] = "required"
    name_chars: int | None = 64
    plain_names: bool = False
    tool_ids: Literal["any", "alnum9"] = "any"
    no_content: Literal["null", "absent", "empty"] = "null"
    message_names: bool = True
    echo_reasoning: Literal["", "reasoning_content", "reasoning", "thinking"] = ""
    must_echo_reasoning: bool = False
    unsigned_thoughts: bool = False
    latest_thoughts: bool = True
    prefill: Literal["", "switch", "mark", "unthinking", "unasked", "reworded"] = ""
    think_tags: bool = True
    prompt_path: str = "/completions"
    odd_paths: frozenset[str] = frozenset()
    count_path: str = ""
    suffix: bool = True
    embeddings: Mapping[str, Any] = field(default_factory=lambda: NOTHING)
    truncation: Mapping[str, Any] = field(default_factory=lambda: NOTHING)
    texts_at_once: int | None = None
    output_limit: int | None = None
    output_room: int | None = None
    names_stops: bool = False
    blank_stops: bool = True
    sampling_pairs: bool = True
    system_turns: bool = False
    forced_tools: bool = True
    schemas: Literal["json", "openapi"] = "json"
    system: bool = True
    results_show: bool = False
    files: Literal["", "data", "any"] = ""
    cache_hints: bool = False
    signatures: Literal["", "google", "details", "own"] = ""
    thought_tokens: tuple[int, int] | None = None
    dropped: frozenset[str] = frozenset()
    unsaid: frozenset[str] = frozenset()
    passing: frozenset[str] = frozenset()
    sent: tuple[tuple[str, str], ...] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "sent", tuple((ours, wire) for ours, wire in self.params.items() if not self.leaves_out(wire)))

    def for_this_request(self, **changes: Any) -> Profile:
        """The profile with changes that no other request is to feel."""
        return replace(self, **changes, passing=self.passing | changes.keys())

    def without_in_this_request(self, *names: str) -> Profile:
        """The profile that leaves out these wire names, which no other request is to feel."""
        return self.for_this_request(unsaid=self.unsaid.union(names)) if self.unsaid.union(names) != self.unsaid else self

    def lent(self, learnt: Profile) -> Profile:
        """The profile with all in which `learnt` differs from it, which no other request is to feel."""
        names = (each.name for each in fields(self) if each.init and each.name not in ("dropped", "passing"))
        changes = {name: getattr(learnt, name) for name in names if getattr(learnt, name) != getattr(self, name)}
        lent = self.for_this_request(**changes)
        return lent.without_in_this_request(*(learnt.dropped - self.dropped))

    def leaves_out(self, name: str) -> bool:
        """Whether the field of that wire name must not be sent."""
        return name in self.dropped or name in self.unsaid

    def as_kept(self, before: Profile) -> Profile:
        """The profile without what holds for the request at hand alone: there it stays what it was `before`."""
        return replace(self, **{name: getattr(before, name) for name in self.passing}, passing=frozenset()) if self.passing else self

    def answer_within(self, asked: int) -> int:
        """How many tokens to ask for, at most, where a client asked for so many."""
        return min(limit for limit in (asked, self.output_limit, self.output_room) if limit is not None)

    @property
    def repeats_prefill(self) -> bool:
        """Whether answers may begin with the last turn where that is the model's: Mistral's do, and where it is history they may.

        Source: Mistral's API, of `prefix`: "force the model to start its answer by the content of the message".
        """
        return self.prefill in ("", "mark")

    @property
    def wants_back(self) -> bool:
        """Whether there is a place for what the model said beside its earlier calls: thoughts, or signatures."""
        return bool(self.echo_reasoning or self.must_echo_reasoning or self.signatures)

    @property
    def may_want_back(self) -> bool:
        """Whether there is such a place, or may turn out to be one: a server whose kind nobody knows says so by a refusal."""
        return self.wants_back or self.name == GENERIC
