"""What two graphs have in common, and what not: matching, changes, text."""
