"""Harnesses: nothing acknowledged is lost or applied twice, arrival order is nothing. Each catches planted faults."""
