"""The one form that every dialect is translated to and from: requests, events, completions, model cards.

Words and meaning are OpenAI Chat Completions'; message content is an ordered list of typed parts. This folder is pure: it imports no web
framework, no HTTP client, no clock, no environment, and nothing of the house but `errors` and `wire`.
"""
