"""The worker: claims jobs, scores them in batches, commits each once; redelivers what is lost; delivers webhooks.

Uses the ledger, the queue and the models. Serves no HTTP; only the webhook sender makes HTTP requests.
"""
