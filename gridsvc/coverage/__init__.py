"""Where teams stand: location models with their proof, and the load that a fleet of teams carries.

Arrays in, plain values out; sites are rows and demands columns. Every `Plan` says the bound that was proved.
"""

from gridsvc.coverage.center import p_center
from gridsvc.coverage.changes import Change, compare
from gridsvc.coverage.covering import lscp
from gridsvc.coverage.double_standard import double_standard
from gridsvc.coverage.expected import mexclp
from gridsvc.coverage.hypercube import Hypercube, hypercube
from gridsvc.coverage.maximal import mclp, mclp_backup
from gridsvc.coverage.median import p_median
from gridsvc.coverage.model import Limits, Plan, Side

__all__ = [
    "Change",
    "Hypercube",
    "Limits",
    "Plan",
    "Side",
    "compare",
    "double_standard",
    "hypercube",
    "lscp",
    "mclp",
    "mclp_backup",
    "mexclp",
    "p_center",
    "p_median",
]
