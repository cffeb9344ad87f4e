"""Has the backend in this container load what the registry says now, and prints its answer.

Exit code 0 when it serves a version of the registry's choice, 1 when it kept what it had. With this a version is
deployed from inside the container, where nothing else has curl.
"""

import os
import sys
import urllib.error
import urllib.request

request = urllib.request.Request(f"http://127.0.0.1:{os.environ.get('PORT', '8000')}/reload", method="POST")
try:
    with urllib.request.urlopen(request, timeout=120) as answer:
        print(answer.read().decode().strip())
except urllib.error.HTTPError as refused:
    sys.exit(refused.read().decode().strip())
except OSError as problem:
    sys.exit(f"error: {problem}")
