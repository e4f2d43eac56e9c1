"""Models: the features, the scorer, and the released bundle with its card.

Uses numpy and onnxruntime; not the queue, the ledger, a web framework, or training.
"""
