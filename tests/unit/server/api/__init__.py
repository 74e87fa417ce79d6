"""Tests of `tocsin_server.api`."""
