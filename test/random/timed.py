"""Random queries over event time: windows, OVER, joins by time, the first and the last row."""

import dataclasses

from expressions import Expressions
from model import BIGINT, BOOLEAN, DATE, DOUBLE, INT, KEY_KINDS, STRING, TIMESTAMP, Column, Query, \
    Table

SIZES = [(60, 20), (20, 10), (10, 5), (3600, 1200)]  # seconds: a window, and a step of it
GAPS = [10, 25, 60]
EDGES = [Column("window_start", TIMESTAMP), Column("window_end", TIMESTAMP)]
WINDOW_TIME = Column("window_time", TIMESTAMP)


def seconds(count):
    return f"INTERVAL '{count}' SECOND(4)"


@dataclasses.dataclass
class Window:
    kind: str
    size: int = 0
    step: int = 0
    offset: int = 0
    key: str = ""  # of a SESSION

    def flink(self, table):
        """The window function over a table."""
        arguments = {"TUMBLE": [self.size], "HOP": [self.step, self.size],
                     "CUMULATE": [self.step, self.size], "SESSION": [self.size]}[self.kind]
        if self.offset:
            arguments.append(self.offset)
        partition = f" PARTITION BY {self.key}" if self.key else ""
        return (f"TABLE({self.kind}(TABLE {table.name}{partition}, DESCRIPTOR({table.rowtime.name})"
                f", {', '.join(map(seconds, arguments))}))")

    def duck(self, table, alias):
        """The rows of the table with the edges of their windows."""
        if self.kind == "SESSION":
            return self._duck_session(table, alias)
        ms = f"epoch_ms({table.rowtime.name})"
        shifted = f"({ms} - {self.offset * 1000})"
        size, step = self.size * 1000, self.step * 1000
        base, last = f"({ms} - {shifted} % {size})", f"({ms} - {shifted} % {max(step, 1)})"
        start, end, count = {
            "TUMBLE": (base, f"{base} + {size}", 1),
            "HOP": (f"{last} - k * {step}", f"{last} - k * {step} + {size}",
                    size // max(step, 1)),
            "CUMULATE": (base, f"{base} + (k + 1) * {step}", size // max(step, 1))}[self.kind]
        return (f"(SELECT {table.name}.*, make_timestamp(({start}) * 1000) AS window_start, "
                f"make_timestamp(({end}) * 1000) AS window_end, "
                f"make_timestamp(({end} - 1) * 1000) AS window_time FROM {table.name}, "
                f"(SELECT unnest(range({count})) AS k) WHERE {end} > {ms}) AS {alias}")

    def _duck_session(self, table, alias):
        time, gap = table.rowtime.name, f"INTERVAL '{self.size}' SECOND"
        by = f"PARTITION BY {self.key}" if self.key else ""
        session = f"PARTITION BY {self.key}, session" if self.key else "PARTITION BY session"
        begins = (f"SELECT *, CASE WHEN {time} - lag({time}) OVER ({by} ORDER BY {time}) <= {gap} "
                  f"THEN 0 ELSE 1 END AS begins FROM {table.name}")
        numbered = f"SELECT *, sum(begins) OVER ({by} ORDER BY {time}) AS session FROM ({begins})"
        start, end = f"min({time}) OVER ({session})", f"max({time}) OVER ({session}) + {gap}"
        return (f"(SELECT * EXCLUDE (begins, session), {start} AS window_start, "
                f"{end} AS window_end, {end} - INTERVAL '1' MILLISECOND AS window_time "
                f"FROM ({numbered})) AS {alias}")


class Timed:
    """Part of Queries."""

    def timed(self, depth):
        """A query over event time, if there is a table for it."""
        make = self.choices.weighted([
            (8, self.window), (5, self.over), (4, self.deduplicate), (3, self.group_window),
            (4, self.window_rank), (5, self.window_join), (10, self.interval_join),
            (12, self.temporal_join), (12, self.match)])
        return make(depth)

    def _timed(self, kinds):
        fitting = [t for t in self.tables if t.rowtime and t.kind in kinds]
        return self.choices.pick(fitting) if fitting else None

    def _appended(self):
        return self._timed(("append",))

    @staticmethod
    def _key_columns(table):
        return [c for c in table.columns if c.type.kind in KEY_KINDS and not c.is_rowtime]

    def _window(self, table, kinds=("TUMBLE", "HOP", "CUMULATE", "SESSION")):
        # What a session loses may part it, and is not looked at: the rows that came count.
        kinds = [kind for kind in kinds if kind != "SESSION" or table.kind == "append"]
        kind = self.choices.pick(kinds)
        if kind == "SESSION":
            keys = self._key_columns(table)
            key = self.choices.pick(keys).name if keys and self.choices.chance(60) else ""
            return Window(kind, self.choices.pick(GAPS), key=key)
        size, step = self.choices.pick(SIZES)
        offset = self.choices.pick([2, 3]) if self.choices.chance(25) else 0
        return Window(kind, size, step, offset)

    def _windowed(self, table, window):
        """The rows of a table in their windows, to select from."""
        return Query(list(table.columns), window.flink(table), window.duck(table, self.name("q")))

    # ------------------------------------------------------------ windows

    def window(self, depth):
        table = self._timed(("append", "retract", "upsert"))
        if table is None:
            return self.aggregate(depth)
        if self.choices.chance(25):
            table = self._window_view(table)
        window = self._window(table)
        source = self._windowed(table, window)
        keys = [key for key in self._keys(source, 2) if not key.is_rowtime]
        if window.key:
            keys = [c for c in table.columns if c.name == window.key]
        calls = self._calls(Expressions(self.choices, [Column(c.name, c.type)
                                                       for c in table.columns]))
        names = ", ".join(c.name for c in EDGES)
        group = f" GROUP BY {', '.join([names, *(key.name for key in keys)])}"
        if len(keys) == 2 and self.choices.chance(40):
            sets = self.choices.pick(["ROLLUP ({0}, {1})", "CUBE ({0}, {1})",
                                      "GROUPING SETS (({0}), ({1}))"])
            group = f" GROUP BY {names}, {sets.format(keys[0].name, keys[1].name)}"
        shown = EDGES[self.choices.below(2):] + keys
        return self._grouped(source, shown, calls, group, self._having())

    def _having(self):
        if not self.choices.chance(15):
            return "", ""
        bound = self.choices.pick(["> 1", "< 3", "<> 2"])
        return f" HAVING COUNT(*) {bound}", f" HAVING count(*) {bound}"

    def _window_view(self, table):
        """A table whose rows are the results of windows, and whose event time is theirs."""
        size, step = self.choices.pick(SIZES[1:3])
        window = Window(self.choices.pick(["TUMBLE", "HOP", "CUMULATE"]), size, step)
        source = self._windowed(table, window)
        keys = [key for key in self._keys(source, 2) if not key.is_rowtime]
        group = " GROUP BY " + ", ".join(c.name for c in [*EDGES, WINDOW_TIME, *keys])
        calls = self._calls(Expressions(self.choices, self._key_columns(table)))
        query = self._grouped(source, [WINDOW_TIME, *keys], calls, group, ("", ""))
        query.name = self.name("w")
        self.views.append(query)
        columns = [Column(c.name, c.type) for c in query.columns]
        columns[0].is_rowtime = True
        return Table(query.name, columns, "append")

    def group_window(self, depth):
        """GROUP BY TUMBLE(time, size) and its kind, which came before the window functions."""
        table = self._timed(("append", "retract", "upsert"))
        if table is None:
            return self.grouping_sets(depth)
        window = self._window(table, ("TUMBLE", "HOP", "SESSION"))
        window.offset = 0
        source = self._windowed(table, window)
        keys = [key for key in self._keys(source, 2) if not key.is_rowtime]
        if window.kind == "SESSION":
            keys = keys[:1]
            window.key = keys[0].name if keys else ""
            source = self._windowed(table, window)
        calls = self._calls(Expressions(self.choices, self._key_columns(table)))
        step = f", {seconds(window.step)}" if window.kind == "HOP" else ""
        arguments = f"({table.rowtime.name}{step}, {seconds(window.size)})"
        names = [key.name for key in keys]
        flink = self._grouped(Query([], table.name, table.name), [
            Column(f"{window.kind}_START{arguments}", TIMESTAMP),
            Column(f"{window.kind}_END{arguments}", TIMESTAMP), *keys], calls,
            f" GROUP BY {', '.join([*names, window.kind + arguments])}", ("", ""))
        duck = self._grouped(source, EDGES + keys, calls,
                             f" GROUP BY {', '.join([*(c.name for c in EDGES), *names])}", ("", ""))
        renamed = ", ".join(f"{a.name} AS {b.name}" for a, b in zip(duck.columns, flink.columns))
        return Query(flink.columns, flink.flink, f"SELECT {renamed} FROM ({duck.duck})")

    def window_rank(self, depth):
        """The first rows of each window, by rank or by time."""
        table = self._appended()
        if table is None:
            return self.top_n(depth)
        if self.choices.chance(30):
            table = self._window_view(table)
        window = self._window(table, ("TUMBLE", "HOP", "CUMULATE"))
        source = self._windowed(table, window)
        keys = [key for key in self._keys(source, 1) if not key.is_rowtime]
        plain = [c for c in table.columns if not c.is_rowtime and not c.type.is_nested]
        is_by_time = self.choices.chance(40) and not table.name.startswith("w") or not plain
        if is_by_time:
            direction, bound = self.choices.pick(["ASC", "DESC"]), "= 1"
            orders = (f"{table.rowtime.name} {direction}",) * 2
        else:
            orders, bound = self._order(plain), self.choices.pick(["= 1", "<= 2", "< 4"])
        number, alias = self.name("rn"), self.name("q")
        partition = ", ".join(c.name for c in EDGES + keys)
        names = [c.name for c in EDGES + plain]
        columns = [Column(self.name("x"), c.type) for c in EDGES + plain]
        items = ", ".join(f"{name} AS {c.name}" for name, c in zip(names, columns))
        text = ("SELECT {} FROM (SELECT {}, ROW_NUMBER() OVER (PARTITION BY {} ORDER BY {}) AS {} "
                "FROM {}) AS {} WHERE {} {}")
        flink, duck = (text.format(items, ", ".join(names), partition, order, number, inner, alias,
                                   number, bound)
                       for order, inner in zip(orders, (source.flink, source.duck)))
        return Query(columns, flink, duck)

    def window_join(self, depth):
        one, two = self._appended(), self._appended()
        if one is None:
            return self.semi(depth)
        window = self._window(one, ("TUMBLE", "HOP", "CUMULATE"))
        left, right = self._side(one, window), self._side(two, window)
        pairs = [(a, b) for a in left.columns[2:] for b in right.columns[2:]
                 if a.type == b.type and a.type.kind in KEY_KINDS]
        condition = [f"{left.columns[i].name} = {right.columns[i].name}" for i in (0, 1)]
        if pairs and not self.choices.chance(20):
            a, b = self.choices.pick(pairs)
            condition.append(f"{a.name} = {b.name}")
        on = [" AND ".join(condition)] * 2
        if self.choices.chance(25):
            extra = Expressions(self.choices, left.columns + right.columns).of(BOOLEAN, 1)
            on = [f"{on[0]} AND {extra.flink}", f"{on[1]} AND {extra.duck}"]
        kind = self.choices.pick(["INNER", "LEFT", "RIGHT", "FULL", "SEMI", "ANTI"])
        left, right = self.wrapped(left), self.wrapped(right)
        shown = left.columns if kind in ("SEMI", "ANTI") else left.columns + right.columns
        columns = [Column(self.name("x"), c.type) for c in shown]
        items = ", ".join(f"{c.name} AS {named.name}" for c, named in zip(shown, columns))
        if kind in ("SEMI", "ANTI"):
            word = "EXISTS" if kind == "SEMI" else "NOT EXISTS"
            text = "SELECT {} FROM {} WHERE " + word + " (SELECT * FROM {} WHERE {})"
        else:
            text = "SELECT {} FROM {} " + kind + " JOIN {} ON {}"
        return Query(columns, text.format(items, left.flink, right.flink, on[0]),
                     text.format(items, left.duck, right.duck, on[1]))

    def _side(self, table, window):
        """The rows of a table in their windows, under names of their own, the edges first."""
        source = self._windowed(table, window)
        shown = EDGES + [c for c in table.columns if not c.is_rowtime]
        columns = [Column(self.name("c"), c.type) for c in shown]
        items = ", ".join(f"{c.name} AS {named.name}" for c, named in zip(shown, columns))
        return Query(columns, f"SELECT {items} FROM {source.flink}",
                     f"SELECT {items} FROM {source.duck}")

    # ------------------------------------------------------------ OVER

    def over(self, depth):
        table = self._appended()
        if table is None:
            return self.project(depth)
        source = Query(table.columns, table.name, table.name)
        keys = [key.name for key in self._keys(source, 2) if not key.is_rowtime]
        partition = f"PARTITION BY {', '.join(keys)} " if keys else ""
        frame = self.choices.pick([
            " ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW",
            " RANGE BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW",
            " ROWS BETWEEN 1 PRECEDING AND CURRENT ROW",
            " ROWS BETWEEN 2 PRECEDING AND CURRENT ROW",
            " RANGE BETWEEN INTERVAL '20' SECOND PRECEDING AND CURRENT ROW", ""])
        window = f"({partition}ORDER BY {table.rowtime.name}{frame})"
        over, definition = f"OVER {window}", ""
        if self.choices.chance(20):
            over, definition = "OVER w", f" WINDOW w AS {window}"
        scope = Expressions(self.choices, [c for c in table.columns if not c.is_rowtime])
        columns = [Column(self.name("x"), c.type) for c in table.columns[:2]]
        flink = [f"{self._plain(c)} AS {named.name}" for c, named in zip(table.columns, columns)]
        duck = list(flink)
        # The frame of ROW_NUMBER is its own, and all calls must have the same.
        is_numbered = not frame and self.choices.chance(20)
        for _ in range(1 + self.choices.below(1 if is_numbered else 2)):
            of_type, call_flink, call_duck = (BIGINT, "ROW_NUMBER()", "row_number() @") \
                if is_numbered else self._over_call(scope, has_frame=bool(frame))
            column = Column(self.name("x"), of_type)
            columns.append(column)
            flink.append(f"{call_flink} {over} AS {column.name}")
            duck.append(f"{call_duck.replace('@', over)} AS {column.name}")
        return Query(columns, f"SELECT {', '.join(flink)} FROM {table.name}{definition}",
                     f"SELECT {', '.join(duck)} FROM {table.name}{definition}")

    def _over_call(self, scope, has_frame):
        """An aggregate for OVER; what stands for @ in DuckDB's text is the window."""
        which = self.choices.below(8 if has_frame else 9)
        if which == 0:
            return BIGINT, "COUNT(*)", "count(*) @"
        if which in (5, 6, 7, 8):
            x = scope.leaf(self.choices.pick([INT, STRING, BIGINT, DATE, TIMESTAMP]))
            if which == 5:
                return BIGINT, f"COUNT(DISTINCT {x.flink})", f"count(DISTINCT {x.duck}) @"
            if which == 8:
                back = self.choices.pick(["", ", 1", ", 2"])
                return x.type, f"LAG({x.flink}{back})", f"lag({x.duck}{back}) @"
            name = self.choices.pick(["FIRST_VALUE", "LAST_VALUE"])
            return x.type, f"{name}({x.flink})", f"{name}({x.duck} IGNORE NULLS) @"
        x = scope.leaf(self.choices.pick([INT, BIGINT, DOUBLE]))
        if which == 1:
            return BIGINT, f"COUNT({x.flink})", f"count({x.duck}) @"
        if which == 2:
            return x.type, f"SUM({x.flink})", f"CAST(sum({x.duck}) @ AS {x.type.duck()})"
        if which == 3:
            x = scope.leaf(INT)
            return INT, f"AVG({x.flink})", f"CAST(sum({x.duck}) @ // count({x.duck}) @ AS INT)"
        x = scope.leaf(self.choices.pick([INT, STRING, DATE]))
        name = self.choices.pick(["MIN", "MAX"])
        return x.type, f"{name}({x.flink})", f"{name}({x.duck}) @"

    def deduplicate(self, depth):
        self.changing += 1
        table = self._appended()
        if table is None:
            return self.top_n(depth)
        source = Query(table.columns, table.name, table.name)
        keys = [key.name for key in self._keys(source, 2) if not key.is_rowtime]
        partition = f"PARTITION BY {', '.join(keys)} " if keys else ""
        direction = self.choices.pick(["ASC", "DESC"])
        number, names = self.name("rn"), ", ".join(c.name for c in table.columns)
        columns = [Column(self.name("x"), c.type) for c in table.columns]
        items = ", ".join(f"{self._plain(c)} AS {named.name}"
                          for c, named in zip(table.columns, columns))
        text = (f"SELECT {items} FROM (SELECT {names}, ROW_NUMBER() OVER ({partition}ORDER BY "
                f"{table.rowtime.name} {direction}) AS {number} FROM {table.name}) "
                f"AS {self.name('q')} WHERE {number} = 1")
        return Query(columns, text, text)

    # ------------------------------------------------------------ joins

    def interval_join(self, depth):
        one = self._appended()
        others = [t for t in self.tables if t.rowtime and t.kind == "append" and t is not one]
        if one is None or not others:
            return self.temporal_join(depth)
        two = self.choices.pick(others)
        pairs = [(a, b) for a in self._key_columns(one) for b in self._key_columns(two)
                 if a.type == b.type]
        if not pairs:
            return self.window_join(depth)
        a, b = self.choices.pick(pairs)
        before = self.choices.pick(["'10' SECOND", "'1' MINUTE", "'0' SECOND"])
        after = self.choices.pick(["'10' SECOND", "'1' MINUTE"])
        kind = self.choices.pick(["INNER", "LEFT", "RIGHT", "FULL"])
        chosen = [c for c in one.columns + two.columns if not c.is_rowtime]
        columns = [Column(self.name("x"), c.type) for c in chosen]
        items = ", ".join(f"{c.name} AS {named.name}" for c, named in zip(chosen, columns))
        time, other = one.rowtime.name, two.rowtime.name
        condition = (f"{a.name} = {b.name} AND {time} BETWEEN {other} - INTERVAL {before} "
                     f"AND {other} + INTERVAL {after}")
        on = [condition, condition]
        if self.choices.chance(25):
            extra = Expressions(self.choices, chosen).of(BOOLEAN, 1)
            on = [f"{condition} AND {extra.flink}", f"{condition} AND {extra.duck}"]
        text = f"SELECT {items} FROM {one.name} {kind} JOIN {two.name} ON "
        return Query(columns, text + on[0], text + on[1])

    def temporal_join(self, depth):
        """Rows beside the version of their time, of an upsert table or of the last row of a key."""
        one = self._appended()
        others = [table for table in self.tables if one and table is not one and table.rowtime
                  and table.kind in ("append", "upsert")]
        found = [(table, a, b) for table in others for a in self._key_columns(one)
                 for b in self._key_columns(table)
                 if a.type == b.type and (table.kind == "append" or b.name == table.key)]
        if not found:
            return self.window_rank(depth)
        two, a, b = self.choices.pick(found)
        versions = self.name("versions")
        self.versioned.append((versions, two, b.name))
        if two.kind == "append":
            two = self._newest(two, b)
        kind = self.choices.pick(["", "LEFT "])
        chosen = [c for c in one.columns + two.columns if not c.is_rowtime]
        columns = [Column(self.name("x"), c.type) for c in chosen]
        items = ", ".join(f"{c.name} AS {named.name}" for c, named in zip(chosen, columns))
        time = f"{one.name}.{one.rowtime.name}"
        on = [f"{a.name} = {b.name}"] * 2
        extra = self._condition(chosen) if self.choices.chance(25) else None
        if extra is not None:
            on = [f"{on[0]} AND {extra.flink}", f"{on[1]} AND {extra.duck}"]
        return Query(
            columns, f"SELECT {items} FROM {one.name} {kind}JOIN {two.name} FOR SYSTEM_TIME AS OF "
            f"{time} ON {on[0]}",
            f"SELECT {items} FROM {one.name} {kind}JOIN {versions} ON {on[1]} "
            f"AND {time} >= valid_from AND {time} < valid_to")

    def _newest(self, table, key):
        """A view of the newest row of each key, which is a table of versions."""
        name, number = self.name("w"), self.name("rn")
        names = ", ".join(c.name for c in table.columns)
        where = f" WHERE {key.name} IS NOT NULL" \
            if "version of NULL" in self.choices.around else ""
        text = ("SELECT {0} FROM (SELECT {0}, ROW_NUMBER() OVER (PARTITION BY {1} ORDER BY {2} "
                "DESC) AS {3} FROM {4}{5}) WHERE {3} = 1").format(
                    names, key.name, table.rowtime.name, number, table.name, where)
        self.views.append(Query(table.columns, text, text, name=name))
        return Table(name, table.columns, "upsert", key.name)
