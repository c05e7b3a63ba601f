"""Bytes and records: reading and writing of SSE and NDJSON, and the values that cross the outer walls. Pure: no I/O happens here."""
