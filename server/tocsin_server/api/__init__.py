"""What the protos say, in the words of the domain: a folder a service."""
