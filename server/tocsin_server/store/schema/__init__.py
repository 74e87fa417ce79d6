"""The tables, and how a database comes to them."""
