"""The process that owns a run: loop, gate, control socket, supervision. Nothing here paints."""
