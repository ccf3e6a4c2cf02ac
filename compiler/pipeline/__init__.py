"""Pass contracts, the manager that checks them, and the history of what each pass did."""
