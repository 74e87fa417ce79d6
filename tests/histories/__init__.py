"""What senders did and streams delivered, recorded, and judged afterwards."""
