"""Steady load: clients of both dialects that ask at a fixed rate, and judge every answer."""
