"""Tests of `tocsin_server.domain.model`."""
