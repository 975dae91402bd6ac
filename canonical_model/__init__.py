"""The canonical model of cell and gene therapy: records, frames, events, the fold, rules and questions.

Needs pydantic alone. No I/O, no clock, no randomness: ids come from content, time is an argument.
"""

BASE = "https://cgt-hub.example"
"""The one constant for the base of every URI that the model publishes, for a steward to change."""

MODEL_VERSION = "1.0.0-draft.2"
"""Version of the published schema, apart from the code's."""
