"""Tests of `tocsin_server.store.engine`."""
