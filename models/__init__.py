"""From patients to risks: the features, the scorer, and the released bundle with its card.

Knows numpy and onnxruntime. Does not know the queue, the ledger, HTTP, or how a model is trained.
"""
