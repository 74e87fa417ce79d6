"""Tests of `tocsin_server.cli`."""
