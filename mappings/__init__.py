"""Two-way tables and the engine that compiles them: plain trees to frames and back. Knows no format, model or hub."""
