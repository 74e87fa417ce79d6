"""Tests of a real server and real clients, in one process."""
