"""Judge a suite: floors, regressions, causes, verdict. Pure functions of results."""
