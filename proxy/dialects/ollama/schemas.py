"""What Ollama's endpoints accept: one schema per request type of Ollama's `api` package, built once. Pure.

Unknown fields are ignored, known ones must have their Go type, also those that have no meaning for a remote backend.
Source: `api/types.go` of Ollama v0.33.0.
"""

from __future__ import annotations

from typing import Any, NoReturn, cast

from marshmallow import EXCLUDE, Schema, ValidationError, pre_load

from proxy.dialects.ollama.fields import Anything, Bool, Converted, GoField, Int, ListOf, Media, Object, Row, String, Struct, read_members
from proxy.dialects.ollama.golang import cannot_unmarshal_whole, present
from proxy.dialects.ollama.thinking import effort
from proxy.errors import InvalidRequest
from proxy.wire.durations import keep_alive_s


class GoSchema(Schema):
    """A struct of Ollama's `api` package. `read` gives the fields that were sent, under the names that they have on the wire.

    A short chat is parsed in 21 us by `read`, in 58 by `load` (4 % of a whole answer).
    """

    go_name = ""

    class Meta:
        unknown = EXCLUDE

    def __init__(self) -> None:
        super().__init__()
        self._readers = {field.data_key or name: cast("GoField[Any]", field).read for name, field in self.load_fields.items()}
        self.wire_names = self._readers.keys()

    def read(self, payload: object) -> Row:
        """What `load` gives, by the same fields. What is wrong with a request, and what of it comes first, `load` itself says.

        Raises:
            InvalidRequest: with the first thing wrong.
        """
        if type(payload) is not dict:
            return self._judged(payload)
        try:
            return read_members(payload, self._readers)
        except ValidationError:
            return self._judged(payload)

    def _judged(self, payload: Any) -> Row:
        loaded: Row = self.load(payload)
        return loaded

    def on_bind_field(self, field_name: str, field_obj: Any) -> None:
        field_obj.place(self.go_name, field_obj.data_key or field_name)

    @pre_load
    def drop_nulls_and_fold_keys(self, payload: Any, **kwargs: Any) -> dict[str, Any]:
        if payload is None:
            return {}
        if not isinstance(payload, dict):
            raise ValidationError(cannot_unmarshal_whole(payload, f"api.{self.go_name}"))
        return present(payload, self.wire_names)

    def handle_error(self, error: ValidationError, data: Any, *, many: bool, **kwargs: Any) -> NoReturn:
        field, (message, *_) = next(iter(error.messages_dict.items()))
        raise InvalidRequest(message, param=None if field == "_schema" else field) from None


class EmbedSchema(GoSchema):
    """`/api/embed`."""

    go_name = "EmbedRequest"

    model = String()
    input = Anything()
    truncate = Bool()
    dimensions = Int()
    keep_alive = Converted(keep_alive_s)
    options = Object()


class EmbeddingSchema(GoSchema):
    """`/api/embeddings`."""

    go_name = "EmbeddingRequest"

    model = String()
    prompt = String()
    keep_alive = Converted(keep_alive_s)
    options = Object()


class InferenceSchema(GoSchema):
    """What chat and generate have in common."""

    model = String()
    stream = Bool()
    format = Anything()
    keep_alive = Converted(keep_alive_s)
    options = Object()
    think = Converted(effort)
    truncate = Bool()
    shift = Bool()
    logprobs = Bool()
    top_logprobs = Int()
    _debug_render_only = Bool()


class ChatSchema(InferenceSchema):
    """`/api/chat`."""

    go_name = "ChatRequest"

    messages = ListOf(
        Struct(
            "api.Message",
            own_decoder=True,
            role=String(),
            content=String(),
            thinking=String(),
            images=ListOf(Media(), zero=""),
            tool_calls=ListOf(
                Struct(
                    "api.ToolCall",
                    own_decoder=True,
                    id=String(),
                    function=Struct(
                        "api.ToolCallFunction",
                        own_decoder=True,
                        index=Int(),
                        name=String(),
                        arguments=Object("api.ToolCallFunctionArguments"),
                    ),
                ),
                zero={},
            ),
            tool_name=String(),
            tool_call_id=String(),
        ),
        zero={},
    )
    # What stands inside `parameters` is passed on as it came: Ollama's structs know fewer of JSON Schema's keywords than upstreams do.
    tools = ListOf(
        Struct(
            "api.Tool",
            type=String(),
            items=Anything(),
            strict=Anything(),
            function=Struct(
                "api.ToolFunction",
                name=String(),
                description=String(),
                parameters=Object("api.ToolFunctionParameters"),
                strict=Anything(),
            ),
        ),
        zero={},
        go_type="api.Tools",
    )


class GenerateSchema(InferenceSchema):
    """`/api/generate`."""

    go_name = "GenerateRequest"

    prompt = String()
    suffix = String()
    system = String()
    template = String()
    context = ListOf(Int(), zero=0)
    raw = Bool()
    images = ListOf(Media(), zero="")
    width = Int()
    height = Int()
    steps = Int()


class ShowSchema(GoSchema):
    """`/api/show`."""

    go_name = "ShowRequest"

    model = String()
    name = String()
    verbose = Bool()
    system = String()
    template = String()
    options = Object()


class PullSchema(GoSchema):
    """`/api/pull`."""

    go_name = "PullRequest"

    model = String()
    name = String()
    insecure = Bool()
    stream = Bool()
    username = String()
    password = String()


class PushSchema(PullSchema):
    """`/api/push`."""

    go_name = "PushRequest"


class CreateSchema(GoSchema):
    """`/api/create`."""

    go_name = "CreateRequest"

    model = String()
    name = String()
    stream = Bool()
    from_ = String(data_key="from", attribute="from")
    files = Object("map[string]string")
    adapters = Object("map[string]string")
    template = String()
    system = String()
    license = Anything()
    parameters = Object()
    messages = ListOf(Object("api.Message"), zero={})
    quantize = String()
    renderer = String()
    parser = String()
    requires = String()


class CopySchema(GoSchema):
    """`/api/copy`."""

    go_name = "CopyRequest"

    source = String()
    destination = String()


class DeleteSchema(GoSchema):
    """`/api/delete`."""

    go_name = "DeleteRequest"

    model = String()
    name = String()


CHAT = ChatSchema()
GENERATE = GenerateSchema()
EMBED = EmbedSchema()
EMBEDDINGS = EmbeddingSchema()
SHOW = ShowSchema()
PULL = PullSchema()
PUSH = PushSchema()
CREATE = CreateSchema()
COPY = CopySchema()
DELETE = DeleteSchema()
