"""The conclusions of the report and what to do next, in Chinese and English."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

FINDINGS: Mapping[str, tuple[str, str]] = {
    "findings": ("结论与下一步", "What was found, and what to do next"),
    "find_reached": (
        "{cls}：按时到场 {share}（{met}/{n} 件，95% 区间 {low}–{high}），要求 {asked}：{verdict}。",
        "{cls}: in time {share} ({met} of {n} cases, 95 % interval {low} to {high}); asked {asked}: {verdict}.",
    ),
    "find_none": (
        "{cls}：没有可判定的案件（{cases} 件计入）。",
        "{cls}: no case could be judged ({cases} cases count).",
    ),
    "find_no_target": (
        (
            "{cls}：数据没有时限，不能说是否按时。{cases} 件中 {n} 件有到场时间，其第 {asked} 百分位用时为 "
            "{p}；{missing} 件缺到场时间，不在其中，真实值可能更长（界限见“用时分段”）。"
            "请在列对照文件中写明各类别的时限（targets_s，秒），并督促队员及时点“到场”。"
        ),
        (
            "{cls}: the data has no target, so nobody can say what was in time. Of {cases} cases {n} have an arrival; "
            "their P{asked} is {p}. {missing} have none and are not in it, so it may be longer (see the bounds in the "
            "parts of the response). Write the targets into the column map (targets_s), and have the teams press “on "
            "scene” at once."
        ),
    ),
    "verdict_true": ("已达到", "reached"),
    "verdict_false": ("未达到", "NOT reached"),
    "verdict_none": ("样本不足以判定", "the cases do not show it either way"),
    "find_cause": (
        "{cls}：迟到 {late} 件，最主要的原因是“{cause}”：{count}/{late} 件（{share}，95% 区间 {low}–{high}）。{advice}",
        (
            "{cls}: of {late} late cases, the first cause is “{cause}”: {count} of {late} ({share}, 95 % interval "
            "{low} to {high}). {advice}"
        ),
    ),
    "find_causes": (
        (
            "{cls}：迟到 {late} 件，没有一个原因明显居首。最多的是“{cause}”：{count}/{late} 件（{share}，95% 区间 "
            "{low}–{high}），其次是“{second}”：{second_count} 件。{advice}"
        ),
        (
            "{cls}: of {late} late cases, no cause stands out. Most have “{cause}”: {count} of {late} ({share}, 95 % "
            "interval {low} to {high}); next is “{second}”: {second_count}. {advice}"
        ),
    ),
    "find_few": (
        "{cls}：迟到 {late} 件，太少，不能认定主要原因；各原因件数见第三部分。",
        "{cls}: {late} late cases are too few to name a first cause; section 3 counts all of them.",
    ),
    "find_hour": (
        (
            "{cls}：{hour}:00–{next}:00 接报的案件按时率低于本类平均：{met}/{n} 件按时（{share}，95% 区间 "
            "{low}–{high}），24 个时段一并考虑仍超出偶然。请先看这一时段的值班力量。"
        ),
        (
            "{cls}: cases reported from {hour}:00 to {next}:00 are less often in time than the others: {met} of {n} "
            "({share}, 95 % interval {low} to {high}), beyond chance among 24 hours. Look first at who is on duty "
            "then."
        ),
    ),
    "find_lead": (
        (
            "{cls}：{name}牵头的案件按时率低于本类平均：{met}/{n} 件按时（{share}，95% 区间 {low}–{high}），在案件数足"
            "够比较的 {compared} 支队伍中仍超出偶然。请与该队一起逐件核对其迟到案件。"
        ),
        (
            "{cls}: cases led by {name} are less often in time than the others: {met} of {n} ({share}, 95 % interval "
            "{low} to {high}), beyond chance among the {compared} teams with enough cases. Go through its late "
            "cases with the team."
        ),
    ),
    "find_month": (
        (
            "{cls}：{name} 按时率低于本类平均：{met}/{n} 件按时（{share}，95% 区间 {low}–{high}），在案件数足够比较的 "
            "{compared} 个月中仍超出偶然；当月 {cases} 件，各月的中位数为 {usual:g} 件。请查明当月发生了什么，遇到同类"
            "情况提前增加备勤。"
        ),
        (
            "{cls}: cases of {name} are less often in time than the others: {met} of {n} ({share}, 95 % interval {low} "
            "to {high}), beyond chance among the {compared} months with enough cases. There were {cases} cases, where "
            "the median month has {usual:g}. Find out what happened, and have more teams ready when it comes again."
        ),
    ),
    "find_missing": (
        (
            "{cls}：{of} 件已结案或已判定的案件中，{n} 件缺到场时间，不计入按时率。实际按时率介于 {worst}（这 {n} "
            "件全部迟到）与 {best}（全部按时）之间。请督促队员及时点“到场”。"
        ),
        (
            "{cls}: {n} of {of} cases have no arrival time and are not in the share. The true share is "
            "between {worst} (all of these late) and {best} (all in time). Have the teams press “on scene” at once."
        ),
    ),
    "find_area": (
        (
            "迟到最集中的片区在{place}：{late}/{n} 件迟到（{share}，95% 区间 {low}–{high}），高于全区同样城区、城乡构"
            "成的水平。可研究就近设驻点。"
        ),
        (
            "Lateness is highest in a part of {place}: {late} of {n} cases late ({share}, 95 % interval {low} to "
            "{high}), above what the district has with the same mix of urban and rural cases. Consider a station "
            "near there."
        ),
    ),
    "find_calibration": (
        (
            "{cls}：预计用时不再可靠（{what}：应为 {nominal}，近 {months} 个月为 {share}，95% 区间 "
            "{low}–{high}，n={n}）。请重新标定：gridsvc roads calibrate。"
        ),
        (
            "{cls}: predictions no longer hold ({what}: should be {nominal}, was {share} in the last {months} "
            "months, 95 % interval {low} to {high}, n={n}). Calibrate again: gridsvc roads calibrate."
        ),
    ),
    "find_change": (
        (
            "{cls}：自 {period} 起按时率水平变化：{before}（{met_before}/{n_before} 件）→ {after}（{met}/{n} 件），相"
            "差 {difference} 个百分点（95% 区间 {low} 至 {high}）。请查明当时有何变化：人员、驻点、道路或计时。"
        ),
        (
            "{cls}: the share in time changed from {period} on: {before} ({met_before} of {n_before} cases) to "
            "{after} ({met} of {n}), by {difference} points (95 % interval {low} to {high}). Find out what else "
            "changed then: staff, stations, roads or how times are recorded."
        ),
    ),
    "advice_handling": ("请检查接警台从接报到派单的环节。", "Look at the desk: from the report to the order."),
    "advice_no-team-free": (
        "最近的合法队伍当时都在其他案件上：请看高峰时段的备勤力量。",
        "The nearest lawful teams were on other cases: look at how many are on duty in busy hours.",
    ),
    "advice_re-assignment": (
        "首派队伍未能到场或不是推荐队伍：请核对人工改派的理由。",
        "The first team did not come, or was not the recommended one: check the reasons for sending others.",
    ),
    "advice_sign-off": ("请检查派单后的签收。", "Look at how orders are acknowledged."),
    "advice_turnout": ("请检查出动准备。", "Look at the turnout of the teams."),
    "advice_travel": (
        "请核对路况、封路登记和行驶时间标定。",
        "Check roads, recorded closures and the calibration of travel times.",
    ),
    "advice_turnout-or-travel": (
        "缺出发时间，不能区分出动与行驶：请督促队员出发时点“出发”。",
        "It is not known which: have the teams press “en route” when they leave.",
    ),
    "advice_wrong-place": ("请核对报案地点的定位。", "Check how the places of reports are found."),
    "advice_far-station": (
        "这些案件即使由最近的合法队伍按计划出动也会迟到：请研究布点。",
        "By plan even the nearest lawful team would have been too late: consider where stations are.",
    ),
    "within_90": ("90% 区间", "90 % range"),
}
