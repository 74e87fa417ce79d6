"""The databases, and how statements run on them."""
