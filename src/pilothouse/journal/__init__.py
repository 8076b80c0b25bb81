"""A run's events on disk: framing, writer, reader, index and blobs. Nothing here knows what events mean."""
