"""The best move-ups: which free team should wait at which station, so that most demand is in reach again (R12)."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from gridsvc.coverage.lawful import Columns

    Floats = NDArray[np.float64]
    Numbers = NDArray[np.intp]


class Move(NamedTuple):
    """Team `team` to the station of team `station`: the weight covered more, and the seconds of driving there.

    `columns`: what is covered then, and was not.
    """

    team: int
    station: int
    gain: float
    drive_s: float
    columns: Numbers


class Fleet(NamedTuple):
    """Where teams stand and how fast they are.

    seconds: (teams, places) of driving from each station; ready_s: (teams,) call handling and turnout; stations_s:
    (teams, teams) of driving between stations; inf = no way.
    """

    seconds: NDArray[np.float32]
    ready_s: Floats
    stations_s: NDArray[np.float32]


def best_moves(
    columns: Columns, fleet: Fleet, counts: NDArray[np.int32], movable: Numbers, *, most: int = 5
) -> list[Move]:
    """Return the best move of each team that gains anything by one, the greatest gain first, then the shortest drive.

    Parameters
    ----------
    counts
        (columns,) how many free teams cover a column now, each from its station.
    movable
        Numbers of free teams.
    """
    open_now = np.flatnonzero((counts == 0) & (columns.weight > 0))
    found = []
    for team in movable.tolist():
        ready_s = float(fleet.ready_s[team])
        wanted = open_now[columns.may[columns.group[open_now], team]]
        if not len(wanted):
            continue
        mine = columns.covered_by(team, fleet.seconds[team].astype(np.float64), ready_s)
        alone = np.flatnonzero(mine & (counts == 1))
        reached = fleet.seconds[:, columns.place[wanted]] + ready_s <= columns.target_s[wanted]
        kept = fleet.seconds[:, columns.place[alone]] + ready_s <= columns.target_s[alone]
        gain = reached @ columns.weight[wanted] - (~kept) @ columns.weight[alone]
        gain[~np.isfinite(fleet.stations_s[team])] = 0.0
        greatest = float(gain.max())
        if greatest <= 1e-9 * float(columns.weight.sum()):
            continue
        alike = np.flatnonzero(gain >= greatest - 1e-9)
        station = int(alike[fleet.stations_s[team][alike].argmin()])
        drive_s = float(fleet.stations_s[team][station])
        found.append(Move(team, station, greatest, drive_s, wanted[reached[station]]))
    found.sort(key=lambda move: (-round(move.gain, 9), move.drive_s, move.team))
    return found[:most]


_BY_RANK = np.array([1.0, 0.5, 0.25])


def preparedness(arrival_s: Floats) -> Floats:
    """Return how well prepared each place is, (places,): 1, 1/2 and 1/4 of the nearest three teams' arrivals a minute.

    After Andersson and Varbrand, Decision support tools for ambulance dispatch and relocation, Journal of the
    Operational Research Society 58, 2007, without their division by demand, which stands beside it.

    Parameters
    ----------
    arrival_s
        (teams, places) seconds until a free team would be there, inf = never.
    """
    nearest = np.sort(arrival_s, axis=0)[: len(_BY_RANK)]
    weights = _BY_RANK[: len(nearest), None]
    value: Floats = (weights * 60.0 / np.maximum(nearest, 1.0)).sum(axis=0)
    return value
