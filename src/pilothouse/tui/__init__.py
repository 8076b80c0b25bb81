"""The bridge: the Textual app, its screens, panes and widgets, and the registry of actions."""
