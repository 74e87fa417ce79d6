"""What the documents show and claim, held against the program."""
