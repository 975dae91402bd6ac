"""Clients that are not ours drive a hub that runs as a process of its own."""
