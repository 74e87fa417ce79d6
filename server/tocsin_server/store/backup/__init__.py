"""Copies of a store, and stores replaced by them."""
