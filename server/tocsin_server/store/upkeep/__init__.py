"""Looking after a store from beside its server: backups, new epochs, recounts and repairs."""
