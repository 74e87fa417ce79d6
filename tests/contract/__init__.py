"""The promises of a port, tested on each of its implementations."""
