"""gRPC: the only part of the server that knows it."""
