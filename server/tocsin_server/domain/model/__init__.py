"""The nouns of the domain."""
