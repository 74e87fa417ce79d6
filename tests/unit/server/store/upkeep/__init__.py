"""Tests of `tocsin_server.store.upkeep`."""
