"""Judges that are not ours: is what the hub writes valid to others? `python -m tests.judges` prints the table."""
