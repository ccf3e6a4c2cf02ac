"""Programs of one graph beside each other: how they are made, measured, told, drawn and shown."""
