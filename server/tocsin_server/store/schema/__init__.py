"""The schema: tables and migrations."""
