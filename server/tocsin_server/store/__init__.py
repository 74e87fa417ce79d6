"""The store: inboxes, messages and channels in a SQL database."""
