"""The official libraries as clients: what they take for an answer, and what for an error, is what users get."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextvars import ContextVar
from dataclasses import dataclass

import httpx
import ollama
import openai

from chaos.judging import Ending, Wrong, broken_off, complete, refused
from chaos.load.kinds import Kind, messages
from chaos.orders import MODEL, Order

# Of a kept connection that breaks a library does not tell whether it was stale; `hearing` keeps connections, and knows.
_NO_KEEPING = {"Connection": "close"}
_marker: ContextVar[str] = ContextVar("marker")


async def _sign(request: httpx.Request) -> None:
    """Gives a request the id by which logs know it: the ollama library has no word for headers of one request."""
    request.headers["X-Request-ID"] = _marker.get()


_SIGNED = {"request": [_sign]}


@dataclass(slots=True)
class Told:
    """What a library has handed out. `finish` and `tokens` are those of the end; `retry_after` is that of a refusal."""

    started_s: float
    text: str = ""
    finish: str | None = None
    tokens: int | None = None
    first_s: float | None = None
    ended_s: float = 0.0
    retry_after: str = ""

    def add(self, text: str) -> None:
        self.first_s = self.first_s or time.monotonic()
        self.text += text


class Libraries:
    """The clients of both libraries for the gateway at `url`."""

    def __init__(self, url: str, limit_s: float) -> None:
        self._limit_s = limit_s
        # Authorities of certificates take long to load, and are not asked on loopback.
        self._ollama = ollama.AsyncClient(url, timeout=limit_s, headers=_NO_KEEPING, trust_env=False, verify=False, event_hooks=_SIGNED)
        self._openai = openai.AsyncOpenAI(
            base_url=f"{url}/v1",
            api_key="none",
            max_retries=0,
            timeout=limit_s,
            default_headers=_NO_KEEPING,
            http_client=openai.DefaultAsyncHttpxClient(trust_env=False, verify=False, event_hooks=_SIGNED),
        )
        # Half of the library is imported when it is first needed; that must not be while others are timed.
        self._completions = self._openai.chat.completions

    async def close(self) -> None:
        """Closes what they hold."""
        await self._openai.close()

    async def ask(self, kind: Kind, order: Order) -> tuple[Told, Ending]:
        """What the library handed out, and how it ended."""
        told = Told(time.monotonic())
        _marker.set(order.marker)
        try:
            async with asyncio.timeout(self._limit_s):
                ending = await self._judge(kind, order, told)
        except TimeoutError:
            ending = Ending("wrong", f"hangs: no end after {self._limit_s:g} s")
        except Wrong as wrong:
            ending = Ending("wrong", str(wrong))
        told.ended_s = time.monotonic()
        return told, ending

    async def _judge(self, kind: Kind, order: Order, told: Told) -> Ending:
        try:
            await (self._read_ollama(order, told) if kind.dialect == "ollama" else self._read_openai(order, told))
        except openai.APIStatusError as error:
            told.retry_after = error.response.headers.get("retry-after", "")
            return refused(error.status_code, error.message)
        except openai.APIConnectionError as error:
            return _cut(told, f"{error} ({error.__cause__!r})")
        except openai.APIError as error:
            return broken_off(order, told.text, error.message)
        except ollama.ResponseError as error:
            told.retry_after = "the library keeps it to itself"
            # -1 stands for an error inside a stream.
            return refused(error.status_code, error.error) if error.status_code >= 400 else broken_off(order, told.text, error.error)
        except (httpx.TransportError, ConnectionError) as error:
            return _cut(told, repr(error))
        except Exception as error:  # whatever a library stumbles over is what we look for
            raise Wrong(f"the library raises {error!r}") from error
        if told.finish != "stop":
            raise Wrong(f"the library sees a clean end, and the finish {told.finish!r}")
        return complete(order, told.text, told.tokens)

    async def _read_ollama(self, order: Order, told: Told) -> None:
        parts: AsyncIterator[ollama.ChatResponse] = await self._ollama.chat(MODEL, messages(order), stream=True)
        async for part in parts:
            told.add(part.message.content or "")
            if part.done:
                told.finish, told.tokens = part.done_reason, part.eval_count

    async def _read_openai(self, order: Order, told: Told) -> None:
        options = openai.types.chat.ChatCompletionStreamOptionsParam(include_usage=True)
        asked = openai.types.chat.ChatCompletionUserMessageParam(role="user", content=order.prompt)
        chunks = await self._completions.create(model=MODEL, messages=[asked], stream=True, stream_options=options)
        async for chunk in chunks:
            for choice in chunk.choices:
                told.add(choice.delta.content or "")
                told.finish = choice.finish_reason or told.finish
            if chunk.usage is not None:
                told.tokens = chunk.usage.completion_tokens


def _cut(told: Told, how: str) -> Ending:
    """The ending of an answer whose connection broke. Raises `Wrong` when it had begun."""
    if told.text:
        raise Wrong(f"cut off without a word: {how}")
    return Ending("unreachable", how)
