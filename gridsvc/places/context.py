"""What stands round the names of a text: whether each stands by itself, what is only a direction, what is unknown."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from enum import IntEnum
from typing import TYPE_CHECKING

from gridsvc.places.names import Form
from gridsvc.places.text import NUMERALS, is_han, number_of

if TYPE_CHECKING:
    from gridsvc.places.mentions import Mention
    from gridsvc.places.text import Text


class Stand(IntEnum):
    """How a name stands in the text; more is surer."""

    INSIDE = 0
    """Inside a longer name that is not known: 红星 in 红星美凯龙."""
    FACILITY = 1
    """Before an office, school or shop that may bear the name without being there."""
    PREFIX = 2
    """Before words that are not known: 源东 in 源东桃花节."""
    FREE = 3


@dataclass(frozen=True, slots=True)
class Context:
    """`stands` and `towards` are by mention. `foreign` are the words for places that no list knows, `gaps` the rest.

    `between`: the place is said to be between what is named.
    """

    stands: tuple[Stand, ...]
    towards: tuple[bool, ...]
    foreign: tuple[str, ...]
    between: bool
    spread_m: float
    """How far from the named thing the place may be, as far as the text says it."""
    gaps: tuple[str, ...] = field(default=())


_HAN = "㐀-鿿"
_BEFORE = re.compile(
    r"(?:的|在|是|于|到|址|原|老|住|从|往|去|离|近|靠|就|喂|来|有|和|与|及|跟|至|号|村|镇|乡|街道|区|市|县|省|路|街|道|巷|弄"
    r"|段|站|口|方向|我家|我们|我|叫|做|过|这里|这边|那边|一个|国道|省道|县道|高速|线|人|报警|说|请|名|或|或者|还是|刚出|驶出|离开|[a-z0-9])$"
)
_AFTER = re.compile(
    rf"(?:对面|[东西南北](?![{_HAN}]?[路街])|旁|边|附近|隔壁|周边|这|那|口|里|内|外|上|下|前|后|中间|[古新老]?村|街上|街头|集镇"
    r"|集市|老街|政府|的|和|与|及|跟|到|至|往|去|方向|有|着火|起火|发生|是|在|处|段|自然村|站(?!前)|一带|区域|境内|地段|交界|公里|委会|居委"
    r"|号|联系|电话|姓|找|人|辖区|发现|出|我|来|请|快|要|[a-z0-9]|$)"
)
_FACILITY = re.compile(
    r"(?:中学|小学|初中|高中|中心|派出所|卫生|医院|汽车站|车站|公交|火车|敬老院|供电|供销|加油|菜场|菜市|农贸|市场|文化|祠堂|幼儿园"
    r"|工业|开发区|信用社|法庭|税务|交警|消防|高速|收费站|出口|互通|服务区|隧道|大桥|水库|邮政|农商|粮站|公园|广场|小区|公寓|花园|花苑|家园)"
)
_STREET = re.compile(rf"^[{_HAN}]{{0,2}}(?:路|大道|大街|街|巷|弄|线|公路|高架|江|溪|河)|^(?:[区市县省镇乡]|街道)")
_BUSINESS = re.compile(
    rf"^(?![这那边有的里在旁对附])(?:(?![这那边有的里在旁对附])[{_HAN}]){{0,4}}"
    r"(?:饭店|酒店|酒楼|饭馆|餐馆|餐厅|菜馆|面馆|宾馆|旅馆|客栈|民宿|农家乐|超市|商行|商店|专卖店|公司|集团|药店|药房|茶楼|会所|影楼|家具城|汽修厂)"
)
"""A business may be called after a place wherever it is."""
_FROM = re.compile(r"(?:离|距|距离)$")
_BETWEEN = re.compile(r"路上|之间|中间|交界|途中|中途|半路")
_TOWARDS_BEFORE = re.compile(r"(?:往|去|向|朝|到|离|距|距离|通往|开往|至|靠近|邻近|临近|挨着|紧邻|毗邻)$")
_TOWARDS_AFTER = re.compile(r"^(?:方向|那边方向|的路上|走)")
_SUFFIX = "省|自治区|自治州|市|县|区|旗|街道|镇|乡"
_FOREIGN = re.compile(rf"^[的在于是到住,]?([{_HAN}]{{2,4}}?(?:{_SUFFIX}))(?!场|民|政|中心|长|道|委)")
_COMMON = re.compile(
    r"(?:超市|城市|夜市|菜市|早市|门市|花市|集市|股市|[小社园厂景校库辖片山灾矿林业活宅港东西南北城]区|[一二三四五六七八九十]区"
    r"|[老主步商业沿条本大]街道|[集古小城乡村老全本个在]镇|[老故家城下]乡|开发区|服务区|保护区|度假区)$"
)
_METRES = re.compile(rf"(\d{{1,5}}(?:\.\d+)?|[{NUMERALS}]{{1,5}})(米|m|km|公里|千米|里路|里地)(?!处|[a-z])")
_NEARBY = re.compile(r"附近|周边|一带|旁边|对面|隔壁|后面|前面|侧|角")


def read_context(text: Text, mentions: list[Mention]) -> Context:
    """Look at what stands before, between and behind the mentions."""
    plain = text.plain
    limits = [0, *(limit for m in mentions for limit in (m.start, m.end)), len(plain)]
    gaps = [plain[limits[k] : limits[k + 1]] for k in range(0, len(limits), 2)]
    stands, towards = [], []
    for k, mention in enumerate(mentions):
        stands.append(_stand(text, mention, gaps[k], gaps[k + 1]))
        before = bool(_TOWARDS_BEFORE.search(gaps[k]))
        behind = bool(_TOWARDS_AFTER.match(gaps[k + 1]))
        others = any(other.named for j, other in enumerate(mentions) if j < k or (behind and j != k))
        towards.append(others and (before or behind) and not _BETWEEN.search(plain))
    foreign = [
        found[1]
        for k, gap in enumerate(gaps)
        for found in _FOREIGN.finditer(gap)
        if not _COMMON.search(found[1]) and (k == 0 or mentions[k - 1].form is Form.FULL)
    ]
    # 孝顺镇离义乌2公里: the distance is that to another place, and widens nothing here.
    rest = "".join(gap for k, gap in enumerate(gaps) if not (k and towards[k - 1] and _FROM.search(gaps[k - 1])))
    return Context(
        tuple(stands), tuple(towards), tuple(foreign), bool(_BETWEEN.search(plain)), _spread_m(rest), tuple(gaps)
    )


def _stand(text: Text, mention: Mention, before: str, after: str) -> Stand:
    free = mention.start in text.edges or not before or _BEFORE.search(before) or not is_han(before[-1])
    if not free:
        return Stand.INSIDE
    if mention.form is not Form.STEM or mention.end in text.edges or not after:
        return Stand.FREE
    if _BUSINESS.match(after):
        return Stand.PREFIX
    if _AFTER.match(after):
        return Stand.FREE
    if _FACILITY.match(after):
        return Stand.FACILITY
    return Stand.INSIDE if _STREET.match(after) else Stand.PREFIX


def _spread_m(words: str) -> float:
    spread_m = 50.0 if _NEARBY.search(words) else 0.0
    for found in _METRES.finditer(words):
        unit_m = {"米": 1.0, "m": 1.0, "里路": 500.0, "里地": 500.0}.get(found[2], 1000.0)
        about = re.fullmatch("[一二三四五六七八九两]([二三四五六七八九])", found[1])  # 两三公里: two or three
        said = about[1] if about else found[1]
        spread_m += float(said if "." in said else number_of(said) or 0) * unit_m
    return min(spread_m, 20_000.0)
