"""Tests of `tocsin_server.store.schema`."""
