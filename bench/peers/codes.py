"""What a peer makes of a patient: the measures as they are, then one column for every code of every category."""

MEASURES = ["age", "trestbps", "thalach", "oldpeak"]
CODES = {
    "sex": (0, 1),
    "cp": (0, 1, 2, 3),
    "fbs": (0, 1),
    "restecg": (0, 1, 2),
    "exang": (0, 1),
    "slope": (0, 1, 2),
    "ca": (0, 1, 2, 3),
    "thal": (1, 2, 3),
}
