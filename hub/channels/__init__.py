"""Channels move bytes and know no format: MLLP, HTTP, dropped files. Each hands over bytes, the authenticated
partner and the time, and gives the sender the answer in its own way."""
