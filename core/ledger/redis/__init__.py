"""The ledger over Redis or Valkey."""
