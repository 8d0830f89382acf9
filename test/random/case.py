"""A random case: tables with what they are fed, a query, and what DuckDB says is the result."""

import decimal
import re

import model
import queries
from choices import Choices

DEPTH_MAX = 3


class Case:
    def __init__(self, choices):
        count = 1 + choices.below(3)
        self.tables = [model.make_table(choices, number + 1) for number in range(count)]
        made = queries.Queries(choices, self.tables)
        self.query = made.query(choices.below(DEPTH_MAX + 1))
        self.changing = made.changing
        # What no statement reads cannot be fed.
        self.tables = [table for table in self.tables
                       if re.search(rf"\b{table.name}\b", self.query.flink)]
        self.feeds = self._interleave(choices)
        self.numbers = list(choices.made)

    @classmethod
    def of_seed(cls, seed):
        return cls(Choices(seed=seed))

    @classmethod
    def of_numbers(cls, numbers):
        return cls(Choices(replay=numbers))

    def _interleave(self, choices):
        """(table, its next changes) in an order of all tables."""
        left = {table.name: list(table.changes) for table in self.tables}
        feeds = []
        while any(left.values()):
            name = choices.pick([name for name, changes in left.items() if changes])
            count = 1 + choices.below(len(left[name]))
            feeds.append((name, left[name][:count]))
            left[name] = left[name][count:]
        return feeds

    def ddl(self):
        return [table.flink_ddl() for table in self.tables]

    def steps(self):
        return [{"feed": name, "rows": [self._row(kind, values) for kind, values in changes]}
                for name, changes in self.feeds]

    def _row(self, kind, values):
        prefix = "" if kind == "+I" else f"{kind} "
        return f"{prefix}({', '.join(values)})"

    def request(self, title):
        """The case as the runners of both engines take it."""
        return {"file": "random", "title": title, "line": 1, "setup": "\n".join(self.ddl()),
                "sql": self.query.flink, "steps": [*self.steps(), {
                    "expect": "rows", "of": "", "any order": False, "lines": []}],
                "differs": None}

    def text(self, title, rows=None):
        """The case as a file of the `weir test` format holds it."""
        lines = [f"=== {title}", "--- sql", *self.ddl(), self.query.flink]
        for step in self.steps():
            lines += [f"--- feed {step['feed']}", *step["rows"]]
        lines.append("--- expect rows")
        lines += rows or []
        return "\n".join(lines) + "\n"

    def duck_rows(self, duck):
        """The result by DuckDB, over what the changes amount to, in canonical form."""
        duck.reset()
        for table in self.tables:
            duck.run(table.duck_ddl())
            rows = table.final_rows()
            if rows:
                duck.run(f"INSERT INTO {table.name} VALUES " + ", ".join(
                    "(" + ", ".join(values) + ")" for values in rows))
        rows = duck.rows(f"SELECT CAST(COLUMNS(*) AS VARCHAR) FROM ({self.query.duck}) AS asked")
        return sorted(self._canonical_row(row, "duck") for row in rows)

    def printed_rows(self, lines):
        """Rows as both engines print them, in canonical form."""
        rows = []
        for line in lines:
            values = line[line.index("[") + 1:-1].split(", ")
            rows.append(self._canonical_row(
                [None if value == "null" else value for value in values], "print"))
        return sorted(rows)

    def printed_changes(self, lines):
        """Changes as both engines print them, in canonical form and in their order."""
        return [(line[:2], *self.printed_rows([line])[0]) for line in lines]

    def has_one_order(self):
        """Whether the changes come in one order only: of one table, that is read once, and not
        all at once for many keys, as when the watermark passes a time."""
        if "TABLE(" in self.query.flink or " AND CURRENT ROW" in self.query.flink:
            return False
        # What lies between two of these is a matter of how each of them goes about it.
        if self.changing > 1:
            return False
        # Of groups by a key Flink's planner knows that they have one row, and leaves them out.
        if "GROUP BY" in self.query.flink and any(table.key for table in self.tables):
            return False
        reads = sum(len(re.findall(rf"\b{table.name}\b", self.query.flink))
                    for table in self.tables)
        return len(self.tables) == 1 and reads == 1

    def _canonical_row(self, values, source):
        columns = self.query.columns
        if len(values) != len(columns):
            return ("?", *map(str, values))
        return tuple(self._canonical(value, column.type, source)
                     for value, column in zip(values, columns))

    @staticmethod
    def _canonical(value, of_type, source):
        if value is None:
            return "NULL"
        if of_type.kind == "DOUBLE":
            return f"{float(value) + 0.0:.9g}"
        if of_type.kind == "DECIMAL":
            number = decimal.Decimal(value)
            return format(number.quantize(decimal.Decimal(1).scaleb(-of_type.scale)), "f")
        if of_type.kind == "TIMESTAMP":
            text = value.replace(" ", "T")
            text += ":00" if text.count(":") == 1 else ""
            whole, _, fraction = text.partition(".")
            return f"{whole}.{fraction.rstrip('0')}"
        if of_type.kind == "BOOLEAN":
            return value.lower()
        return value
