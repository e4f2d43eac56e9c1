"""The services that Scoreline is measured against, each a program of its own that knows nothing of Scoreline's rooms.

`bare` alone takes Scoreline's own patient: it is the floor under Scoreline's gateway, not a service.
"""
