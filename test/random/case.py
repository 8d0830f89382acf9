"""A random case: tables with what they are fed, a query, and what DuckDB says is the result."""

import re

import model
import printed
import queries
from choices import Choices

DEPTH_MAX = 3
# What is due for many keys at once when the watermark passes a time: windows, matches, OVER.
AT_A_WATERMARK = r"TABLE\(|MATCH_RECOGNIZE|(TUMBLE|HOP|SESSION)\(|ORDER BY \w+_ts( R|\))"


class Case:
    def __init__(self, choices):
        count, is_timed = 1 + choices.below(3), choices.chance(40)
        self.tables = [model.make_table(choices, number + 1, is_timed) for number in range(count)]
        made = queries.Queries(choices, self.tables, is_timed)
        self.query = made.query(choices.below(DEPTH_MAX + 1))
        self.changing = made.changing
        self.has_order = made.has_order
        self.views = [view for view in made.views  # some were made for a query that was given up
                      if re.search(rf"\b{view.name}\b", self.query.flink)]
        self.versioned = made.versioned
        # What no statement reads cannot be fed.
        self.tables = [table for table in self.tables
                       if re.search(rf"\b{table.name}\b", self.statements())]
        self.feeds = self._interleave(choices)
        self.numbers = list(choices.made)

    @classmethod
    def of_seed(cls, seed):
        return cls(Choices(seed=seed))

    @classmethod
    def of_numbers(cls, numbers, around=frozenset()):
        return cls(Choices(replay=numbers, around=around))

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
        return [table.flink_ddl() for table in self.tables] + [
            f"CREATE VIEW {view.name} AS {view.flink};" for view in self.views]

    def statements(self):
        """The text of the query with that of its views."""
        return "\n".join([view.flink for view in self.views] + [self.query.flink])

    def _steps(self, written):
        types = {table.name: [column.type for column in table.columns] for table in self.tables}
        return [{"feed": name, "rows": [
            ("" if kind == "+I" else f"{kind} ")
            + f"({', '.join(map(written, values, types[name]))})" for kind, values in changes]}
            for name, changes in self.feeds]

    def request(self, title):
        """The case as the runners of both engines take it."""
        return {"file": "random", "title": title, "line": 1, "setup": "\n".join(self.ddl()),
                "sql": self.query.flink, "steps": [*self._steps(model.for_flink), {
                    "expect": "rows", "of": "", "any order": False, "lines": []}],
                "differs": None}

    def text(self, title, rows=None):
        """The case as a file of the `weir test` format holds it."""
        lines = [f"=== {title}", "--- sql", *self.ddl(), self.query.flink]
        for step in self._steps(model.for_weir):
            lines += [f"--- feed {step['feed']}", *step["rows"]]
        lines.append("--- expect rows")
        lines += rows or []
        return "\n".join(lines) + "\n"

    def duck_rows(self, duck):
        """The result by DuckDB, over what the changes amount to, in canonical form."""
        duck.reset()
        for table in self.tables:
            types = [column.type for column in table.columns]
            duck.run(table.duck_ddl())
            self._insert(duck, table.name, types, table.final_rows())
        for name, table, key in self.versioned:
            types = [column.type for column in table.columns]
            duck.run(table.duck_ddl(name, ", valid_from TIMESTAMP, valid_to TIMESTAMP"))
            self._insert(duck, name, types + [model.TIMESTAMP] * 2, list(table.versions(key)))
        with_views = "".join(f"{view.name} AS ({view.duck}), " for view in self.views)
        with_views = f"WITH {with_views[:-2]} " if with_views else ""
        shown = ", ".join((f"to_json({c.name})" if c.type.is_nested else
                           f"CAST({c.name} AS VARCHAR)") for c in self.query.columns)
        rows = duck.rows(f"{with_views}SELECT {shown} FROM ({self.query.duck}) AS asked")
        return sorted((tuple(map(printed.of_duck, row, self._types())) for row in rows), key=repr)

    @staticmethod
    def _insert(duck, name, types, rows):
        if rows:
            duck.run(f"INSERT INTO {name} VALUES " + ", ".join(
                f"({', '.join(map(model.for_duck, values, types))})" for values in rows))

    def _types(self):
        return [column.type for column in self.query.columns]

    def printed_rows(self, lines):
        """Rows as both engines print them, in canonical form."""
        return sorted((printed.row(line[line.index("["):], self._types()) for line in lines),
                      key=repr)

    def printed_changes(self, lines):
        """Changes as both engines print them, in canonical form and in their order."""
        return [(line[:2], *self.printed_rows([line])[0]) for line in lines]

    def has_one_order(self):
        """Whether the changes come in one order only: of one table, that is read once, and not
        all at once for many keys, as when the watermark passes a time."""
        text = self.statements()
        if not self.has_order or re.search(AT_A_WATERMARK, text):
            return False
        if any(table.repeats_a_row() for table in self.tables):
            return False
        # What lies between two of these is a matter of how each of them goes about it.
        if self.changing > 1:
            return False
        # Of groups by a key Flink's planner knows that they have one row, and leaves them out.
        if "GROUP BY" in text and any(table.key for table in self.tables):
            return False
        reads = sum(len(re.findall(rf"\b{table.name}\b", text))
                    for table in self.tables)
        return len(self.tables) == 1 and reads == 1
