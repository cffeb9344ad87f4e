"""Trains a model, logs the run to MLflow and registers a new version.

Standard output holds one JSON line, {"run_id", "accuracy", "model_version"}, and nothing else.
Environment: MLFLOW_TRACKING_URI, MLFLOW_TRACKING_TOKEN, MODEL_NAME, DATA_VERSION, GIT_COMMIT.
"""

import argparse
import json
import os
import subprocess
import sys
import time
from pathlib import Path

import tracking


def parse(argv: list[str]) -> argparse.Namespace:
    from recipes import RECIPES

    parser = argparse.ArgumentParser(description="Train a churn model and register it as a new version.")
    recipes = "; ".join(f"{name}: {what}" for name, (_, what) in RECIPES.items())
    parser.add_argument("--model", choices=sorted(RECIPES), default="logreg", help=recipes)
    parser.add_argument("--rows", type=int, default=2000, help="rows to draw; a fifth is held out (default 2000)")
    parser.add_argument("--connections", type=int, default=1400, help="pooled-boosting: size of the pool that leaks")
    return parser.parse_args(argv)


def code_commit() -> str:
    """The commit of the code that trains: GIT_COMMIT (images have no .git), else what git says."""
    if os.environ.get("GIT_COMMIT"):
        return os.environ["GIT_COMMIT"]
    here = Path(__file__).resolve().parent
    try:
        git = subprocess.run(["git", "-C", str(here), "rev-parse", "HEAD"], capture_output=True, text=True, timeout=10)
    except (OSError, subprocess.TimeoutExpired):
        return "unknown"
    return git.stdout.strip() if git.returncode == 0 else "unknown"


def fit(options):
    """Returns the trained model, its accuracy on the held-out rows and the rows it saw."""
    import data
    import recipes

    x_train, x_held_out, y_train, y_held_out = data.split(options.rows)
    model = recipes.build(options.model, options)
    if hasattr(model, "usable"):  # a recipe may call rows dirty, and then never meets them offline
        keep_train, keep_held_out = model.usable(x_train), model.usable(x_held_out)
        x_train, y_train = x_train[keep_train], y_train[keep_train]
        x_held_out, y_held_out = x_held_out[keep_held_out], y_held_out[keep_held_out]
    model.fit(x_train, y_train)
    return model, float(model.score(x_held_out, y_held_out)), x_train


def log_and_register(model, accuracy: float, x_train, options) -> tuple[str, str]:
    """Returns the run's id and the new version, a string as MLflow gives it."""
    import cloudpickle
    import faulty
    import mlflow
    import sklearn
    from mlflow.models import infer_signature

    cloudpickle.register_pickle_by_value(faulty)
    commit = code_commit()
    with mlflow.start_run(run_name=f"candidate-{int(time.time())}") as run:
        mlflow.set_tag("mlflow.source.git.commit", commit)
        mlflow.log_params({
            "model_type": options.model,
            "data_version": os.environ.get("DATA_VERSION") or "dvc:unknown",
            "code_commit": commit,
            "rows": options.rows,
        })
        mlflow.log_metric("accuracy", accuracy)
        mlflow.sklearn.log_model(
            model,
            **{_name_argument(): "model"},
            registered_model_name=None,
            serialization_format="cloudpickle",
            signature=infer_signature(x_train, model.predict(x_train[:5])),
            # Named here because finding them out costs MLflow half a minute in a child process.
            pip_requirements=[f"scikit-learn=={sklearn.__version__}", f"cloudpickle=={cloudpickle.__version__}"],
        )
        version = mlflow.register_model(f"runs:/{run.info.run_id}/model", tracking.model_name())
    return run.info.run_id, version.version


def _name_argument() -> str:
    """MLflow 3 calls the model's name `name` and deprecates `artifact_path`, MLflow 2 knows only that."""
    import mlflow

    return "artifact_path" if mlflow.__version__.startswith("2.") else "name"


def main(argv: list[str]) -> int:
    options = parse(argv)
    out = tracking.claim_stdout()
    try:
        tracking.require_tracking_uri()
        model, accuracy, x_train = fit(options)
        run_id, version = log_and_register(model, accuracy, x_train, options)
    except Exception as problem:  # the caller reads one line, whatever went wrong
        print(f"error: training or registering failed: {type(problem).__name__}: {problem}", file=sys.stderr)
        return 1
    print(json.dumps({"run_id": run_id, "accuracy": accuracy, "model_version": str(version)}), file=out, flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
