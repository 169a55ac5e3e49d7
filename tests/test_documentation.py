"""What the documents say is what the program has."""

from __future__ import annotations

import re
from pathlib import Path

from gridsvc.cli.load import KINDS
from gridsvc.cli.root import WORDS
from gridsvc.settings import SETTINGS

PROJECT = Path(__file__).resolve().parents[1]
README = (PROJECT / "README.md").read_text(encoding="utf-8")


def test_every_setting_stands_in_the_readme() -> None:
    assert [s.name for s in SETTINGS if f"`{s.name}`" not in README] == []


def test_the_readme_names_no_word_that_the_program_lacks() -> None:
    told = set(re.findall(r"(?:`|\$ )gridsvc ([a-z][a-z-]*)", README))
    assert told
    assert told <= set(WORDS)
    named = set(re.findall(r"`gridsvc load ([a-z]+)", README))
    assert named <= set(KINDS)


def test_every_link_of_the_documents_leads_somewhere() -> None:
    lost = []
    for page in [*PROJECT.glob("*.md"), *PROJECT.glob("docs/*.md")]:
        for target in re.findall(r"\]\(([^)#:]+)\)", page.read_text(encoding="utf-8")):
            if not (page.parent / target).exists():
                lost.append(f"{page.name}: {target}")
    assert lost == []
