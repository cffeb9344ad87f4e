"""Shadow, approval, canary on a real MLflow: `python shadow_main.py --mlflow 2|3 --headgate bin/headgate`."""

import sys
from pathlib import Path

import shadow_story
from labels import Labels
from people import person
from running import Demonstration, parse, run


def demonstration(options) -> Demonstration:
    import data

    author = person(options.headgate, "author", "operator", "ml-lead")
    people = shadow_story.People(
        colleague=person(options.headgate, "colleague", "operator"),
        lead=person(options.headgate, "lead", "ml-lead"),
        reporter=person(options.headgate, "labels", "reporter"),
    )
    labels = Labels(data.held_out_labels())
    story = shadow_story.Story(people, labels)
    return Demonstration(
        policy=Path(__file__).resolve().parent / "shadow_policy.yaml", recipes=shadow_story.RECIPES,
        rate=60, play=story.play, conclude=story.conclude, token=author.token, answered=labels.answered,
        env={"DEMO_AUTHOR": author.sha256, "DEMO_COLLEAGUE": people.colleague.sha256,
             "DEMO_LEAD": people.lead.sha256, "DEMO_LABELS": people.reporter.sha256},
    )


if __name__ == "__main__":
    sys.exit(run(parse(sys.argv[1:], "Shadow, approval, canary and production on a real MLflow."), demonstration))
