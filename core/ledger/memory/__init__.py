"""The ledger in memory: keeps every promise of `core.ledger.protocol` by the plainest means, for tests and trials."""
