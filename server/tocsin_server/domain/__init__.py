"""The rules of inboxes, free of transports and databases."""
