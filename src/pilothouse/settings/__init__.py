"""What a person may choose: one table of settings, read from a file, the environment and the command line.

The table feeds every reader, the help, `pilothouse config` and docs/settings.md. Nothing here talks to a
model or a browser, and nothing here holds a key.
"""
