"""The panes of the run screen: each shows one side of a run at one position."""
