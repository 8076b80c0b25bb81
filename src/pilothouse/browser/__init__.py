"""The Kernel side: browser lifecycle, the computer toolset, keys, settling. Nothing here talks to a model."""
