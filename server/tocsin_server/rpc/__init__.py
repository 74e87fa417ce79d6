"""The gRPC edge: decode, call the domain, encode."""
