"""Tests of `tocsin_server.grpc_transport`."""
