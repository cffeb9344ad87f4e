"""The backend of the worked example: /health, /predict and /reload over one pinned version.

Environment: MLFLOW_TRACKING_URI (and its sign-in), MODEL_NAME, MODEL_STAGE, MODEL_ALIAS, MODEL_VERSION.
"""

import json
import logging
import math
import threading

import body
from flask import Flask, Response, request
from model import Holder, NoModel, Registry, Settings

log = logging.getLogger("backend")

LARGEST_BODY = 8 * 1024 * 1024


def create_app(settings: Settings | None = None, registry=None) -> Flask:
    """Builds the app and starts loading in the background; /health says 503 until a version is there."""
    settings = settings or Settings.from_environment()
    holder = Holder(registry or Registry(settings))
    app = Flask(__name__)
    app.config["MAX_CONTENT_LENGTH"] = LARGEST_BODY
    app.extensions["holder"] = holder

    def health() -> Response:
        loaded = holder.current()
        if loaded is None:
            return answer(503, {"status": "no_model", **_who(settings, None), "error": holder.problem})
        return answer(200, {"status": "ok", **_who(settings, loaded.version)})

    def predict() -> Response:
        loaded = holder.current()
        if loaded is None:
            return answer(503, {"status": "no_model", "error": holder.problem})
        try:
            rows = body.parse(request.get_data(), loaded.width)
        except body.BadBody as wrong:
            return answer(400, {"error": str(wrong)})
        return _scored(loaded, rows, copy="X-Headgate-Shadow" in request.headers)

    def reload() -> Response:
        version = request.args.get("version")
        if version is not None and not version.isdecimal():
            return _kept(holder, 400, f"no version of a model is called {version[:100]!r}")
        try:
            holder.reload(version)
        except NoModel as empty:
            return _kept(holder, 503, str(empty))
        except Exception as failure:
            log.exception("reload failed")
            return _kept(holder, 502, f"{type(failure).__name__}: {failure}")
        return health()

    app.add_url_rule("/health", view_func=health, methods=["GET"])
    app.add_url_rule("/predict", view_func=predict, methods=["POST"])
    app.add_url_rule("/reload", view_func=reload, methods=["POST"])
    for code in (404, 405, 413, 500):
        app.register_error_handler(code, _refused)
    start = {"target": holder.load_at_start, "args": (threading.Event(),), "kwargs": {"version": settings.version}}
    threading.Thread(**start, daemon=True, name="load").start()
    return app


def _who(settings: Settings, version: str | None) -> dict:
    named = {"model": settings.name, "stage": settings.stage}
    return named if version is None else {**named, "version": version}


def _scored(loaded, rows, copy: bool) -> Response:
    """The model is foreign code: whatever it raises is a 500 that names the exception, and no trace."""
    try:
        predictions, probabilities = loaded.predict(rows)
        if not copy:  # nothing is written twice, and nothing that no user was told
            loaded.answering(rows, predictions)
    except Exception as failure:
        log.debug("version %s raised", loaded.version, exc_info=True)
        return answer(500, {"error": f"version {loaded.version} raised {type(failure).__name__}: {failure}"[:300]})
    for index, value in enumerate(predictions):
        if isinstance(value, float) and not math.isfinite(value):
            return answer(500, {"error": f"version {loaded.version} answered {value} for features[{index}]"})
    scored = {"predictions": predictions}
    if probabilities is not None and all(math.isfinite(value) for value in probabilities):
        scored["probabilities"] = probabilities
    return answer(200, scored)


def _kept(holder: Holder, code: int, reason: str) -> Response:
    loaded = holder.current()
    serving = {"status": "no_model"} if loaded is None else {"status": "kept", "version": loaded.version}
    return answer(code, {**serving, "error": reason[:1000]})


def _refused(problem) -> Response:
    return answer(problem.code or 500, {"error": problem.description or problem.name})


def answer(code: int, content: dict) -> Response:
    return Response(json.dumps(content, allow_nan=False) + "\n", status=code, mimetype="application/json")
