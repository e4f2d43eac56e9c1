"""Who may ask, as the ledger's Redis keeps it: API keys, sessions, and the audit of what was done."""
