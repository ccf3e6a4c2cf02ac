"""What the function of an operator is: how it is registered, and what it is called with."""
