"""What Tocsin costs beyond its transport: `python -m tests.benchmarks`."""
