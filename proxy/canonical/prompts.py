"""Plain texts where there are only chats: a text to go on with as what a user says. Pure."""

from __future__ import annotations

from proxy.canonical.request import ChatRequest, Message, PromptRequest, TextPart
from proxy.errors import InvalidRequest, NotSupported


def as_chat(request: PromptRequest) -> ChatRequest:
    """The chat that is as near to a plain continuation as a server comes that only chats.

    Raises:
        InvalidRequest: there is a gap to be filled.
        NotSupported: the text is a finished prompt: the server would put its model's template around the one that is in it. Its status is
            that of a wrong request, since asking again changes nothing.
    """
    if request.suffix is not None:
        raise InvalidRequest(f'"{request.model}" does not support insert', param="suffix")
    if request.is_finished:
        raise NotSupported(
            f'"{request.model}" is on a server that only chats and takes no finished prompts: leave raw out', status=400, param="raw"
        )
    return ChatRequest(
        request.model,
        (Message("user", (TextPart(request.prompt),)),),
        stream=request.stream,
        sampling=request.sampling,
        user=request.user,
        extra=request.extra,
    )
