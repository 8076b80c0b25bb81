"""The bridge: a Textual app that shows one run and passes on a person's commands. Decides nothing about it."""
