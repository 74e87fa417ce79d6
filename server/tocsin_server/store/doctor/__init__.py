"""What a store's tables promise each other, recounted and repaired."""
