"""How OpenAI clients are answered whose upstream speaks another dialect: from events to their chunks and objects. Pure."""
