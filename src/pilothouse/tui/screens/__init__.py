"""Whole screens: they own what is shown and wire panes and widgets together."""
