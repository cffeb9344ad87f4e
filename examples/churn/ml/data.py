"""The churn-like data of the example: drawn, not collected, so that every machine gets the same rows."""

from sklearn.datasets import make_classification
from sklearn.model_selection import train_test_split

FEATURES = 10
SEED = 42
ROWS = 2000
HELD_OUT = 0.2


def split(rows: int = ROWS, seed: int = SEED):
    """Returns x_train, x_held_out, y_train, y_held_out; a fifth is held out."""
    x, y = make_classification(n_samples=rows, n_features=FEATURES, random_state=seed)
    return train_test_split(x, y, test_size=HELD_OUT, random_state=seed)


def held_out_rows(rows: int = ROWS, seed: int = SEED) -> list[list[float]]:
    """The rows no model of this example was trained on, as plain lists: the demonstration's live traffic."""
    return split(rows, seed)[1].tolist()


def held_out_labels(rows: int = ROWS, seed: int = SEED) -> list[int]:
    """What became of those rows, in the same order."""
    return split(rows, seed)[3].tolist()
