"""Writing: queues writes, commits them in groups, and announces their changes."""
