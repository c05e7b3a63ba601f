"""How requests to servers that speak Anthropic's language are built: canonical values -> the body of `/messages`. Pure."""
