"""Tests of `tocsin_server.background`."""
