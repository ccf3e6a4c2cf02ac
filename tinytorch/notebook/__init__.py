"""How answers show themselves in a notebook: `markup` makes HTML of data, `views` says what is shown of what.

The engine knows no screens, so it has no `_repr_html_`: `install` gives its classes the one method that
notebooks ask for. A view is HTML beside `str`, which stays the text.
"""
