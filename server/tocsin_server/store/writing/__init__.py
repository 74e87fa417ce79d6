"""How writes are gathered, committed and announced."""
