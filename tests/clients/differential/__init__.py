"""Two servers side by side: the same random requests to both, every answer compared."""
