"""The bridge: a Textual app that shows one run and passes commands on. Decides nothing about it."""
