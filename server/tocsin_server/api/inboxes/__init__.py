"""InboxService."""
