"""Random queries of rows that belong to a row: UNNEST, LATERAL, correlated subqueries."""

from expressions import Expressions
from model import BIGINT, INT, KEY_KINDS, STRING, Column, Query, array_of


class Laterals:
    """Part of Queries."""

    # ------------------------------------------------------------ UNNEST

    def unnest(self, depth):
        """The elements of a collection beside its row."""
        source = self.scan() if self.choices.chance(60) else self.source(depth - 1)
        if source.is_join:
            source = self.wrapped(Query(source.columns, *(
                f"SELECT {', '.join(c.name for c in source.columns)} FROM {text}"
                for text in (source.flink, source.duck))))
        collection = self._collection(source)
        elements, rows = self._elements(collection)
        is_column = collection.flink in [c.name for c in source.columns]
        if collection.type.kind == "MAP" or not is_column:
            self.has_order = False
        alias, names = self.name("u"), ", ".join(c.name for c in elements)
        unnested = f"UNNEST({collection.flink}) AS {alias} ({names})"
        flink, duck = (f"{source.flink} CROSS JOIN {unnested}",
                       f"{source.duck}, LATERAL ({rows}) AS {alias}")
        if self.choices.chance(40):
            on = ("TRUE", "TRUE")
            extra = self._condition(elements) if self.choices.chance(40) else None
            if extra is not None:
                on = (extra.flink, extra.duck)
            if "LEFT JOIN UNNEST" not in self.choices.around:
                flink = f"{source.flink} LEFT JOIN {unnested} ON {on[0]}"
            duck = f"{source.duck} LEFT JOIN LATERAL (SELECT * FROM ({rows}) WHERE {on[1]}) " \
                   f"AS {alias} ON TRUE"
        joined = Query(source.columns + elements, flink, duck)
        where = self._where(joined, 30)
        shown = elements + source.columns[:3]
        if self.choices.chance(25):
            return self._counted(joined, elements, where)
        columns = [Column(self.name("x"), c.type) for c in shown]
        items = ", ".join(f"{c.name} AS {named.name}" for c, named in zip(shown, columns))
        return Query(columns, f"SELECT {items} FROM {flink}{where[0]}",
                     f"SELECT {items} FROM {duck}{where[1]}")

    def _counted(self, joined, elements, where):
        """Groups of equal elements."""
        self.changing += 1
        keys = [c for c in elements if c.type.kind in KEY_KINDS][:1]
        calls = self._calls(Expressions(self.choices, joined.columns))
        group = f" GROUP BY {keys[0].name}" if keys else ""
        source = Query(joined.columns, joined.flink + where[0], joined.duck + where[1])
        return self._grouped(source, keys, calls, group,
                             ("", "" if keys else " HAVING count(*) > 0"))

    def _collection(self, source):
        scope = Expressions(self.choices, source.columns)
        fitting = [c for c in source.columns if c.type.kind in ("ARRAY", "MAP")]
        if fitting and not self.choices.chance(15):
            column = self.choices.pick(fitting)
            return scope.column_of(column)
        return scope.of_nested(array_of(self.choices.pick([INT, STRING])), 2)

    def _elements(self, collection):
        """The columns of the elements, and DuckDB's query for them."""
        of_type = collection.type
        if of_type.kind == "MAP":
            columns = [Column(self.name("e"), part) for part in of_type.parts]
            return columns, (f"SELECT unnest(map_keys({collection.duck})) AS {columns[0].name}, "
                             f"unnest(map_values({collection.duck})) AS {columns[1].name}")
        element = of_type.parts[0]
        if element.kind == "ROW":
            columns = [Column(self.name("e"), part) for part in element.parts]
            items = ", ".join(f"e.{name} AS {column.name}"
                              for name, column in zip(element.names, columns))
            # NULL in the place of a row is no element.
            return columns, (f"SELECT {items} FROM (SELECT unnest({collection.duck}) AS e) "
                             "WHERE e IS NOT NULL")
        column = Column(self.name("e"), element)
        return [column], f"SELECT unnest({collection.duck}) AS {column.name}"

    # ------------------------------------------------------------ LATERAL

    def _correlated(self, source, other):
        """A condition that ties the rows of one relation to those of another, or None."""
        pairs = [(a, b) for a in source.columns for b in other.columns
                 if a.type == b.type and a.type.kind in KEY_KINDS]
        if not pairs:
            return None
        a, b = self.choices.pick(pairs)
        return f"{b.name} = {a.name}"

    def lateral(self, depth):
        """Each row beside what a subquery says about it."""
        self.changing += 1
        source, other = self.scan(), self.source(depth - 1)
        tie = self._correlated(source, other)
        if tie is None or other.is_join:
            return self.scalar(depth)
        condition = self._condition(other.columns) if self.choices.chance(30) else None
        where = [f" WHERE {tie}"] * 2 if condition is None else \
            [f" WHERE {tie} AND {condition.flink}", f" WHERE {tie} AND {condition.duck}"]
        which = self.choices.below(3)
        if which == 0:
            return self._scalar_of_row(source, other, where)
        if which == 1:
            of_type, flink, duck = self.call(Expressions(self.choices, other.columns))
            columns = [Column(self.name("x"), of_type)]
            inner = (f"SELECT {flink} AS {columns[0].name} FROM {other.flink}{where[0]}",
                     f"SELECT {duck} AS {columns[0].name} FROM {other.duck}{where[1]}")
        else:
            scope = Expressions(self.choices, other.columns)
            columns, flink, duck = self._items([
                scope.of(scope.any_type(), 1) for _ in range(1 + self.choices.below(2))])
            inner = (f"SELECT {flink} FROM {other.flink}{where[0]}",
                     f"SELECT {duck} FROM {other.duck}{where[1]}")
        alias = self.name("q")
        word, on = self.choices.pick([("CROSS JOIN", ""), ("LEFT JOIN", " ON TRUE")])
        if which == 1 and "LATERAL of an aggregate" in self.choices.around:
            word, on = "LEFT JOIN", " ON TRUE"
        shown = columns + source.columns[:3]
        names = ", ".join(c.name for c in shown)
        flink, duck = (f"SELECT {names} FROM {text} {word} LATERAL ({query}) AS {alias}{on}"
                       for text, query in zip((source.flink, source.duck), inner))
        return Query([Column(c.name, c.type) for c in shown], flink, duck)

    def _scalar_of_row(self, source, other, where):
        of_type, flink, duck = self.call(Expressions(self.choices, other.columns))
        columns = [Column(c.name, c.type) for c in source.columns[:2]]
        names = ", ".join(c.name for c in columns)
        column = Column(self.name("x"), of_type)
        if self.choices.chance(35) and of_type != BIGINT:
            operator = self.choices.pick(["<", ">=", "="])
            bound = Expressions(self.choices, source.columns).exactly(of_type, 0)
            text = "SELECT {} FROM {} WHERE {} {} (SELECT {} FROM {}{})"
            return Query(columns, text.format(names, source.flink, bound.flink, operator, flink,
                                              other.flink, where[0]),
                         text.format(names, source.duck, bound.duck, operator, duck, other.duck,
                                     where[1]))
        text = "SELECT {}, (SELECT {} FROM {}{}) AS {} FROM {}"
        return Query(columns + [column],
                     text.format(names, flink, other.flink, where[0], column.name, source.flink),
                     text.format(names, duck, other.duck, where[1], column.name, source.duck))
