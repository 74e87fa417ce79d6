"""Tests of `tocsin_server.rpc`."""
