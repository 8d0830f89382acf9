"""Types, columns and tables of random cases, with the rows that the tables are fed."""

import dataclasses

ROWS_MAX = 9
DAY = "2024-01-0"


@dataclasses.dataclass(frozen=True)
class Type:
    kind: str
    precision: int = 0
    scale: int = 0
    parts: tuple = ()  # of an ARRAY its element, of a MAP key and value, of a ROW its fields
    names: tuple = ()  # of the fields of a ROW

    @property
    def is_nested(self):
        return bool(self.parts)

    def flink(self):
        if self.kind == "DECIMAL":
            return f"DECIMAL({self.precision}, {self.scale})"
        if self.kind == "ROW":
            return f"ROW<{self._fields(Type.flink)}>"
        if self.is_nested:
            return f"{self.kind}<{', '.join(part.flink() for part in self.parts)}>"
        return "TIMESTAMP(3)" if self.kind == "TIMESTAMP" else self.kind

    def duck(self):
        if self.kind == "DECIMAL":
            return self.flink()
        if self.kind == "ROW":
            return f"STRUCT({self._fields(Type.duck)})"
        if self.kind == "ARRAY":
            return f"{self.parts[0].duck()}[]"
        if self.kind == "MAP":
            return f"MAP({self.parts[0].duck()}, {self.parts[1].duck()})"
        return "VARCHAR" if self.kind == "STRING" else self.kind

    def _fields(self, text):
        return ", ".join(f"{name} {text(part)}" for name, part in zip(self.names, self.parts))


INT, BIGINT, DOUBLE = Type("INT"), Type("BIGINT"), Type("DOUBLE")
STRING, BOOLEAN, DATE, TIMESTAMP = (
    Type("STRING"), Type("BOOLEAN"), Type("DATE"), Type("TIMESTAMP"))
MONEY, SHARE = Type("DECIMAL", 6, 2), Type("DECIMAL", 5, 3)
COLUMN_TYPES = [INT, STRING, BIGINT, MONEY, DOUBLE, BOOLEAN, DATE, TIMESTAMP, SHARE]


def array_of(element):
    return Type("ARRAY", parts=(element,))


def map_of(key, value):
    return Type("MAP", parts=(key, value))


PAIR = Type("ROW", parts=(INT, STRING), names=("x", "y"))
NESTED_TYPES = [array_of(INT), array_of(STRING), PAIR, map_of(STRING, INT), array_of(PAIR),
                map_of(INT, STRING), array_of(MONEY),
                Type("ROW", parts=(DATE, array_of(INT)), names=("d", "a")),
                map_of(STRING, array_of(INT)), array_of(array_of(STRING))]

KEY_KINDS = ("INT", "BIGINT", "STRING", "BOOLEAN", "DATE", "TIMESTAMP", "DECIMAL")

# Few values, so that keys meet; those that are odd in some way among them.
VALUES = {
    "INT": ["1", "0", "2", "3", "-1", "7", "100"],
    "BIGINT": ["1", "0", "2", "-2", "5", "3000000000"],
    "DOUBLE": ["1.0", "0.0", "0.5", "-2.25", "4.0", "100.125"],
    "STRING": ["'a'", "'b'", "''", "'ab'", "'B'", "'x y'", "'ä'", "'it''s'", "'a-b-c'", "'%'",
               "' a '"],
    "BOOLEAN": ["TRUE", "FALSE"],
    "DATE": ["DATE '2024-01-01'", "DATE '2024-01-02'", "DATE '2023-12-31'", "DATE '2024-02-29'"],
    "TIMESTAMP": ["TIMESTAMP '2024-01-01 00:00:00'", "TIMESTAMP '2024-01-01 00:00:30.5'",
                  "TIMESTAMP '2023-12-31 23:59:59.999'", "TIMESTAMP '2024-02-29 12:30:00'"],
}
DECIMALS = ["1", "0", "2", "-1", "7"]


def literal(choices, of_type):
    """A value: text for a scalar, a tuple of its parts for an array, map (in turn) or row."""
    if of_type.kind == "ARRAY":
        return tuple(_part(choices, of_type.parts[0]) for _ in range(choices.below(4)))
    if of_type.kind == "MAP":
        entries = {}
        for _ in range(choices.below(3)):
            entries[literal(choices, of_type.parts[0])] = _part(choices, of_type.parts[1])
        return tuple(part for entry in entries.items() for part in entry)
    if of_type.kind == "ROW":
        return tuple(_part(choices, part) for part in of_type.parts)
    if of_type.kind == "DECIMAL":
        whole = choices.pick(DECIMALS)
        digits = choices.pick(["0", "5", "25", "01", "99"])[:of_type.scale]
        return f"{whole}.{digits.ljust(of_type.scale, '0')}"
    return choices.pick(VALUES[of_type.kind])


def _part(choices, of_type):
    return "NULL" if choices.chance(12) else literal(choices, of_type)


def for_duck(value, of_type):
    """A value as DuckDB reads it."""
    if isinstance(value, str):
        return value
    if of_type.kind == "ARRAY":
        return f"[{', '.join(for_duck(part, of_type.parts[0]) for part in value)}]"
    if of_type.kind == "MAP":
        entries = (f"{for_duck(key, of_type.parts[0])}: {for_duck(part, of_type.parts[1])}"
                   for key, part in zip(value[::2], value[1::2]))
        return f"MAP {{{', '.join(entries)}}}"
    return "{" + ", ".join(f"'{name}': {for_duck(part, part_type)}" for name, part, part_type
                           in zip(of_type.names, value, of_type.parts)) + "}"


def for_flink(value, of_type):
    """A value as the rows that Flink is fed write it."""
    if isinstance(value, str):
        return value
    if of_type.kind == "ROW":
        return f"ROW({', '.join(map(for_flink, value, of_type.parts))})"
    types = of_type.parts * len(value)
    return f"{of_type.kind}[{', '.join(map(for_flink, value, types))}]"


def for_weir(value, of_type):
    """A value as weir reads it: an expression, that has a type without parts too."""
    if isinstance(value, str):
        return f"CAST(NULL AS {of_type.flink()})" if value == "NULL" else value
    if of_type.kind == "ROW":
        return f"ROW({', '.join(map(for_weir, value, of_type.parts))})"
    if not value and of_type.kind == "ARRAY":
        return f"ARRAY_SLICE(ARRAY[CAST(NULL AS {of_type.parts[0].flink()})], 2, 2)"
    if not value:
        keys, values = (for_weir((), array_of(part)) for part in of_type.parts)
        return f"MAP_FROM_ARRAYS({keys}, {values})"
    types = of_type.parts * len(value)
    return f"{of_type.kind}[{', '.join(map(for_weir, value, types))}]"


@dataclasses.dataclass
class Column:
    name: str
    type: Type
    is_rowtime: bool = False


@dataclasses.dataclass
class Query:
    """A SELECT, or a table or join to select from; a view if it has a name."""
    columns: list
    flink: str
    duck: str
    is_join: bool = False
    name: str = ""
    aliases: tuple = ()  # of what stands in FROM


@dataclasses.dataclass
class Table:
    name: str
    columns: list
    kind: str  # append, retract (with -U and -D) or upsert (by key)
    key: str = ""
    changes: list = dataclasses.field(default_factory=list)  # (kind, values)

    @property
    def rowtime(self):
        return next((column for column in self.columns if column.is_rowtime), None)

    def flink_ddl(self):
        parts = [f"{column.name} {column.type.flink()}" for column in self.columns]
        if self.rowtime:
            # No row is late: what is late depends on more than a batch answer knows.
            parts.append(f"WATERMARK FOR {self.rowtime.name} AS "
                         f"{self.rowtime.name} - INTERVAL '1' DAY")
        if self.key:
            parts.append(f"PRIMARY KEY ({self.key}) NOT ENFORCED")
        mode = {"append": "", "retract": " WITH ('changelog-mode' = 'I,UA,UB,D')",
                "upsert": " WITH ('changelog-mode' = 'I,UA,D')"}[self.kind]
        return f"CREATE TABLE {self.name} ({', '.join(parts)}){mode};"

    def duck_ddl(self, name="", more=""):
        parts = ", ".join(f"{column.name} {column.type.duck()}" for column in self.columns)
        return f"CREATE TABLE {name or self.name} ({parts}{more})"

    def repeats_a_row(self):
        """Whether an upsert gives the row that is there: Flink hands -U and +U on, weir nothing."""
        held = {}
        for kind, values in self.changes:
            if self.kind == "upsert" and kind == "+U" and held.get(values[0]) == values:
                return True
            held[values[0]] = values
        return False

    def versions(self, key):
        """The rows by event time, each with the times from and to which it holds for its key.

        In an upsert table, a deletion takes back the version of its time; of rows that are only
        added, one older than the newest so far comes too late to be a version."""
        times = [column.is_rowtime for column in self.columns].index(True)
        at = [column.name for column in self.columns].index(key)
        held = {}
        for kind, values in self.changes:
            versions = held.setdefault(values[at], {})
            if self.kind == "append" and any(time > values[times] for time in versions):
                continue
            if kind != "-U":
                versions[values[times]] = None if kind == "-D" else values
        for versions in held.values():
            starts = sorted(versions)
            for time, end in zip(starts, starts[1:] + ["TIMESTAMP '9999-01-01 00:00:00'"]):
                if versions[time]:
                    yield (*versions[time], time, end)

    def final_rows(self):
        """What the changes amount to."""
        rows = []
        key = next((i for i, c in enumerate(self.columns) if c.name == self.key), None)
        for kind, values in self.changes:
            if key is not None and kind in ("+I", "+U"):
                rows = [row for row in rows if row[key] != values[key]]
            if kind in ("+I", "+U"):
                rows.append(values)
            elif values in rows:
                rows.remove(values)
        return rows


def _column_type(choices):
    return choices.pick(NESTED_TYPES if choices.chance(15) else COLUMN_TYPES)


def make_table(choices, number, is_timed=False):
    """A table; one for queries over time mostly has such columns as they need."""
    name = f"t{number}"
    count = 1 + choices.below(5)
    columns = [Column(f"{name}_c{i}", _column_type(choices)) for i in range(count)]
    if is_timed or (count == 1 and columns[0].type.kind == "ROW"):
        # The latter would be read as a row of all columns.
        columns[0].type = choices.pick([INT, STRING])
    kind = choices.weighted([(50, "append"), (10 if is_timed else 30, "retract"), (20, "upsert")])
    key = ""
    if kind == "upsert" or (kind == "retract" and choices.chance(50)):
        columns.insert(0, Column(f"{name}_k", choices.pick([INT, STRING, BIGINT])))
        columns[0].type = Type(columns[0].type.kind)
        key = columns[0].name
    if is_timed or choices.chance(60):
        columns.append(Column(f"{name}_ts", TIMESTAMP, is_rowtime=True))
    table = Table(name, columns, kind, key)
    _fill(choices, table)
    return table


def _value(choices, column, at):
    if column.is_rowtime:
        # All different, and mostly in order: what ORDER BY time gives must be one thing only.
        second = (at * 7 + choices.below(3) * 20) % 3600
        return f"TIMESTAMP '{DAY}1 {12 + second // 3600:02}:{second // 60 % 60:02}:" \
               f"{second % 60:02}.{at:03}'"
    if choices.chance(15):
        return "NULL"
    return literal(choices, column.type)


def _row(choices, table, at, key=None):
    values = [_value(choices, column, at) for column in table.columns]
    if table.key:
        values[0] = key if key is not None else literal(choices, table.columns[0].type)
    return tuple(values)


def _fill(choices, table):
    current = []
    for at in range(choices.below(ROWS_MAX + 1)):
        if table.kind == "append" or not current or choices.chance(55):
            row = _row(choices, table, at)
            held = [r for r in current if table.key and r[0] == row[0]]
            if not held:
                table.changes.append(("+I", row))
                current.append(row)
                continue
            old = held[0]
        else:
            old = choices.pick(current)
            if choices.chance(40):
                current.remove(old)
                table.changes.append(("-D", old))
                continue
            row = _row(choices, table, at, old[0] if table.key else None)
        current.remove(old)
        current.append(row)
        if table.kind == "retract":
            table.changes.append(("-U", old))
        table.changes.append(("+U", row))
