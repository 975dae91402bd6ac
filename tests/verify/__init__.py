"""Harnesses: nothing acknowledged is lost, nothing applied twice, arrival order is nothing. Each catches planted faults."""
