"""Any calls in any order, against a model: the promises hold after each of them."""
