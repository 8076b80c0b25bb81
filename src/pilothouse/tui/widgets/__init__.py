"""Parts that know nothing of runs: rows, lines, prompts."""
