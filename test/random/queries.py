"""Random queries over random tables, each as the text for Flink and the text for DuckDB."""

from laterals import Laterals
from expressions import Expressions
from matches import Matches
from model import (BIGINT, BOOLEAN, COLUMN_TYPES, DATE, DOUBLE, INT, KEY_KINDS, STRING, TIMESTAMP,
                   Column, Query, Type)
from timed import Timed


class Queries(Laterals, Matches, Timed):
    def __init__(self, choices, tables, is_timed):
        self.choices = choices
        self.tables = tables
        self.is_timed = is_timed
        self.views = []
        self.versioned = []  # (name in DuckDB, table, key): tables that are asked as of a time
        self.names = 0
        self.changing = 0  # operators that take back what they gave
        self.has_order = True  # whether rows that come of one row have an order

    def name(self, prefix):
        self.names += 1
        return f"{prefix}{self.names}"

    # ------------------------------------------------------------ sources

    def source(self, depth):
        """Something to stand in FROM; its columns have names of their own."""
        if depth <= 0 or self.choices.chance(35):
            return self.scan()
        if self.choices.chance(35):
            return self.join(depth)
        return self.wrapped(self.query(depth - 1))

    def scan(self):
        table = self.choices.pick(self.tables)
        # The same table may stand in FROM twice, so each gives its columns names of its own.
        columns = [Column(self.name("c"), column.type) for column in table.columns]
        items = ", ".join(f"{self._plain(column)} AS {named.name}"
                          for column, named in zip(table.columns, columns))
        text = f"SELECT {items} FROM {table.name}"
        return self.wrapped(Query(columns, text, text))

    @staticmethod
    def _plain(column):
        # A time attribute would turn joins, sorts and unions into those by time.
        return f"CAST({column.name} AS TIMESTAMP(3))" if column.is_rowtime else column.name

    def wrapped(self, query):
        alias = self.name("q")
        return Query(query.columns, f"({query.flink}) AS {alias}", f"({query.duck}) AS {alias}",
                     aliases=(alias,))

    def join(self, depth):
        left, right = self.source(depth - 1), self.source(depth - 1)
        kind = self.choices.pick(["INNER", "LEFT", "RIGHT", "FULL"])
        condition = self.join_condition(left, right, must_equal=kind != "INNER")
        columns = [Column(c.name, c.type) for c in left.columns + right.columns]
        aliases = () if left.is_join or right.is_join else left.aliases + right.aliases
        if right.is_join:
            right = Query(right.columns, f"({right.flink})", f"({right.duck})")
        if condition is None:
            return Query(columns, f"{left.flink} CROSS JOIN {right.flink}",
                         f"{left.duck} CROSS JOIN {right.duck}", True, "", aliases)
        flink, duck = condition
        return Query(columns, f"{left.flink} {kind} JOIN {right.flink} ON {flink}",
                     f"{left.duck} {kind} JOIN {right.duck} ON {duck}", True, "", aliases)

    def join_condition(self, left, right, must_equal):
        pairs = [(a, b) for a in left.columns for b in right.columns
                 if a.type.kind == b.type.kind and a.type.kind in KEY_KINDS]
        if not pairs:
            return ("1 = 1", "1 = 1") if must_equal else None
        a, b = self.choices.pick(pairs)
        flink = duck = f"{a.name} = {b.name}"
        if self.choices.chance(15):
            a, b = self.choices.pick(pairs)
            flink += f" AND {a.name} = {b.name}"
            duck += f" AND {a.name} = {b.name}"
        if self.choices.chance(30):
            extra = Expressions(self.choices, left.columns + right.columns).of(BOOLEAN, 2)
            flink += f" AND {extra.flink}"
            duck += f" AND {extra.duck}"
        return flink, duck

    # ------------------------------------------------------------ queries

    def query(self, depth, types=None):
        """A SELECT; of those types, if any are given."""
        if types is not None:
            return self.project(depth, types)
        if self.is_timed and self.choices.chance(60):
            return self.timed(depth)
        make = self.choices.weighted([
            (20, self.project), (18, self.aggregate), (6, self.distinct), (8, self.set_operation),
            (9, self.top_n), (8, self.semi), (5, self.scalar), (5, self.ordered),
            (4, self.grouping_sets), (3, self.values), (4, self.with_query), (8, self.unnest),
            (7, self.lateral), (12, self.timed)])
        return make(depth)

    def _items(self, expressions):
        """The list of a SELECT: (columns, text for Flink, text for DuckDB)."""
        columns, flink, duck = [], [], []
        for expression in expressions:
            column = Column(self.name("x"), expression.type)
            columns.append(column)
            flink.append(f"{expression.flink} AS {column.name}")
            duck.append(f"{expression.duck} AS {column.name}")
        return columns, ", ".join(flink), ", ".join(duck)

    def _where(self, source, percent=50):
        if not self.choices.chance(percent):
            return "", ""
        condition = Expressions(self.choices, source.columns).of(BOOLEAN, 2)
        return f" WHERE {condition.flink}", f" WHERE {condition.duck}"

    def _condition(self, columns):
        """A condition that some column takes part in, or None."""
        for _ in range(4):
            condition = Expressions(self.choices, columns).of(BOOLEAN, 1)
            if any(column.name in condition.flink for column in columns):
                return condition
        return None

    def project(self, depth, types=None):
        source = self.source(depth)
        scope = Expressions(self.choices, source.columns)
        if types is None:
            count = 1 + self.choices.below(4)
            made = [scope.of(scope.type_to_show(), 2) for _ in range(count)]
        else:
            made = [scope.exactly(of_type, 2) for of_type in types]
        columns, flink, duck = self._items(made)
        where = self._where(source)
        hint = self._hint(source, ["STATE_TTL('{}' = '1 d')", "BROADCAST({})"]) \
            if source.is_join and types is None else ""
        return Query(columns, f"SELECT {hint}{flink} FROM {source.flink}{where[0]}",
                     f"SELECT {duck} FROM {source.duck}{where[1]}")

    def _hint(self, source, hints):
        """A hint that changes nothing, now and then."""
        if not source.aliases or not self.choices.chance(15):
            return ""
        return f"/*+ {self.choices.pick(hints).format(self.choices.pick(source.aliases))} */ "

    def distinct(self, depth):
        self.changing += 1
        query = self.project(depth, self._types(KEY_KINDS))
        return Query(query.columns, query.flink.replace("SELECT", "SELECT DISTINCT", 1),
                     query.duck.replace("SELECT", "SELECT DISTINCT", 1))

    def _types(self, kinds=None):
        fitting = [t for t in COLUMN_TYPES if kinds is None or t.kind in kinds]
        return [self.choices.pick(fitting) for _ in range(1 + self.choices.below(3))]

    # ------------------------------------------------------------ aggregates

    def call(self, scope):
        """An aggregate call: (type, text for Flink, text for DuckDB)."""
        choices = self.choices
        which = choices.below(9)
        distinct = "DISTINCT " if which > 1 and choices.chance(20) else ""
        if which == 0:
            made = (BIGINT, "COUNT(*)", "count(*)")
        elif which in (1, 2):
            x = scope.of(scope.any_type() if not distinct else choices.pick([INT, STRING]), 1)
            made = (BIGINT, f"COUNT({distinct}{x.flink})", f"count({distinct}{x.duck})")
        elif which in (3, 4):
            x = scope.of(choices.pick([INT, BIGINT, DOUBLE, Type("DECIMAL", 6, 2)]), 1)
            of_type = Type("DECIMAL", 38, x.type.scale) if x.type.kind == "DECIMAL" else x.type
            made = (of_type, f"SUM({distinct}{x.flink})",
                    f"CAST(sum({distinct}{x.duck}) AS {of_type.duck()})")
        elif which == 5:
            x = scope.of(choices.pick([INT, BIGINT]), 1)
            made = (x.type, f"AVG({distinct}{x.flink})",
                    f"CAST(sum({distinct}{x.duck}) // count({distinct}{x.duck}) "
                    f"AS {x.type.duck()})")
        elif which == 6 and choices.chance(40):
            x = scope.of(DOUBLE, 1)
            made = (DOUBLE, f"AVG({distinct}{x.flink})", f"avg({distinct}{x.duck})")
        else:
            x = scope.of(choices.pick([INT, STRING, BIGINT, DATE, TIMESTAMP, DOUBLE,
                                       Type("DECIMAL", 6, 2)]), 1)
            name = choices.pick(["MIN", "MAX"])
            made = (x.type, f"{name}({x.flink})", f"{name}({x.duck})")
        if choices.chance(15):
            condition = scope.of(BOOLEAN, 1)
            # AVG was made of two calls, and each of them needs the filter.
            duck = made[2].replace(") //", f") FILTER (WHERE {condition.duck}) //")
            closing = duck.rindex(" AS ") if duck.startswith("CAST(") else len(duck)
            return (made[0], f"{made[1]} FILTER (WHERE {condition.flink})",
                    f"{duck[:closing]} FILTER (WHERE {condition.duck}){duck[closing:]}")
        return made

    def _calls(self, scope):
        return [self.call(scope) for _ in range(1 + self.choices.below(3))]

    def _keys(self, source, count_max):
        fitting = [c for c in source.columns if c.type.kind in KEY_KINDS]
        keys = []
        for _ in range(self.choices.below(count_max + 1)):
            if fitting:
                key = self.choices.pick(fitting)
                if key not in keys:
                    keys.append(key)
        return keys

    def _grouped(self, source, keys, calls, group, having, hint=""):
        columns = [Column(self.name("x"), key.type) for key in keys]
        items = [f"{key.name} AS {column.name}" for key, column in zip(keys, columns)]
        flink, duck = list(items), list(items)
        for of_type, call_flink, call_duck in calls:
            column = Column(self.name("x"), of_type)
            columns.append(column)
            flink.append(f"{call_flink} AS {column.name}")
            duck.append(f"{call_duck} AS {column.name}")
        return Query(columns,
                     f"SELECT {hint}{', '.join(flink)} FROM {source.flink}{group}{having[0]}",
                     f"SELECT {', '.join(duck)} FROM {source.duck}{group}{having[1]}")

    def aggregate(self, depth):
        self.changing += 1
        source = self.source(depth)
        scope = Expressions(self.choices, source.columns)
        keys = self._keys(source, 2)
        calls = self._calls(scope)
        where = self._where(source, 30)
        hint = "" if source.is_join else self._hint(source, ["STATE_TTL('{}' = '2 h')"])
        source = Query(source.columns, source.flink + where[0], source.duck + where[1])
        if not keys:
            # A stream without rows has no result yet, where a table without rows has one.
            return self._grouped(source, [], calls, "", ("", " HAVING count(*) > 0"))
        having = ("", "")
        if self.choices.chance(25):
            of_type, flink, duck = self.call(scope)
            bound = Expressions(self.choices, []).constant(of_type)
            operator = self.choices.pick([">", "<=", "<>"])
            having = (f" HAVING {flink} {operator} {bound.flink}",
                      f" HAVING {duck} {operator} {bound.duck}")
        group = " GROUP BY " + ", ".join(key.name for key in keys)
        return self._grouped(source, keys, calls, group, having, hint)

    def grouping_sets(self, depth):
        self.changing += 1
        source = self.source(depth)
        keys = self._keys(source, 3)
        if len(keys) < 2:
            return self.aggregate(depth)
        names = ", ".join(key.name for key in keys)
        group = self.choices.pick([
            f" GROUP BY ROLLUP ({names})", f" GROUP BY CUBE ({names})",
            f" GROUP BY GROUPING SETS (({names}), ({keys[0].name}), ({keys[1].name}))"])
        # Without rows there are no groups here; the one for all rows shall not come either.
        having = ("", " HAVING count(*) > 0")
        calls = self._calls(Expressions(self.choices, source.columns))
        if self.choices.chance(40):
            which = self.choices.pick([f"GROUPING({keys[0].name})", f"GROUPING_ID({names})"])
            calls.append((BIGINT, which, which))
        return self._grouped(source, keys, calls, group, having)

    # ------------------------------------------------------------ sets, ranks

    def set_operation(self, depth):
        self.changing += 1
        types = self._types(KEY_KINDS)
        one, two = self.query(depth - 1, types), self.query(depth - 1, types)
        word = self.choices.pick(["UNION ALL", "UNION", "INTERSECT", "EXCEPT", "INTERSECT ALL",
                                  "EXCEPT ALL"])
        columns = one.columns
        if word != "UNION ALL" and "ALL" in self.choices.around:
            word = word.removesuffix(" ALL")
        flink = f"{one.flink} {word} {two.flink}"
        if word == "UNION" and "UNION" in self.choices.around:
            flink = f"SELECT DISTINCT * FROM ({one.flink} UNION ALL {two.flink})"
        return Query(columns, flink, f"{one.duck} {word} {two.duck}")

    def _order(self, columns):
        """An order that leaves equal only what is equal in all columns."""
        rest, items = list(columns), []
        while rest:
            column = self.choices.pick(rest)
            rest.remove(column)
            items.append((column.name, self.choices.pick(["", " ASC", " DESC"])))
        flink = ", ".join(name + direction for name, direction in items)
        duck = ", ".join(
            name + direction + (" NULLS LAST" if direction == " DESC" else " NULLS FIRST")
            for name, direction in items)
        return flink, duck

    def _orderable(self, depth):
        """A source of which all columns have an order."""
        source = self.wrapped(self.query(depth - 1)) if depth > 1 else self.scan()
        columns = [c for c in source.columns if not c.type.is_nested]
        if not columns:
            return self.wrapped(self.values(depth))
        return Query(columns, source.flink, source.duck)

    def top_n(self, depth):
        self.changing += 1
        source = self._orderable(depth)
        keys = self._keys(source, 1)
        flink_order, duck_order = self._order(source.columns)
        partition = f"PARTITION BY {keys[0].name} " if keys else ""
        number, names = self.name("rn"), ", ".join(c.name for c in source.columns)
        bound = self.choices.pick(["= 1", "<= 2", "<= 3", "< 3"])
        shown = names + (f", {number}" if self.choices.chance(35) else "")
        columns = [Column(c.name, c.type) for c in source.columns]
        if shown != names:
            columns.append(Column(number, BIGINT))
        text = ("SELECT {} FROM (SELECT {}, ROW_NUMBER() OVER ({}ORDER BY {}) AS {} FROM {}) AS {} "
                "WHERE {} {}")
        alias = self.name("q")
        return Query(columns, text.format(shown, names, partition, flink_order, number,
                                          source.flink, alias, number, bound),
                     text.format(shown, names, partition, duck_order, number, source.duck, alias,
                                 number, bound))

    def ordered(self, depth):
        self.changing += 1
        source = self._orderable(depth)
        flink_order, duck_order = self._order(source.columns)
        names = ", ".join(c.name for c in source.columns)
        count = self.choices.pick([1, 2, 3, 5])
        limit, has_offset = f" LIMIT {count}", self.choices.chance(25)
        if has_offset and "OFFSET" not in self.choices.around:
            limit += " OFFSET 1"
        columns = [Column(c.name, c.type) for c in source.columns]
        # In parentheses, for the order belongs to this query and no other.
        inner = Query(columns, f"SELECT {names} FROM {source.flink} ORDER BY {flink_order}{limit}",
                      f"SELECT {names} FROM {source.duck} ORDER BY {duck_order}{limit}")
        outer = self.wrapped(inner)
        return Query(columns, f"SELECT {names} FROM {outer.flink}",
                     f"SELECT {names} FROM {outer.duck}")

    # ------------------------------------------------------------ sub-queries

    def semi(self, depth):
        self.changing += 1
        source = self.source(depth - 1)
        columns = [Column(c.name, c.type) for c in source.columns]
        names = ", ".join(c.name for c in columns)
        other = self.source(depth - 1)
        pairs = [(a, b) for a in source.columns for b in other.columns
                 if a.type == b.type and a.type.kind in KEY_KINDS]
        if not pairs:
            return self.project(depth)
        a, b = self.choices.pick(pairs)
        where = self._where(other, 40)
        word = self.choices.pick(["IN", "NOT IN", "EXISTS", "NOT EXISTS"])
        if "EXISTS" in word:
            glue = [f"{w} AND" if w else " WHERE" for w in where]
            text = "SELECT {} FROM {} WHERE {} (SELECT 1 FROM {}{} {} = {})"
            flink = text.format(names, source.flink, word, other.flink, glue[0], a.name, b.name)
            duck = text.format(names, source.duck, word, other.duck, glue[1], a.name, b.name)
        else:
            text = "SELECT {} FROM {} WHERE {} {} (SELECT {} FROM {}{})"
            flink = text.format(names, source.flink, a.name, word, b.name, other.flink, where[0])
            if "IN" in self.choices.around:
                exists = "NOT EXISTS" if word == "NOT IN" else "EXISTS"
                test = "IS NOT FALSE" if word == "NOT IN" else "IS TRUE"
                glue = f"{where[0]} AND" if where[0] else " WHERE"
                flink = (f"SELECT {names} FROM {source.flink} WHERE {exists} (SELECT 1 FROM "
                         f"{other.flink}{glue} ({a.name} = {b.name}) {test})")
            duck = text.format(names, source.duck, a.name, word, b.name, other.duck, where[1])
        return Query(columns, flink, duck)

    def scalar(self, depth):
        self.changing += 1
        source, other = self.source(depth - 1), self.source(depth - 1)
        of_type, flink, duck = self.call(Expressions(self.choices, other.columns))
        columns = [Column(c.name, c.type) for c in source.columns[:2]]
        names = ", ".join(c.name for c in columns)
        column = Column(self.name("x"), of_type)
        return Query(columns + [column],
                     f"SELECT {names}, (SELECT {flink} FROM {other.flink}) AS {column.name} "
                     f"FROM {source.flink}",
                     f"SELECT {names}, (SELECT {duck} FROM {other.duck} HAVING count(*) > 0) "
                     f"AS {column.name} FROM {source.duck}")

    def with_query(self, depth):
        inner = self.query(depth - 1)
        name = self.name("w")
        columns, items = [], []
        for column in inner.columns:
            columns.append(Column(self.name("x"), column.type))
            items.append(f"{column.name} AS {columns[-1].name}")
        text = "SELECT {} FROM (WITH {} AS ({}) SELECT {} FROM {}) AS {}"
        alias = self.name("q")
        names = ", ".join(column.name for column in columns)
        return Query(columns, text.format(names, name, inner.flink, ", ".join(items), name, alias),
                     text.format(names, name, inner.duck, ", ".join(items), name, alias))

    def values(self, depth):
        del depth
        types = self._types()
        columns = [Column(self.name("x"), of_type) for of_type in types]
        flink, duck = [], []
        scope = Expressions(self.choices, [])
        for _ in range(1 + self.choices.below(3)):
            row = [scope.constant(of_type) for of_type in types]
            flink.append("(" + ", ".join(value.flink for value in row) + ")")
            duck.append("(" + ", ".join(value.duck for value in row) + ")")
        alias, names = self.name("v"), ", ".join(column.name for column in columns)
        text = "SELECT {0} FROM (VALUES {1}) AS {2} ({0})"
        return Query(columns, text.format(names, ", ".join(flink), alias),
                     text.format(names, ", ".join(duck), alias))
