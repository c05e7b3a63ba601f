"""A replica: an OpenAI-compatible server in a process of its own that can be told, and made, to misbehave."""
