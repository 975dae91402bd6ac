"""Black-box conformance kit: sees a URL, the published schemas and cases as data; imports nothing of the hub."""
