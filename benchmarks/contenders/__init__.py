"""Who is measured, and how each is started: with one worker, as its own documentation starts it."""
