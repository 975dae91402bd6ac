"""The report of one order: chain of identity and chain of custody, as each reader may see it. Records nothing."""
