"""The live path: announces committed changes to the streams of this process."""
