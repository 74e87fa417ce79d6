"""What the domain needs from the world, as promises in prose: a file a concern."""
