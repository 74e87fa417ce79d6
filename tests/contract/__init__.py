"""What every implementation of a port promises, whatever it is made of."""
