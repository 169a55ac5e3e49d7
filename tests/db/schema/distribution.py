"""Which district a statement names for each distributed table: the question that Citus asks to find its shard.

A statement names a district where a conjunct of its conditions says `district = value`, or makes it equal to another
column that has a value; columns of subqueries and of `with` are followed to their origin. Of one value Citus sends the
whole statement to one server, where all of PostgreSQL's SQL holds.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from itertools import pairwise
from typing import TYPE_CHECKING

import sqlglot
from sqlglot import exp

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping

ONE, SEVERAL, ALL = "one", "several", "all"
"""A statement's rows of a table: of one district, of districts that it names, of all."""

_STATEMENTS = (exp.Select, exp.Insert, exp.Update, exp.Delete)
Node = tuple[int, str]  # id of a relation in the statement, and a column of it


def read_statement(text: str) -> exp.Expr:
    """Parse a statement as psycopg gets it, with %s and %(name)s for values."""
    text = re.sub(r"%\((\w+)\)[sbt]|%[sbt](?!\w)", ":value", text).replace("%%", "%")
    return sqlglot.parse_one(text, read="postgres")


@dataclass
class Districts:
    """The districts of each use of a distributed table in a statement.

    `columns` has the columns of each table; `distributed` names those that are spread by `district`.
    """

    columns: Mapping[str, Collection[str]]
    distributed: Collection[str]
    _parents: dict[Node, Node] = field(default_factory=dict)
    _values: dict[Node, str] = field(default_factory=dict)

    def of(self, tree: exp.Expr) -> list[tuple[str, str]]:
        """Return (table, ONE | SEVERAL | ALL) for each use of a distributed table."""
        self._parents, self._values = {}, {}
        for statement in tree.find_all(*_STATEMENTS):
            self._read_outputs(statement)
            self._read_conditions(statement)
            if isinstance(statement, exp.Insert):
                self._read_insert(statement)
        return [
            (table.name, self._value((id(table), "district")))
            for table in tree.find_all(exp.Table)
            if table.name in self.distributed and not self._is_with(table) and table.find_ancestor(exp.Lock) is None
        ]

    # --- relations -------------------------------------------------------------------------------------------------

    def _sources(self, statement: exp.Expr) -> dict[str, exp.Expr]:
        """Return the relations of a statement by the names that its columns use."""
        return {source.alias_or_name: source for source in _relations(statement)}

    def _resolve(self, column: exp.Column) -> Node | None:
        """Return the relation and name that a column means; looks outwards, as SQL does."""
        statement = column.find_ancestor(*_STATEMENTS)
        while statement is not None:
            sources = self._sources(statement)
            if column.table:
                if column.table in sources:
                    return self._node(sources[column.table], column.name)
            else:
                having = [each for each in sources.values() if self._has(each, column.name)]
                if len(having) == 1:
                    return self._node(having[0], column.name)
            statement = statement.find_ancestor(*_STATEMENTS)
        return None

    def _node(self, source: exp.Expr, name: str) -> Node:
        inner = self._inner(source)
        if inner is not None:
            return (id(inner), f"output {name}")
        if not isinstance(source, exp.Table) or self._is_function(source):
            self._values.setdefault((id(source), name), SEVERAL)  # unnest(...), values (...)
        return (id(source), name)

    def _inner(self, source: exp.Expr) -> exp.Expr | None:
        """Return the statement behind a subquery or a name of `with`; None for a table."""
        if isinstance(source, exp.Subquery | exp.Lateral) and isinstance(source.this, exp.Subquery | exp.Query):
            return source.this.unnest() if isinstance(source.this, exp.Subquery) else source.this
        if isinstance(source, exp.Table):
            found = self._with(source)
            return None if found is None else found.this
        return None

    def _with(self, table: exp.Table) -> exp.CTE | None:
        node: exp.Expr | None = table
        while node is not None:
            clause = node.args.get("with_") or node.args.get("with")
            for each in clause.expressions if clause else ():
                if each.alias == table.name and not _inside(table, each):
                    return each  # type: ignore[no-any-return]
            node = node.parent
        return None

    def _is_with(self, table: exp.Table) -> bool:
        return self._with(table) is not None

    def _is_function(self, source: exp.Expr) -> bool:
        return isinstance(source, exp.Table) and isinstance(source.this, exp.Func)

    def _has(self, source: exp.Expr, name: str) -> bool:
        inner = self._inner(source)
        if inner is not None:
            return name in _outputs(inner) or "*" in _outputs(inner)
        if isinstance(source, exp.Table) and source.name in self.columns:
            return name in self.columns[source.name]
        alias = source.args.get("alias")
        return alias is not None and name in [each.name for each in alias.args.get("columns") or ()]

    # --- equalities ------------------------------------------------------------------------------------------------

    def _read_outputs(self, statement: exp.Expr) -> None:
        for name, value in _outputs(statement).items():
            node = (id(statement), f"output {name}")
            if name == "*":
                sources = self._sources(statement)
                named = value.table if isinstance(value, exp.Column) else ""
                having = [each for key, each in sources.items() if named in ("", key) and self._has(each, "district")]
                if len(having) == 1:
                    self._equal((id(statement), "output district"), self._node(having[0], "district"))
            else:
                self._equate(node, value)

    def _read_insert(self, insert: exp.Insert) -> None:
        schema, rows = insert.this, insert.expression
        if not isinstance(schema, exp.Schema):
            return
        names = [each.name for each in schema.expressions]
        if "district" not in names:
            return
        place, node = names.index("district"), (id(schema.this), "district")
        if isinstance(rows, exp.Values):
            for row in rows.expressions:
                self._equate(node, row.expressions[place])
        elif isinstance(rows, exp.Select):
            chosen = list(_outputs(rows))
            name = "district" if "*" in chosen else chosen[place]
            self._equal(node, (id(rows), f"output {name}"))

    def _read_conditions(self, statement: exp.Expr) -> None:
        where = statement.args.get("where")
        if where is not None:
            self._conjuncts(where.this)
        for join in _joins(statement):
            if join.args.get("on") is not None:
                self._conjuncts(join.args["on"])
            for name in join.args.get("using") or ():
                sources = [each for each in self._sources(statement).values() if self._has(each, name.name)]
                for left, right in pairwise(sources):
                    self._equal(self._node(left, name.name), self._node(right, name.name))

    def _conjuncts(self, condition: exp.Expr) -> None:
        condition = condition.unnest()
        if isinstance(condition, exp.And):
            self._conjuncts(condition.left)
            self._conjuncts(condition.right)
        elif isinstance(condition, exp.EQ):
            left, right = condition.left.unnest(), condition.right.unnest()
            pairs = [(left, right)]
            if isinstance(left, exp.Tuple) and isinstance(right, exp.Tuple):
                pairs = list(zip(left.expressions, right.expressions, strict=True))
            for one, other in pairs:
                for column, value in ((one, other), (other, one)):
                    if isinstance(column, exp.Column) and (node := self._resolve(column)) is not None:
                        self._equate(node, value)
        elif isinstance(condition, exp.In):
            self._read_in(condition)

    def _read_in(self, condition: exp.In) -> None:
        query = condition.args.get("query")
        columns = condition.this.expressions if isinstance(condition.this, exp.Tuple) else [condition.this]
        for place, column in enumerate(columns):
            node = self._resolve(column) if isinstance(column, exp.Column) else None
            if node is None:
                continue
            if query is not None:
                inner = query.unnest()
                self._equal(node, (id(inner), f"output {list(_outputs(inner))[place]}"))
            elif all(_is_value(each) for each in condition.expressions):
                self._put(node, ONE if len(condition.expressions) == 1 else SEVERAL)

    def _equate(self, node: Node, value: exp.Expr) -> None:
        value = _bare(value)
        if isinstance(value, exp.Column):
            other = self._resolve(value)
            if other is not None:
                self._equal(node, other)
        elif isinstance(value, exp.Any):
            if _is_value(_bare(value.this)):
                self._put(node, SEVERAL)
        elif _is_value(value):
            self._put(node, ONE)

    def _put(self, node: Node, value: str) -> None:
        root = self._root(node)
        if self._values.get(root) != ONE:
            self._values[root] = value

    def _equal(self, one: Node, other: Node) -> None:
        one, other = self._root(one), self._root(other)
        if one == other:
            return
        self._parents[other] = one
        if (value := self._values.get(other)) is not None:
            self._put(one, value)

    def _root(self, node: Node) -> Node:
        while node in self._parents:
            node = self._parents[node]
        return node

    def _value(self, node: Node) -> str:
        return self._values.get(self._root(node), ALL)


def _relations(statement: exp.Expr) -> Iterator[exp.Expr]:
    """Yield what a statement takes rows from, or writes to: tables, subqueries, functions."""
    if isinstance(statement, exp.Insert | exp.Update | exp.Delete):
        target = statement.this
        yield target.this if isinstance(target, exp.Schema) else target
        yield from statement.args.get("using") or ()
    source = statement.args.get("from_") or statement.args.get("from")
    if source is not None:
        yield source.this
    yield from (join.this for join in _joins(statement))
    yield from statement.args.get("laterals") or ()


def _joins(statement: exp.Expr) -> Iterator[exp.Join]:
    yield from statement.args.get("joins") or ()
    source = statement.args.get("from_") or statement.args.get("from")
    if source is not None:
        yield from source.this.args.get("joins") or ()
    for source in statement.args.get("using") or ():
        yield from source.args.get("joins") or ()


def _outputs(statement: exp.Expr) -> dict[str, exp.Expr]:
    """Return the columns that a statement gives, by name."""
    if isinstance(statement, exp.Union):
        return _outputs(statement.this.unnest())
    if isinstance(statement, exp.Select):
        return {each.alias_or_name or f"#{n}": _bare(each) for n, each in enumerate(statement.expressions)}
    returning = statement.args.get("returning")
    return (
        {each.alias_or_name or f"#{n}": _bare(each) for n, each in enumerate(returning.expressions)}
        if returning
        else {}
    )


def _bare(value: exp.Expr) -> exp.Expr:
    while isinstance(value, exp.Cast | exp.Paren | exp.Alias):
        value = value.this
    return value


def _is_value(value: exp.Expr) -> bool:
    """Whether an expression has no column and no query: one value for the whole statement."""
    return value.find(exp.Column, exp.Select) is None


def _inside(node: exp.Expr, ancestor: exp.Expr) -> bool:
    parent = node.parent
    while parent is not None:
        if parent is ancestor:
            return True
        parent = parent.parent
    return False
