"""Look up a description of a place: candidates with point, radius and confidence, the most probable first."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gridsvc.places.along import read_along
from gridsvc.places.context import read_context
from gridsvc.places.mentions import find_mentions
from gridsvc.places.text import read_text
from gridsvc.places.weigh import weigh

if TYPE_CHECKING:
    from gridsvc.places.gazetteer import Gazetteer
    from gridsvc.places.model import Candidate


def geocode(text: str, gazetteer: Gazetteer, *, most: int = 5) -> list[Candidate]:
    """Return the places that a description may mean.

    Parameters
    ----------
    text
        As it was said or typed; only the first 400 characters are read.
    most
        The largest number of candidates.

    Returns
    -------
    list[Candidate]
        The most probable first. Empty: nothing of the district is named. A candidate of level `elsewhere` names
        what lies in another district; it has no township and is never acted on.
    """
    read = read_text(text)
    mentions = find_mentions(read, gazetteer)
    mentions, entries = read_along(read, mentions, gazetteer)
    return weigh(read, mentions, read_context(read, mentions), entries, gazetteer)[:most]
