"""What both programs share: standard output for results only, and signing in to hosted registries."""

import os
import sys
from urllib.parse import urlsplit


def claim_stdout():
    """Returns a writer to the real standard output and sends everything else to standard error.

    The file descriptor itself is moved: MLflow 3 prints run links, and children it starts inherit
    the descriptor, not Python's sys.stdout.
    """
    sys.stdout.flush()
    real = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    return real


def sign_in() -> None:
    """A token alone for DagsHub goes as user and password both: its Bearer sign-in is another one."""
    env = os.environ
    host = urlsplit(env.get("MLFLOW_TRACKING_URI", "")).hostname or ""
    token = env.get("MLFLOW_TRACKING_TOKEN")
    hosted = host == "dagshub.com" or host.endswith(".dagshub.com")
    if hosted and token and not env.get("MLFLOW_TRACKING_USERNAME"):
        env["MLFLOW_TRACKING_USERNAME"] = env["MLFLOW_TRACKING_PASSWORD"] = token


def require_tracking_uri() -> str:
    """Without the variable MLflow would quietly write to a folder of its own: refuse instead."""
    uri = os.environ.get("MLFLOW_TRACKING_URI", "").strip()
    if not uri:
        raise ValueError("MLFLOW_TRACKING_URI is not set (hint: export MLFLOW_TRACKING_URI=http://127.0.0.1:5000)")
    sign_in()
    return uri


def model_name() -> str:
    return os.environ.get("MODEL_NAME") or "churn-model"
