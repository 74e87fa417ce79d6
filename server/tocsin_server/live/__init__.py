"""Live: committed changes reach the streams of this process."""
