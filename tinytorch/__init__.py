"""Define a network as a static graph, see it, differentiate it, compile it and train it."""
