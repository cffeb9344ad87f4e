"""What is wrong with a body is said, and where."""

import json

import body
import pytest

ROW = [0.5] * 10


@pytest.mark.parametrize(("raw", "says"), [
    pytest.param(b"", "the body is empty", id="empty"),
    pytest.param(b"{", "not JSON", id="cut off"),
    pytest.param(b"\xff\xfe", "not UTF-8", id="binary"),
    pytest.param(b"[1]", "the body is a list, wanted an object", id="a list"),
    pytest.param(b"{}", "the body has no features", id="no features"),
    pytest.param(b'{"features": {}}', "features is an object, wanted a list", id="an object"),
    pytest.param(b'{"features": []}', "features is empty", id="no rows"),
    pytest.param(json.dumps({"features": ROW}).encode(), "features[0] is a number, wanted a list", id="one level short"),
    pytest.param(json.dumps({"features": [ROW, ROW[:9]]}).encode(), "features[1] has 9 features, wanted 10", id="short row"),
    pytest.param(json.dumps({"features": [[*ROW, 1]]}).encode(), "features[0] has 11 features", id="long row"),
    pytest.param(json.dumps({"features": [[*ROW[:9], "1"]]}).encode(), "features[0][9] is text", id="text"),
    pytest.param(json.dumps({"features": [[None, *ROW[:9]]]}).encode(), "features[0][0] is null", id="null"),
    pytest.param(json.dumps({"features": [[True, *ROW[:9]]]}).encode(), "features[0][0] is a boolean", id="boolean"),
    pytest.param(json.dumps({"features": [[float("nan"), *ROW[:9]]]}).encode(), "holds NaN", id="NaN"),
    pytest.param(b'{"features": [[1e999,0,0,0,0,0,0,0,0,0]]}', "features[0][0] is too large", id="overflow"),
    pytest.param(json.dumps({"features": [[10**400, *ROW[:9]]]}).encode(), "features[0][0] is too large", id="long integer"),
    pytest.param(b"[" * 100_000, "not JSON that can be read", id="nested too deep"),
])
def test_wrong_body_is_named(raw, says):
    with pytest.raises(body.BadBody) as wrong:
        body.parse(raw, 10)
    assert says in str(wrong.value)


def test_right_body_with_more_in_it():
    rows = body.parse(json.dumps({"features": [ROW, [1] * 10], "group": ["a", "b"]}).encode(), 10)
    assert rows == [ROW, [1.0] * 10]
