"""Exit code 0 when the registry answers: /health comes up before the database does."""

import sys
import urllib.request

try:
    urllib.request.urlopen("http://127.0.0.1:5000/api/2.0/mlflow/registered-models/search?max_results=1", timeout=7)
except OSError as problem:
    sys.exit(str(problem))
