"""The way into a native program: one built-in function that compares arrays' headers and calls the program.

`making.make_entry` gives the function, `spec` says what it checks and allocates, `table` lays that out as
memory, and `calling`, `arguments` and `results` are the native code that reads it. `array_header` knows how
NumPy's arrays lie in memory, and looks at real ones before it is believed. `locks` holds what calls share:
contexts, and words that are locks for native code and for Python.
"""
