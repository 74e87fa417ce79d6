"""Background work: what is due and what takes long, in short transactions, and what is watched."""
