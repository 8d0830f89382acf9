"""Random MATCH_RECOGNIZE.

Where no row can be of two variables, a pattern over rows is a regular expression over the letters
of their variables, and DuckDB matches it: each row is written as its letter and its number.
"""

from model import BIGINT, DATE, INT, STRING, TIMESTAMP, Column, Query

# A pattern of Flink, and what it is as a regular expression.
PATTERNS = [
    ("A B", "A..B.."), ("A+ B", "(?:A..)+B.."), ("A* B", "(?:A..)*B.."),
    ("A{2} B", "(?:A..){2}B.."), ("A{1,2} B", "(?:A..){1,2}B.."), ("A? B", "(?:A..)?B.."),
    ("B A", "B..A.."), ("B+ A", "(?:B..)+A.."), ("A+? B", "(?:A..)+?B.."),
    ("A{2,} B", "(?:A..){2,}B.."), ("B{1,2} A", "(?:B..){1,2}A..")]


class Matches:
    """Part of Queries."""

    def match(self, depth):
        table = self._appended()
        if table is None:
            return self.top_n(depth)
        plain = [c for c in table.columns if not c.is_rowtime]
        condition = self._condition(plain)
        if condition is None:
            return self.over(depth)
        keys = [c for c in self._keys(Query(plain, "", ""), 1)]
        key = keys[0].name if keys else ""
        pattern, expression = self.choices.pick(PATTERNS)
        skip = self.choices.pick(["PAST LAST ROW", "TO NEXT ROW"])
        columns = [Column(c.name, c.type) for c in keys]
        flink, duck = [], [f"m.{key}"] if key else []
        for _ in range(1 + self.choices.below(3)):
            column, call_flink, call_duck = self._measure(plain, key)
            columns.append(column)
            flink.append(f"{call_flink} AS {column.name}")
            duck.append(f"{call_duck} AS {column.name}")
        partition = f"PARTITION BY {key} " if key else ""
        names = ", ".join(c.name for c in columns)
        text = (f"SELECT {names} FROM {table.name} MATCH_RECOGNIZE ({partition}"
                f"ORDER BY {table.rowtime.name} MEASURES {', '.join(flink)} ONE ROW PER MATCH "
                f"AFTER MATCH SKIP {skip} PATTERN ({pattern}) "
                f"DEFINE A AS {condition.flink}, B AS NOT {condition.flink}) AS {self.name('m')}")
        return Query(columns, text, self._duck_match(table, condition, key, expression, skip, duck))

    @staticmethod
    def _duck_match(table, condition, key, expression, skip, measures):
        partition = f"PARTITION BY {key} " if key else ""
        rows = (f"SELECT *, row_number() OVER ({partition}ORDER BY {table.rowtime.name}) AS place, "
                f"CASE {condition.duck} WHEN TRUE THEN 'A' WHEN FALSE THEN 'B' ELSE 'N' END "
                f"AS letter FROM {table.name}")
        shown, group = (f"{key}, ", f" GROUP BY {key}") if key else ("", "")
        numbered = f"SELECT *, letter || lpad(CAST(place AS VARCHAR), 2, '0') AS sign FROM ({rows})"
        lines = (f"SELECT {shown}string_agg(sign, '' ORDER BY place) AS line FROM ({numbered})"
                 f"{group}")
        if skip == "PAST LAST ROW":
            found = (f"SELECT {shown}unnest(regexp_extract_all(line, '{expression}')) AS found "
                     f"FROM ({lines})")
        else:
            starts = f"SELECT *, unnest(range(1, length(line), 3)) AS start_at FROM ({lines})"
            found = (f"SELECT {shown}regexp_extract(substring(line, start_at), '^{expression}') "
                     f"AS found FROM ({starts})")
        return (f"SELECT {', '.join(measures)} FROM ({found}) AS m "
                f"WHERE found <> ''").replace("@rows", f"({numbered}) AS r")

    def _measure(self, columns, key):
        """(column, text for Flink, text for DuckDB, where @rows stands for the signed rows)."""
        choices = self.choices
        letter = choices.pick(["A", "B"])
        fitting = [c for c in columns if c.type in (INT, STRING, DATE, TIMESTAMP)]
        same = f"r.{key} IS NOT DISTINCT FROM m.{key} AND " if key else ""
        of_match = f"FROM @rows WHERE {same}contains(m.found, r.sign) AND letter = '{letter}'"
        which = choices.below(5)
        if which == 0 or not fitting:
            column = choices.pick(columns)
            if column.type.is_nested:
                return (Column(self.name("x"), BIGINT), "COUNT(*)",
                        "CAST(length(m.found) // 3 AS BIGINT)")
            return (Column(self.name("x"), BIGINT), f"COUNT({letter}.{column.name})",
                    f"(SELECT count({column.name}) {of_match})")
        column = choices.pick(fitting)
        named = Column(self.name("x"), column.type)
        if which == 1:
            name = choices.pick(["MIN", "MAX"])
            return (named, f"{name}({letter}.{column.name})",
                    f"(SELECT {name}({column.name}) {of_match})")
        place = choices.pick(["FIRST", "LAST"])
        direction = "" if place == "FIRST" else " DESC"
        back = choices.below(2) if which == 4 else 0
        argument = f", {back}" if back else ""
        return (named, f"{place}({letter}.{column.name}{argument})",
                f"(SELECT {column.name} {of_match} ORDER BY place{direction} LIMIT 1 "
                f"OFFSET {back})")
