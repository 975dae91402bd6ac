"""The pages in a real browser, and the script that takes their pictures."""
