"""The command line as a person runs it: a process, its exit code, what it writes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Program:
    """The program with the settings of one service."""

    environment: dict[str, str]

    @classmethod
    def of(cls, **settings: str) -> Program:
        """A program that has these settings and no others of gridsvc."""
        plain = {key: value for key, value in os.environ.items() if not key.startswith("GRIDSVC_")}
        return cls(plain | settings)

    def run(
        self, *words: object, code: int = 0, stdout: int | Any = subprocess.PIPE, **variables: str
    ) -> tuple[str, str]:
        """Run it and return stdout and stderr; the exit code is the one expected, and there is no traceback."""
        typed = [sys.executable, "-m", "gridsvc", *map(str, words)]
        done = subprocess.run(typed, env=self.environment | variables, stdout=stdout, stderr=subprocess.PIPE)
        errors = done.stderr.decode("utf-8")
        assert "Traceback" not in errors, errors
        assert "defect of gridsvc" not in errors, errors
        assert "Exception ignored" not in errors, errors
        assert done.returncode == code, (words, done.returncode, errors)
        return (done.stdout or b"").decode("utf-8"), errors

    def json(self, *words: object) -> Any:
        """Run it with --json and return the value."""
        return json.loads(self.run(*words, "--json")[0])
