"""The doctor: checks that the rows of a store agree with each other, and repairs them."""
