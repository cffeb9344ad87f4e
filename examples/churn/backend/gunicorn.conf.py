"""gunicorn's settings: `gunicorn --config gunicorn.conf.py 'app:create_app()'` in this folder.

One worker process with threads: with several processes /reload and /health would reach one of them and
the versions could differ behind one address, which is exactly what a backend must not do. More
throughput comes from more backends, each with an address of its own.
"""

import os
import sys

# The folder of app.py, wherever gunicorn is started from.
chdir = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, chdir)

bind = f"{os.environ.get('HOST', '127.0.0.1')}:{os.environ.get('PORT', '8000')}"
workers = 1
worker_class = "gthread"
threads = 32
# Far longer than a proxy keeps an idle connection, so that never both ends act on one at the same moment.
keepalive = 75
timeout = 120
graceful_timeout = 5
loglevel = os.environ.get("LOG_LEVEL", "info")
