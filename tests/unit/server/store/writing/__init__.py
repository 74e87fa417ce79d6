"""Tests of `tocsin_server.store.writing`."""
