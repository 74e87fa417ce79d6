"""Tests of `tocsin_server.live`."""
