"""Access, as the ledger's Redis stores it: API keys, sessions, and the audit log."""
