"""The hub's pages: journeys, one journey, Issues, the playground, the report. Written on the server; no API."""
