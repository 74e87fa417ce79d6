"""What tests share: clocks to drive, hubs that fail, builders, and readers of answers."""
