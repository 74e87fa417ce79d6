"""The real program, in a process of its own, from outside."""
