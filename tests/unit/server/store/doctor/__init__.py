"""Tests of `tocsin_server.store.doctor`."""
