"""Reports: their data by itself, and the page in a browser."""
