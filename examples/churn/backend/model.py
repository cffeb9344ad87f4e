"""The model a backend serves: which version the registry names, loaded once and pinned until reload.

The stage or alias is resolved to a version first and that version is loaded, because a loaded model
does not tell which version it is. A backend that is one of two colours belongs to no stage: who deploys it names the
version, in MODEL_VERSION when it starts and in reload?version=N later.
"""

import logging
import os
import threading
from dataclasses import dataclass
from urllib.parse import urlsplit

log = logging.getLogger("backend")

DEFAULT_WIDTH = 10


class NoModel(Exception):
    """The registry names no version for this stage or alias."""


@dataclass(frozen=True)
class Settings:
    name: str
    stage: str
    alias: str | None
    version: str | None = None  # loaded at the start instead of what stage or alias name

    @classmethod
    def from_environment(cls, env=os.environ) -> "Settings":
        return cls(
            name=env.get("MODEL_NAME") or "churn-model",
            stage=env.get("MODEL_STAGE") or "Staging",
            alias=env.get("MODEL_ALIAS") or None,
            version=env.get("MODEL_VERSION") or None,
        )

    def place(self) -> str:
        """Where the registry is asked, in words."""
        return f"alias {self.alias} of {self.name}" if self.alias else f"stage {self.stage} of {self.name}"


@dataclass(frozen=True)
class Loaded:
    """One version, ready to answer. Immutable: a request holds on to the one it started with."""

    version: str
    model: object
    width: int

    def predict(self, rows: list[list[float]]) -> tuple[list, list | None]:
        """Returns predictions and, where the model can tell, the probability of the positive class."""
        import numpy as np

        x = np.asarray(rows, dtype=float)
        predictions = np.asarray(self.model.predict(x)).tolist()
        if not hasattr(self.model, "predict_proba"):
            return predictions, None
        return predictions, np.asarray(self.model.predict_proba(x))[:, -1].tolist()

    def answering(self, rows: list[list[float]], predictions: list) -> None:
        """Tells a model that keeps a record of its own (a method `answering`) what a user is about to be told."""
        keep = getattr(self.model, "answering", None)
        if keep is not None:
            keep(rows, predictions)


class Registry:
    """The calls a backend needs. MLflow is imported late: the process answers /health before that."""

    def __init__(self, settings: Settings):
        self.settings = settings

    def resolve(self) -> str:
        """Returns the version that stage or alias names now; NoModel when there is none."""
        from mlflow import MlflowClient
        from mlflow.exceptions import MlflowException

        _sign_in()
        client = MlflowClient()
        try:
            if self.settings.alias:
                return str(client.get_model_version_by_alias(self.settings.name, self.settings.alias).version)
            versions = client.search_model_versions(f"name='{self.settings.name}'", max_results=10_000)
        except MlflowException as problem:
            # An unknown alias is INVALID_PARAMETER_VALUE, an unknown model RESOURCE_DOES_NOT_EXIST.
            if problem.error_code in ("INVALID_PARAMETER_VALUE", "RESOURCE_DOES_NOT_EXIST"):
                raise NoModel(f"{self.settings.place()} names no version") from problem
            raise
        wanted = self.settings.stage.lower()
        found = [int(v.version) for v in versions if v.current_stage.lower() == wanted]
        if not found:
            raise NoModel(f"{self.settings.place()} is empty")
        return str(max(found))  # what models:/<name>/<stage> means when there are several

    def load(self, version: str) -> Loaded:
        import mlflow

        _sign_in()
        uri = f"models:/{self.settings.name}/{version}"
        if "sklearn" in mlflow.models.get_model_info(uri).flavors:
            model = mlflow.sklearn.load_model(uri)
        else:
            model = mlflow.pyfunc.load_model(uri)
        return Loaded(version, model, int(getattr(model, "n_features_in_", DEFAULT_WIDTH)))


class Holder:
    """Pins one loaded version. Reloads take turns and swap a reference; predictions never wait for one."""

    def __init__(self, registry):
        self._registry = registry
        self._turn = threading.Lock()
        self._loaded: Loaded | None = None
        self.problem = "not loaded yet"

    def current(self) -> Loaded | None:
        return self._loaded

    def reload(self, version: str | None = None) -> Loaded:
        """Loads a version, or what the registry says now. On any failure the old one stays and the failure is raised."""
        with self._turn:
            try:
                version = version or self._registry.resolve()
                loaded = self._registry.load(version)
            except Exception as failure:
                self.problem = str(failure) or type(failure).__name__
                raise
            self._loaded, self.problem = loaded, ""
            log.info("serving version %s", loaded.version)
            return loaded

    def load_at_start(self, stop: threading.Event, pause_s: float = 2.0, version: str | None = None) -> None:
        """Tries until the registry has answered: a version, or that there is none. Run it in a thread."""
        while not stop.is_set():
            try:
                self.reload(version)
                return
            except NoModel as empty:
                log.warning("no model: %s", empty)
                return
            except Exception as failure:
                log.warning("cannot load yet: %s", failure)
            if self._loaded is not None:
                return
            stop.wait(pause_s)


def _sign_in() -> None:
    """A token alone for DagsHub goes as user and password both: its Bearer sign-in is another one."""
    env = os.environ
    host = urlsplit(env.get("MLFLOW_TRACKING_URI", "")).hostname or ""
    token = env.get("MLFLOW_TRACKING_TOKEN")
    hosted = host == "dagshub.com" or host.endswith(".dagshub.com")
    if hosted and token and not env.get("MLFLOW_TRACKING_USERNAME"):
        env["MLFLOW_TRACKING_USERNAME"] = env["MLFLOW_TRACKING_PASSWORD"] = token
