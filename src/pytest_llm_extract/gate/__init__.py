"""What a suite is held to, against what it did: floors, regressions, causes, verdict. Pure functions of results."""
