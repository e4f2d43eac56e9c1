"""The transport: tasks, queues and the messages on them. It carries notifications; the ledger is the truth."""
