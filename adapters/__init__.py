"""Bytes of one format to frames and events, and back. Pure: no I/O but reading their own tables, no state."""
