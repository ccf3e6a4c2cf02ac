"""The backward walk, and the proof that a derivative can be computed from a saved output."""
