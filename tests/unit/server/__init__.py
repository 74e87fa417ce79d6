"""Tests of the server's modules, in its own folders."""
