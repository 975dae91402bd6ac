"""Harnesses: nothing acknowledged is lost, nothing is applied twice, arrival order does not matter. Each catches planted faults."""
