"""Two honest models with the kind of fault that no offline test sees.

The classes are pickled by value (see train_and_register.py): a backend needs nothing of this folder
to load them, and a backend that loads two versions after each other mixes nothing up.
"""

import math
import threading

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
