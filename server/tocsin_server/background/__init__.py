"""Work that nobody waits for: what is due, and what takes long, in short transactions."""
