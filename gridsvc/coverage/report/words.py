"""The words of the report of a plan in Chinese and English."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gridsvc.pages.words import Words

if TYPE_CHECKING:
    from collections.abc import Mapping

_WORDS: Mapping[str, tuple[str, str]] = {
    "title_plan": ("驻点规划报告", "Where posts should be"),
    "title_what-if": ("驻点调整测算报告", "What if posts change"),
    "synthetic": (
        "演示数据：案件、队伍和道路均为合成，不是真实情况。",
        "Demo: cases, teams and roads are made up. Nothing here is real.",
    ),
    "at": ("生成时刻", "Made at"),
    "unit": ("单位", "Unit"),
    "unit_bureau": ("综合行政执法局派驻中队（“1”）", "bureau: its squadrons, the “1” of 1+X"),
    "unit_township": ("乡镇（街道）执法队", "township teams"),
    "question": ("问题", "Question"),
    "model_lscp": ("最少几个驻点可使全部需求按时到达（LSCP）", "the fewest posts that reach all demand in time (LSCP)"),
    "model_mclp": ("{p} 个驻点最多可使多少需求按时到达（MCLP）", "the {p} posts that reach most demand in time (MCLP)"),
    "model_backup": (
        "{p} 个驻点最多可覆盖多少需求，兼顾第二驻点（备份覆盖）",
        "the {p} posts that reach most demand in time, a second post counting, too (backup cover)",
    ),
    "model_p-median": ("{p} 个驻点行驶时间合计最短（p-median）", "the {p} posts with the least driving (p-median)"),
    "model_p-center": (
        "{p} 个驻点最远需求最近（p-center）",
        "the {p} posts whose farthest demand is nearest (p-center)",
    ),
    "model_dsm": ("{p} 支队伍兼顾近、远两个时限（双标准模型）", "{p} teams under a near and a far limit (DSM)"),
    "model_mexclp": ("{p} 支队伍，考虑占用率 {busy}（MEXCLP）", "{p} teams that are busy {busy} of the time (MEXCLP)"),
    "model_what-if": ("按指定增设、迁移、撤销驻点后的变化", "what changes by the posts added, moved and closed"),
    "demand": ("需求", "Demand"),
    "demand_history": ("本系统应急案件 {live} 起", "{live} emergencies of this service"),
    "demand_imported": ("导入的应急案件 {imported} 起", "{imported} imported emergencies"),
    "demand_both": (
        "本系统 {live} 起、导入 {imported} 起应急案件",
        "{live} emergencies of this service, {imported} imported",
    ),
    "demand_villages": (
        "尚无案件：每个村社按 1 起计（区间仅示样本大小）",
        "no cases: each village counts as one (the intervals only show how few they are)",
    ),
    "demand_population": ("人口（人）", "population (people)"),
    "without": ("；其中 {n} 起类型没有预案，未计入", "; {n} of them have a type without run card and do not count"),
    "only": ("限定", "Only"),
    "only_hours": ("{0} 时至 {1} 时", "{0} to {1} o'clock"),
    "limit": ("按时的含义", "In time"),
    "limit_line": (
        "行驶不超过 {limits}（按时限扣除接处警和出动 {ready}）；行驶时间为{times}",
        "driving {limits} at most (the target less {ready} of call handling and turnout); driving times are {times}",
    ),
    "limit_minutes": ("行驶不超过 {limits}；行驶时间为{times}", "driving {limits} at most; driving times are {times}"),
    "times_free-flow": ("未经标定的自由流时间", "free-flow, not calibrated"),
    "times_calibrated": ("按实测行程标定的时间", "calibrated on recorded trips"),
    "candidates": ("候选点", "Candidate places"),
    "candidates_line": ("{n} 处；今日驻点：{existing}", "{n}; posts of today: {existing}"),
    "existing_closable": ("可撤销", "may be closed"),
    "existing_fixed": ("全部保留", "stay open"),
    "existing_ignored": ("不考虑", "ignored"),
    "budget": ("预算", "Budget"),
    "versions": ("依据版本", "Made of"),
    "versions_line": ("网格 {generation}，路网 {network}", "grids {generation}, roads {network}"),
    "proof": ("证明", "Proof"),
    "proved": ("已证明最优（差距 0%）", "proved best (gap 0 %)"),
    "not_proved": ("距最优不超过 {gap}，未证明", "within {gap} of the best; not proved"),
    "what_if_best": ("同样数量驻点的最优值不超过 {bound}", "as many posts could reach {bound} at most"),
    "proof_line": ("目标值 {objective}，界 {bound}：{proof}", "objective {objective}, bound {bound}: {proof}"),
    "findings": ("结论", "What was found"),
    "find_posts": (
        "共 {n} 个驻点：保留 {kept}，新设 {new}，迁移 {moved}，撤销 {closed}。",
        "{n} posts. Kept: {kept}; new: {new}; moved: {moved}; closed: {closed}.",
    ),
    "find_change": (
        "按时到达的需求由 {before}（95% 区间 {before_interval}）变为 {after}（{after_interval}），n={n}。{verdict}",
        "In time: {before} today (95 % interval {before_interval}), {after} then ({after_interval}), n={n}. {verdict}",
    ),
    "verdict_better": (
        "增加 {change} 个百分点（95% 区间 {low} 至 {high}）。",
        "That is {change} points more (95 % interval {low} to {high}).",
    ),
    "verdict_worse": (
        "减少 {change} 个百分点（95% 区间 {low} 至 {high}）。",
        "That is {change} points LESS (95 % interval {low} to {high}).",
    ),
    "verdict_unclear": (
        "变化 {change} 个百分点，95% 区间 {low} 至 {high} 含零：案件数不足以证明有差别。",
        (
            "The change of {change} points has the 95 % interval {low} to {high}, with zero in it: the cases "
            "do not show a difference."
        ),
    ),
    "verdict_count": ("变化 {change} 个百分点（人数，不是样本）。", "That is {change} points (a count, no sample)."),
    "find_people": (
        "按时可达人口由 {before} 人变为 {after} 人（共 {n} 人）：新增 {gained}，失去 {lost}。",
        "People in reach in time: {before} today, {after} then, of {n}: {gained} gained, {lost} lost.",
    ),
    "find_best": (
        "{p} 个驻点最多可达 {bound}（不计规则）：本方案距此 {gap} 个百分点。",
        "No {p} posts of these candidates reach more than {bound} (without the rules); this is {gap} points below.",
    ),
    "find_outside": (
        "仍有 {outside} 需求不能按时到达；其中 {never} 从任何候选点都不能按时到达。",
        "{outside} of the demand stays outside; {never} is out of reach in time from every candidate.",
    ),
    "find_lost": (
        "失去覆盖的网格：{grids} 个，见“网格增减”。",
        "Grids that lose more than they gain: {grids}. See “Grids gained and lost”.",
    ),
    "find_rule": ("未满足规则“{rule}”：{where}。", "The rule “{rule}” is NOT kept: {where}."),
    "rule_squadron-per-area": ("每个片区一个中队", "one squadron for each area grid"),
    "rule_half-in-townships": ("半数以上力量下沉乡镇", "half or more of a brigade's teams in townships"),
    "rule_officer-per-village": ("一村（社区）一执法队员", "one officer per village"),
    "rule_budget": ("预算", "budget"),
    "map": ("地图：调整前后", "Map: before and after"),
    "map_before": ("调整前", "Before"),
    "map_after": ("调整后", "After"),
    "map_note": (
        "{cells} 个单元，需求 n={n}。颜色为单元内按时到达的需求比例；绿框为增加，红框为减少。",
        (
            "{cells} cells, demand n={n}. The colour is how much of a cell's demand is in time; green "
            "borders: more than before, red: less."
        ),
    ),
    "cell_reached": ("全部按时", "all in time"),
    "cell_partly": ("部分按时", "some in time"),
    "cell_not": ("不能按时", "none in time"),
    "cell_gained": ("增加", "gained"),
    "cell_lost": ("减少", "lost"),
    "post_kept": ("保留驻点", "post kept"),
    "post_today": ("今日驻点", "post of today"),
    "post_new": ("新设驻点", "new post"),
    "post_moved": ("驻点迁移", "post moved"),
    "state_moved": ("迁移", "moved"),
    "post_closed": ("撤销驻点", "post closed"),
    "curve": ("驻点数与按时比例", "Cover by number of posts"),
    "curve_note": (
        "蓝线：该数量驻点可达到的最大比例（不计规则），n={n}；竖线为 95% 区间。{proved}虚线：全部候选点合计可达。",
        (
            "Blue: the most that so many posts reach, without the rules, n={n}; upright lines are 95 % "
            "intervals. {proved}Dotted: what all candidates together reach."
        ),
    ),
    "curve_all_proved": ("每一点均已证明最优。", "Every point is proved best. "),
    "curve_some": ("红色虚线为未证明部分的界。", "Red: where the best is not proved, up to the bound. "),
    "axis_posts": ("驻点数", "number of posts"),
    "curve_best": ("最优", "the best"),
    "curve_today": ("今日", "today"),
    "curve_plan": ("本方案", "this plan"),
    "curve_reachable": ("全部候选点", "all candidates"),
    "posts_number": ("驻点数", "posts"),
    "bound": ("界", "bound"),
    "gap": ("差距", "gap"),
    "classes": ("按城区、城乡", "By class"),
    "class": ("类别", "class"),
    "urban": ("城区", "urban"),
    "rural": ("城乡", "rural"),
    "all": ("合计", "all"),
    "n": ("n", "n"),
    "before": ("调整前", "before"),
    "after": ("调整后", "after"),
    "change": ("变化", "change"),
    "gained": ("新增", "gained"),
    "lost": ("失去", "lost"),
    "share_interval": ("比例（95% 区间）", "share (95 % interval)"),
    "change_interval": ("变化（95% 区间）", "change (95 % interval)"),
    "drive": ("平均行驶", "mean driving"),
    "drive_line": (
        "距最近合法驻点的平均行驶：调整前 {before}，调整后 {after}（按需求加权，n={n}）。",
        "Mean driving from the nearest lawful post: {before} before, {after} after, weighted by demand, n={n}.",
    ),
    "people": ("人口", "People"),
    "people_note": (
        "按人口文件；人数不是样本，没有区间。",
        "By the population file. People are counted, not drawn, so that there is no interval.",
    ),
    "hours": ("按时段", "By hour"),
    "hours_note": (
        "每小时按时到达的需求比例，调整前后；竖线为 95% 区间，下方为需求数 n。",
        "The share of each hour's demand in time, before and after; upright lines are 95 % intervals, n below.",
    ),
    "hours_none": ("这种需求没有时刻。", "This demand has no hours."),
    "hour_axis": ("时", "hour"),
    "grids": ("网格增减", "Grids gained and lost"),
    "grids_note": (
        "需求或人口有增减的网格（村社，或最细一级）；“6–12 时”等为该时段新增与失去的需求。共 {n} 行，列出 {shown} 行。",
        (
            "Grids (villages, or the finest there are) in which demand or people are gained or lost; columns "
            "such as 6-12 have what is gained and lost in these hours. {n} rows, {shown} shown."
        ),
    ),
    "grids_none": ("没有网格发生变化。", "No grid changes."),
    "grid": ("网格", "grid"),
    "township": ("乡镇（街道）", "township"),
    "reached_before": ("原按时", "in time before"),
    "reached_after": ("现按时", "in time after"),
    "part": ("{0}–{1} 时", "{0}-{1} h"),
    "posts": ("驻点", "Posts"),
    "post": ("驻点", "post"),
    "state": ("状态", "state"),
    "lonlat": ("经度, 纬度", "lon, lat"),
    "units": ("队伍数", "teams"),
    "state_kept": ("保留", "kept"),
    "state_new": ("新设", "new"),
    "state_closed": ("撤销", "closed"),
    "rules": ("改革方案的规则", "Rules of the reform plan"),
    "rule": ("规则", "rule"),
    "kept": ("是否满足", "kept"),
    "yes": ("满足", "yes"),
    "no": ("未满足", "NO"),
    "where": ("何处", "where"),
    "rules_none": ("没有与该单位有关的规则。", "No rule concerns this unit."),
    "how": ("算法与局限", "How, and what it does not know"),
    "how_proof": (
        "“界”是任何方案都不能超过的值，由 HiGHS 或拉格朗日松弛证明；“差距”为二者之差占目标值的比例。",
        (
            "No plan can be better than its bound, proved by HiGHS or a Lagrangian relaxation; the gap is "
            "the difference as a share of the objective."
        ),
    ),
    "how_interval": (
        "比例区间为 Clopper–Pearson 精确区间，每起案件为一次试验；变化的区间为配对比例之差（Bonett、Price 2012）。",
        (
            "Intervals of shares are exact (Clopper-Pearson), each case a trial; those of changes are of "
            "paired shares (Bonett and Price 2012)."
        ),
    ),
    "how_law": (
        "只有依法可承担该席位的队伍才计入覆盖；新驻点视为具备该单位现有的全部技能与装备。",
        (
            "A post covers only what the law lets its teams take; a new post is taken to have the skills and "
            "the equipment that any team of the unit has."
        ),
    ),
    "how_busy": (
        "依据为已报告的案件，不知道无人报告的事；除 MEXCLP 外不考虑队伍正忙。须以模拟检验。",
        (
            "It is made from what was reported and knows nothing of what nobody reported; but for MEXCLP "
            "teams count as free. Only a simulation tries it with busy teams."
        ),
    ),
}


def words_of(language: str) -> Words:
    """Return the words of one of LANGUAGES."""
    return Words(_WORDS, language)


def known_keys() -> frozenset[str]:
    """Return every key that has words."""
    return frozenset(_WORDS)
