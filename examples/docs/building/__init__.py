"""What makes the pages: their blocks are run, scripts are read in cells, and the code says what it knows."""
