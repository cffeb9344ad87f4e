"""The demonstration on a real MLflow: `python main.py --mlflow 2|3 --headgate bin/headgate`."""

import sys
from pathlib import Path

import stage
import story
from running import Demonstration, parse, run


def demonstration(options) -> Demonstration:
    return Demonstration(
        policy=Path(__file__).resolve().parent / "policy.yaml", recipes=story.RECIPES, rate=50,
        play=story.play, conclude=stage.conclude,
    )


if __name__ == "__main__":
    sys.exit(run(parse(sys.argv[1:], "Headgate's demonstration on a real MLflow."), demonstration))
