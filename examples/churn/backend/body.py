"""The body of /predict: read strictly, refused in words. Knows nothing of HTTP or of the model."""

import json
import math


class BadBody(Exception):
    """The body is wrong; the text says what and where."""


def parse(raw: bytes, width: int) -> list[list[float]]:
    """Returns the rows of {"features": [[…], …]}, each of `width` finite numbers."""
    try:
        body = json.loads(raw.decode("utf-8"), parse_constant=_constant)
    except UnicodeDecodeError:
        raise BadBody("the body is not UTF-8") from None
    except json.JSONDecodeError as problem:
        what = "empty" if not raw.strip() else f"not JSON: {problem}"
        raise BadBody(f"the body is {what}") from None
    except (RecursionError, ValueError):  # nested too deep, or a number of thousands of digits
        raise BadBody("the body is not JSON that can be read") from None
    if not isinstance(body, dict):
        raise BadBody(f"the body is {_kind(body)}, wanted an object with features")
    if "features" not in body:
        raise BadBody("the body has no features")
    rows = body["features"]
    if not isinstance(rows, list):
        raise BadBody(f"features is {_kind(rows)}, wanted a list of rows")
    if not rows:
        raise BadBody("features is empty, wanted at least one row")
    return [_row(row, index, width) for index, row in enumerate(rows)]


def _row(row, index: int, width: int) -> list[float]:
    where = f"features[{index}]"
    if not isinstance(row, list):
        raise BadBody(f"{where} is {_kind(row)}, wanted a list of {width} numbers")
    if len(row) != width:
        raise BadBody(f"{where} has {len(row)} features, wanted {width}")
    return [_number(value, f"{where}[{column}]") for column, value in enumerate(row)]


def _number(value, where: str) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise BadBody(f"{where} is {_kind(value)}, wanted a number")
    try:
        number = float(value)
    except OverflowError:
        number = math.inf
    if not math.isfinite(number):
        raise BadBody(f"{where} is too large a number")
    return number


def _constant(word: str):
    raise BadBody(f"the body holds {word}, which is not JSON")


def _kind(value) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "a boolean"
    return {str: "text", list: "a list", dict: "an object"}.get(type(value), "a number")
