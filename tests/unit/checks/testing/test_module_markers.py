from __future__ import annotations

import pytest

from tradai_tasks.checks.testing.module_markers import marks_all


@pytest.mark.parametrize(
    ("text", "certain"),
    [
        ("import pytest\npytestmark = pytest.mark.contract", True),
        ("import os\nimport pytest\npytestmark = (pytest.mark.slow, pytest.mark.contract())", True),
        ("import pytest\npytestmark = pytest.mark.slow", False),
        ("import pytest\n# pytestmark = pytest.mark.contract", False),
        ("import pytest\n'''pytestmark = pytest.mark.contract'''", False),
        ("import pytest\nif 0:\n    pytestmark = pytest.mark.contract", False),
        ("import pytest\npytestmark = pytest.mark.contract\npytestmark = []", False),
        ("import pytest\npytestmark = pytest.mark.contract\ndel pytestmark", False),
        ("import pytest\n@pytest.mark.contract\ndef test_a(): ...", False),
        ("from own import pytest\npytestmark = pytest.mark.contract", False),
        ("import own as pytest\npytestmark = pytest.mark.contract", False),
        ("import pytest\nclass TestA:\n    pytestmark = pytest.mark.contract", False),
        ("import pytest\npytestmark = pytest.mark.contract\ndef (:", False),
        ("# one contract per test\ndef test_e2e(): assert False", False),
        ("", False),
    ],
)
def test_only_what_is_certain_counts(text: str, certain: bool) -> None:
    assert marks_all(text.encode(), {"contract", "integration"}) == certain
