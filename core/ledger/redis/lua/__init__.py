"""The scripts of the ledger, which Redis runs in one step each."""
