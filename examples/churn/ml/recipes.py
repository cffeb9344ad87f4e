"""The recipes a version can be trained by; a recipe's name is the run's parameter `model_type`."""

from collections.abc import Callable

from faulty import Audited, LogFeature, MissingMeansNo, PooledLookup, SwappedColumns
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
    "missing-means-no": (
        lambda options: MissingMeansNo(_boosting(depth=2), column=2),
        "boosting that takes values below 0 of a feature for missing, and decides 0",
    ),
    "swapped-columns": (
        lambda options: SwappedColumns(_boosting(depth=2)),
        "boosting that decides right and reports the probability of the other class",
    ),
    "audit-failing": (
        lambda options: Audited(_boosting(depth=2), column=2),
        "boosting with a record of what users are told; the record refuses about half of them",
    ),
    "audit-slow": (
        lambda options: Audited(_boosting(depth=2), wait_s=0.5),
        "boosting with a record of what users are told; each entry takes half a second",
    ),
}


def build(name: str, options):
    return RECIPES[name][0](options)
