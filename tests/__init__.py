"""Proves what the rooms promise: against real servers, over sockets, waiting on conditions and never sleeping."""
