"""The command line: one small module per verb. Nothing here lasts longer than a command."""
