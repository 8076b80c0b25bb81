"""Pages asked from afar: what they say decides; whatever else comes of asking, the run goes by delays."""
