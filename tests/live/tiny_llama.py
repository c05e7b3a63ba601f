"""A llama model that fits in half a megabyte: random weights, a vocabulary of bytes. Its words are noise; all else about it is real."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
from gguf import GGUFWriter, LlamaFileType, TokenType

WIDTH = 64
_LAYERS = 2
_HEADS = 4
_INNER = 128
_CONTEXT = 32768
_CHAT_TEMPLATE = "{% for message in messages %}{{ message.role }}: {{ message.content }}\n{% endfor %}assistant: "
_TOKENS = [b"<unk>", b"<s>", b"</s>", *(f"<0x{byte:02X}>".encode() for byte in range(256))]
_FIRST_BYTE_TOKEN = 3


def write_tiny_llama(path: Path) -> None:
    """Writes the model file, the same bytes each time."""
    writer = GGUFWriter(path, "llama")
    _describe(writer)
    _add_vocabulary(writer)
    _add_weights(writer, np.random.default_rng(7))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def _describe(writer: GGUFWriter) -> None:
    writer.add_name("tiny")
    writer.add_context_length(_CONTEXT)
    writer.add_embedding_length(WIDTH)
    writer.add_block_count(_LAYERS)
    writer.add_feed_forward_length(_INNER)
    writer.add_head_count(_HEADS)
    writer.add_head_count_kv(_HEADS)
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_rope_dimension_count(WIDTH // _HEADS)
    writer.add_vocab_size(len(_TOKENS))
    writer.add_file_type(LlamaFileType.ALL_F32)
    writer.add_chat_template(_CHAT_TEMPLATE)


def _add_vocabulary(writer: GGUFWriter) -> None:
    writer.add_tokenizer_model("llama")
    writer.add_token_list(_TOKENS)
    writer.add_token_scores([0.0] * len(_TOKENS))
    writer.add_token_types([TokenType.UNKNOWN, TokenType.CONTROL, TokenType.CONTROL] + [TokenType.BYTE] * 256)
    writer.add_unk_token_id(0)
    writer.add_bos_token_id(1)
    writer.add_eos_token_id(2)
    writer.add_add_bos_token(True)
    writer.add_add_space_prefix(False)


def _add_weights(writer: GGUFWriter, rng: np.random.Generator) -> None:
    def noise(*shape: int, scale: float = 0.1) -> Any:
        return (rng.standard_normal(shape) * scale).astype(np.float32)

    def ones() -> Any:
        return np.ones(WIDTH, np.float32)

    # The first place of each embedding is a large constant that survives the layers, so that the first column of the output
    # works as a bias: towards readable text, away from the end of the text, which a grammar can still force.
    embeddings, output = noise(len(_TOKENS), WIDTH, scale=1.0), noise(len(_TOKENS), WIDTH, scale=0.2)
    embeddings[:, 0] = 8.0
    output[:, 0] = [_liking(token - _FIRST_BYTE_TOKEN) for token in range(len(_TOKENS))]
    writer.add_tensor("token_embd.weight", embeddings)
    writer.add_tensor("output_norm.weight", ones())
    writer.add_tensor("output.weight", output)
    for block in (f"blk.{number}" for number in range(_LAYERS)):
        writer.add_tensor(f"{block}.attn_norm.weight", ones())
        writer.add_tensor(f"{block}.ffn_norm.weight", ones())
        for name in ("attn_q", "attn_k", "attn_v", "attn_output"):
            writer.add_tensor(f"{block}.{name}.weight", noise(WIDTH, WIDTH))
        writer.add_tensor(f"{block}.ffn_gate.weight", noise(_INNER, WIDTH))
        writer.add_tensor(f"{block}.ffn_up.weight", noise(_INNER, WIDTH))
        writer.add_tensor(f"{block}.ffn_down.weight", noise(WIDTH, _INNER))


def _liking(byte: int) -> float:
    """How much the model likes to write the byte; negative numbers stand for the special tokens."""
    if byte == 32 or 97 <= byte <= 122:  # a space, a small letter
        return 2.0
    return 1.0 if 32 <= byte < 127 else -1.0


if __name__ == "__main__":
    write_tiny_llama(Path(sys.argv[1]))
