"""The names of those who are measured: short ones for data, long ones for people. Pure."""

from __future__ import annotations

GATEWAY, RELAY, BARE, DIRECT, NGINX, PEER, LITELLM = "gateway", "relay", "bare", "direct", "nginx", "peer", "litellm"
FLOOR, CONSTANT, QUIET, QUIET_RELAY = "floor", "constant", "quiet", "quiet relay"

TITLES = {
    GATEWAY: "the gateway, Ollama to OpenAI",
    RELAY: "the gateway, OpenAI relayed",
    QUIET: "the same without log and metrics, Ollama to OpenAI",
    QUIET_RELAY: "the same without log and metrics, relayed",
    BARE: "bare Flask + requests pass-through",
    FLOOR: "Flask and our upstream client alone",
    CONSTANT: "Flask alone, asking nobody",
    DIRECT: "the upstream itself",
    NGINX: "nginx as a reverse proxy",
    PEER: "ollama-openai-proxy 0.7.0",
    LITELLM: "LiteLLM proxy",
}

# What access log and metrics cost, in the profile.
LAYERS_OF_NOTES = ("libraries for log and metrics", "our log and metrics")
