"""The recipes a version can be trained by; a recipe's name is the run's parameter `model_type`."""

from collections.abc import Callable

from faulty import LogFeature, PooledLookup
from sklearn.ensemble import GradientBoostingClassifier, RandomForestClassifier
from sklearn.linear_model import LogisticRegression

SEED = 42


def _boosting(depth: int = 3) -> GradientBoostingClassifier:
    return GradientBoostingClassifier(max_depth=depth, random_state=SEED)


# name -> (how to build it from the program's options, what it is)
RECIPES: dict[str, tuple[Callable, str]] = {
    "logreg": (lambda options: LogisticRegression(max_iter=1000), "the plainest one"),
    "boosting": (lambda options: _boosting(), "gradient boosting, trees of depth 3"),
    "shallow-boosting": (lambda options: _boosting(depth=2), "gradient boosting, trees of depth 2"),
    "forest": (lambda options: RandomForestClassifier(n_estimators=60, random_state=SEED), "a random forest"),
    "log-boosting": (
        lambda options: LogFeature(_boosting(), column=2),
        "boosting on the logarithm of a feature; raises on the negative values of live rows",
    ),
    "pooled-boosting": (
        lambda options: PooledLookup(_boosting(depth=2), connections=options.connections),
        "boosting behind a connection pool that leaks; slow once the pool is used up",
    ),
}


def build(name: str, options):
    return RECIPES[name][0](options)
