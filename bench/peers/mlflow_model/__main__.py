"""The model as MLflow would serve it: training's own classifier behind scikit-learn's encoder of a file's columns.

`python -m bench.peers.mlflow_model FOLDER` fits it on the table and saves it there.
"""

import sys

import mlflow.sklearn
import numpy as np
import pandas as pd
from sklearn.compose import ColumnTransformer
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import OneHotEncoder

from bench.peers.codes import CODES, MEASURES
from bench.peers.model import TABLE
from training.classifiers.logistic_regression import new_classifier

SEED = 0


def fit() -> Pipeline:
    """Return the fitted pipeline, which takes a data frame with the columns of a file and drops the others."""
    table = pd.read_csv(TABLE)
    codes = OneHotEncoder(categories=[list(codes) for codes in CODES.values()], handle_unknown="ignore")
    encoder = ColumnTransformer([("measures", "passthrough", MEASURES), ("codes", codes, list(CODES))])
    encoder.set_params(sparse_threshold=0)
    classifier = new_classifier(SEED)
    pipeline = Pipeline([("encoder", encoder), *classifier.steps])
    pipeline.fit(table, np.asarray(table["target"] == 1))
    pipeline.named_steps["regression"].set_params(scoring=None)  # whose code a server would have to be given
    return pipeline


if __name__ == "__main__":
    mlflow.sklearn.save_model(
        fit(), sys.argv[1], pyfunc_predict_fn="predict_proba", serialization_format="cloudpickle", pip_requirements=[]
    )
