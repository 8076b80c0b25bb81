"""Pilothouse: watch, steer and replay a computer-use agent, in a terminal."""

__version__ = "0.1.0"
