#!/bin/sh
# Tests of the worked example on one MLflow line: test.sh 2|3 [pytest's options]
set -eu
line=${1:?"usage: test.sh 2|3"}
shift
here=$(cd "$(dirname "$0")" && pwd)
"$here/setup.sh" "$line"
cd "$here"
exec "$here/../../.venv/mlflow$line/bin/python" -m pytest -q -p no:cacheprovider -W ignore tests "$@"
