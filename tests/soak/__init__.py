"""What takes minutes by its nature, for `make soak`: not collected with the rest."""
