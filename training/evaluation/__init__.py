"""The evaluation: how good risks are, for whom, how certainly, and what could be done for those served worse."""
