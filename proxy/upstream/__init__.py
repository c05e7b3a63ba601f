"""The way to an OpenAI-compatible server: connections, retries, breakers, bodies as they arrive, the cached list of models.

Knows no dialect: how errors and lists are read is passed in. Nobody else speaks HTTP to upstreams.
"""
