"""Types, columns and tables of random cases, with the rows that the tables are fed."""

import dataclasses

ROWS_MAX = 9
DAY = "2024-01-0"


@dataclasses.dataclass(frozen=True)
class Type:
    kind: str
    precision: int = 0
    scale: int = 0

    def flink(self):
        if self.kind == "DECIMAL":
            return f"DECIMAL({self.precision}, {self.scale})"
        return "TIMESTAMP(3)" if self.kind == "TIMESTAMP" else self.kind

    def duck(self):
        if self.kind == "DECIMAL":
            return self.flink()
        return "VARCHAR" if self.kind == "STRING" else self.kind


INT, BIGINT, DOUBLE = Type("INT"), Type("BIGINT"), Type("DOUBLE")
STRING, BOOLEAN, DATE, TIMESTAMP = (
    Type("STRING"), Type("BOOLEAN"), Type("DATE"), Type("TIMESTAMP"))
MONEY, SHARE = Type("DECIMAL", 6, 2), Type("DECIMAL", 5, 3)
COLUMN_TYPES = [INT, STRING, BIGINT, MONEY, DOUBLE, BOOLEAN, DATE, TIMESTAMP, SHARE]

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
    if of_type.kind == "DECIMAL":
        whole = choices.pick(DECIMALS)
        digits = choices.pick(["0", "5", "25", "01", "99"])[:of_type.scale]
        return f"{whole}.{digits.ljust(of_type.scale, '0')}"
    return choices.pick(VALUES[of_type.kind])


@dataclasses.dataclass
class Column:
    name: str
    type: Type
    is_rowtime: bool = False


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

    def duck_ddl(self):
        parts = ", ".join(f"{column.name} {column.type.duck()}" for column in self.columns)
        return f"CREATE TABLE {self.name} ({parts})"

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


def make_table(choices, number):
    name = f"t{number}"
    count = 1 + choices.below(5)
    columns = [Column(f"{name}_c{i}", choices.pick(COLUMN_TYPES)) for i in range(count)]
    kind = choices.weighted([(50, "append"), (30, "retract"), (20, "upsert")])
    key = ""
    if kind == "upsert" or (kind == "retract" and choices.chance(50)):
        columns.insert(0, Column(f"{name}_k", choices.pick([INT, STRING, BIGINT])))
        columns[0].type = Type(columns[0].type.kind)
        key = columns[0].name
    if choices.chance(60):
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
