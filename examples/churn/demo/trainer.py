"""Trains and evaluates the versions of a demonstration one after the other, as CI would: by the programs in ml/."""

import json
import subprocess
import threading
from pathlib import Path

from follow import StoryFailed
from servers import environment


class Trainer:
    """`recipes` holds the words behind train_and_register.py's --model for each version, in the order of versions."""

    def __init__(self, python: Path, ml: Path, mlflow: str, children, report, recipes: dict[str, list[str]]):
        self._python, self._ml, self._children, self._report = python, ml, children, report
        self._env = {**environment(python), "MLFLOW_TRACKING_URI": mlflow, "DATA_VERSION": "dvc:demo"}
        self._recipes = recipes
        self._done: dict[str, threading.Event] = {version: threading.Event() for version in recipes}
        self._problem: Exception | None = None

    def train(self, version: str) -> None:
        recipe = self._recipes[version]
        trained = json.loads(self._program(f"train-{version}", ["train_and_register.py", "--model", *recipe]))
        if trained["model_version"] != version:
            raise StoryFailed(f"MLflow registered version {trained['model_version']}, wanted {version}")
        evaluated = json.loads(self._program(f"evaluate-{version}", ["evaluate.py", json.dumps(trained)]))
        self._report.say(f"version {version}  {recipe[0]}: accuracy {evaluated['accuracy']:.4f}, "
                         f"passes {evaluated['threshold']:.2f}")
        self._done[version].set()

    def train_rest(self) -> threading.Thread:
        """Trains all but the first version in the background."""

        def work():
            try:
                for version in list(self._recipes)[1:]:
                    self.train(version)
            except Exception as problem:
                self._problem = problem
            finally:
                for done in self._done.values():
                    done.set()

        thread = threading.Thread(target=work, name="train", daemon=True)
        thread.start()
        return thread

    def wait(self, version: str) -> None:
        if not self._done[version].wait(180):
            raise StoryFailed(f"version {version} was not trained in 180 s")
        if self._problem:
            raise self._problem

    def _program(self, name: str, words: list[str]) -> str:
        command = [str(self._python), str(self._ml / words[0]), *words[1:]]
        # Training must not slow down what is being measured.
        child = self._children.start(name, command, env=self._env, stdout=subprocess.PIPE, nice=True)
        out, _ = child.process.communicate(timeout=170)
        if child.process.returncode != 0:
            raise StoryFailed(f"{name} ended with exit code {child.process.returncode}:\n{child.tail()}")
        self._children.forget(child)
        return out.decode()
