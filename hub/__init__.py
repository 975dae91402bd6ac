"""The hub: channels, inbox, committer, read model, deliveries, access, API and pages. The only place with I/O."""
