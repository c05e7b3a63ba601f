"""The gateway as an app of its own."""
