"""The terminal itself: capability probe, output guard, input guard. Nothing here knows a run."""
