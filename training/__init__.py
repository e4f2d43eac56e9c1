"""From the UCI table to a released bundle: data, fit, evaluation, checks, release.

Knows pandas, scikit-learn and onnx. Does not know the queue, the ledger or HTTP, and nothing imports it in service.
"""
