"""What the demo refuses, in OpenAI's words."""

from __future__ import annotations

from typing import Any

from proxy.demo.models import DEMO_MODELS


class Refusal(Exception):
    """An error answer: status and the fields of OpenAI's error object."""

    def __init__(self, message: str, *, status: int = 400, param: str | None = None, code: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.status = status
        self.param = param
        self.code = code

    def body(self) -> dict[str, Any]:
        """OpenAI's error object."""
        kind = "invalid_request_error" if self.status < 500 else "server_error"
        return {"error": {"message": self.message, "type": kind, "param": self.param, "code": self.code}}


def unknown_model(name: str) -> Refusal:
    """The refusal of a model that the demo does not have; it names those that it has."""
    names = ", ".join(model.id for model in DEMO_MODELS)
    return Refusal(
        f"The model `{name}` does not exist. This is a demo, it has: {names}.", status=404, param="model", code="model_not_found"
    )


def too_long(words: int, limit: int, param: str) -> Refusal:
    """The refusal of an input that is longer than the model's window."""
    message = f"This model's maximum context length is {limit} tokens, but the input has {words} tokens."
    return Refusal(message, param=param, code="context_length_exceeded")
