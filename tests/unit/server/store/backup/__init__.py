"""Tests of `tocsin_server.store.backup`."""
