"""The services that are measured: Scoreline and its peers, how each is started, and how a job goes through it."""
