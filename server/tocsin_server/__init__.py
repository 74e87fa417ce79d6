"""The notification inbox service."""
