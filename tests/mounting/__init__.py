"""The gateway inside somebody else's app."""
