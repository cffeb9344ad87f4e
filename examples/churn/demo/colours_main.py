"""Two colours on a real MLflow: `python colours_main.py --mlflow 2|3 --headgate bin/headgate`."""

import sys
import tempfile
from pathlib import Path

from colours_story import RECIPES, Story
from running import Demonstration, parse, run

POLICY = Path(__file__).resolve().parent / "colours_policy.yaml"


def main(words: list[str]) -> int:
    options = parse(words, "Blue-green on a real MLflow: production reloads, then the colours swap their roles.")
    with tempfile.TemporaryDirectory(prefix="headgate-colours-") as folder:
        policy = Path(folder) / "policy.yaml"  # the story changes it while Headgate runs
        policy.write_text(POLICY.read_text())
        story = Story(policy)
        return run(options, lambda _: Demonstration(
            policy=policy, recipes=RECIPES, rate=50, play=story.play, conclude=story.conclude,
        ))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
