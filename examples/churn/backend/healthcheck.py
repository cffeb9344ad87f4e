"""Exit code 0 when the backend in this container answers: `healthcheck.py [serving]`.

Without an argument an empty stage (503, no_model) is alive and well; with `serving` a model has to be there.
"""

import os
import sys
import urllib.error
import urllib.request

try:
    urllib.request.urlopen(f"http://127.0.0.1:{os.environ.get('PORT', '8000')}/health", timeout=4)
except urllib.error.HTTPError as answer:
    sys.exit(answer.code != 503 or "serving" in sys.argv[1:])
except OSError as problem:
    sys.exit(str(problem))
