"""The commands of `tocsin`: a module for each command, or for each group of commands."""
