"""Live: who is told of a committed change, and when."""
