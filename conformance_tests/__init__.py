"""Black-box conformance kit: sees a URL, the published schema and cases as data; imports nothing of the hub."""
