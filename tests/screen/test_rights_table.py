"""The screen offers a step by the same right as the service asks for."""

from __future__ import annotations

import re
from pathlib import Path

import gridsvc.api
from gridsvc.cases.steps import STEPS, TEAM_STEPS, right_of_step

RIGHTS = Path(gridsvc.api.__file__).parent / "screen" / "js" / "rights.js"


def test_each_step_is_offered_by_the_right_that_it_needs() -> None:
    offered = dict(re.findall(r'^  (\w+): "(\w+)",$', RIGHTS.read_text(encoding="utf-8"), re.MULTILINE))
    assert offered == {step: right_of_step(step).name for step in (*STEPS, *TEAM_STEPS)}
