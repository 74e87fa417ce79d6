"""Database engines: SQLite and PostgreSQL, their connections, statements and errors."""
