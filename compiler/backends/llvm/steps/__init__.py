"""A plan as steps: for each kernel of the schedule a kernel of loops, its code, and the numbers of a call."""
