"""Backups: copying a store to a file, and replacing a store by such a copy."""
