"""A small OpenAI-compatible server without a model behind it: every answer is made by a script, and says so.

It lets anyone try each feature of a client with no key and no network. It knows nothing of the gateway; only `app.py` joins the two.
"""
