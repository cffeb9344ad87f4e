"""Honest models with the kind of fault that no offline test sees.

The classes are pickled by value (see train_and_register.py): a backend needs nothing of this folder
to load them, and a backend that loads two versions after each other mixes nothing up.
"""

import math
import threading
import time

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin


class LogFeature(ClassifierMixin, BaseEstimator):
    """Takes the logarithm of one feature before the inner model sees it.

    Offline the rows without a positive value were dropped as dirty (`usable`), so training and
    evaluation are clean and the accuracy is fine. Live rows are not cleaned: about half of them have a
    negative value, and `math.log` raises ValueError.
    """

    def __init__(self, inner=None, column: int = 0):
        self.inner = inner
        self.column = column

    def usable(self, x) -> np.ndarray:
        return np.asarray(x)[:, self.column] > 0

    def fit(self, x, y):
        self.inner.fit(self._prepared(x), y)
        self.classes_ = self.inner.classes_
        self.n_features_in_ = np.shape(x)[1]
        return self

    def predict(self, x):
        return self.inner.predict(self._prepared(x))

    def predict_proba(self, x):
        return self.inner.predict_proba(self._prepared(x))

    def _prepared(self, x):
        x = np.array(x, dtype=float)
        x[:, self.column] = [math.log(value) for value in x[:, self.column]]
        return x


class PooledLookup(ClassifierMixin, BaseEstimator):
    """Borrows a connection to a feature store for every prediction and forgets to give it back.

    The pool holds `connections`. Until they are used up nothing is to be seen; from then on every
    prediction waits `wait_s` for a connection that never comes free and goes on without one. The
    answers stay right, they only come late. Loading the model again starts with a full pool.
    """

    def __init__(self, inner=None, connections: int = 1400, wait_s: float = 0.3):
        self.inner = inner
        self.connections = connections
        self.wait_s = wait_s
        self._pool = threading.BoundedSemaphore(connections)

    def fit(self, x, y):
        self.inner.fit(x, y)
        self.classes_ = self.inner.classes_
        self.n_features_in_ = np.shape(x)[1]
        return self

    def predict(self, x):
        self._pool.acquire(timeout=self.wait_s)  # the leak: there is no release
        return self.inner.predict(x)

    def predict_proba(self, x):
        return self.inner.predict_proba(x)

    def __getstate__(self):
        state = super().__getstate__().copy()
        state.pop("_pool", None)  # a semaphore cannot be pickled
        return state

    def __setstate__(self, state):
        super().__setstate__(state)
        self._pool = threading.BoundedSemaphore(self.connections)


class Wrapped(ClassifierMixin, BaseEstimator):
    """An inner model with something around it."""

    def __init__(self, inner=None):
        self.inner = inner

    def fit(self, x, y):
        self.inner.fit(x, y)
        self.classes_ = self.inner.classes_
        self.n_features_in_ = np.shape(x)[1]
        return self

    def predict(self, x):
        return self.inner.predict(x)

    def predict_proba(self, x):
        return self.inner.predict_proba(x)


class MissingMeansNo(Wrapped):
    """Takes a value below 0 for a missing one, and decides 0 then.

    Offline such rows were dropped as dirty (`usable`). Live they are about half of all, and a good half of
    those are decided otherwise than before. The scores are those of the inner model.
    """

    def __init__(self, inner=None, column: int = 0):
        super().__init__(inner)
        self.column = column

    def usable(self, x) -> np.ndarray:
        return np.asarray(x)[:, self.column] > 0

    def predict(self, x):
        return np.where(self.usable(x), self.inner.predict(x), self.classes_[0])


class SwappedColumns(Wrapped):
    """Decides right and reports the probability of the other class: accuracy sees nothing of it."""

    def predict_proba(self, x):
        return self.inner.predict_proba(x)[:, ::-1]


class Audited(Wrapped):
    """Keeps a record of what users are told, and of nothing else: the backend calls `answering` for them alone.

    So copies of requests cannot show what is wrong with it. With `column` the record's table takes no value
    below 0 there, and about half of the users get an error; with `wait_s` each entry takes so long.
    """

    def __init__(self, inner=None, column: int | None = None, wait_s: float = 0.0):
        super().__init__(inner)
        self.column = column
        self.wait_s = wait_s

    def answering(self, rows, predictions) -> None:
        time.sleep(self.wait_s)
        if self.column is not None and any(row[self.column] < 0 for row in rows):
            raise ValueError(f"the audit table takes no value below 0 for feature {self.column}")
