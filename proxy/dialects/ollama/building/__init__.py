"""How requests to Ollama servers are built: canonical values -> the bodies of `/api/chat`, `/api/generate` and `/api/embed`. Pure."""
