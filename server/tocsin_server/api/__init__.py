"""The RPCs: each service has a folder that decodes its requests and encodes its responses."""
