"""`python -m pilothouse` is the `pilothouse` command. Nothing else is here."""

import sys

from pilothouse.cli.main import main

sys.exit(main())
