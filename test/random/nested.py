"""Random expressions over arrays, maps and rows."""

from model import (BOOLEAN, INT, KEY_KINDS, NESTED_TYPES, STRING, array_of,
                   literal)

# What Flink keeps in an index must fit; one before, within and behind the array.
INDEXES = ["1", "2", "3", "CAST(2 AS INT)"]
KEYS = {"STRING": ["'a'", "'b'", "''"], "INT": ["1", "0", "7"]}


class Nested:
    """Part of Expressions."""

    # ------------------------------------------------------------ parts

    def part(self, of_type):
        """An element, the value of a key or a field of that type out of a column, or None."""
        found = [(column, at) for column in self.columns for at, part in
                 enumerate(column.type.parts) if part == of_type]
        found = [(c, at) for c, at in found if c.type.kind != "MAP" or at == 1]
        if not found:
            return None
        column, at = self.choices.pick(found)
        if column.type.kind == "ROW":
            return self._text(of_type, f"{column.name}.{column.type.names[at]}")
        if column.type.kind == "MAP":
            key = self.choices.pick(KEYS[column.type.parts[0].kind])
            return self._text(of_type, f"{column.name}[{key}]")
        if self.choices.chance(20):
            return self._text(of_type, f"ELEMENT(ARRAY_SLICE({column.name}, 1, 1))",
                              f"{column.name}[1]")
        return self._text(of_type, f"{column.name}[{self.choices.pick(INDEXES)}]")

    def of_nested(self, of_type, depth):
        """An array, map or row."""
        if depth <= 0 or self.choices.chance(40):
            return self._nested_leaf(of_type)
        if of_type.kind == "ROW":
            return self._row(of_type, depth)
        if of_type.kind == "MAP":
            return self._map(of_type, depth)
        return self._array(of_type, depth)

    def _nested_leaf(self, of_type):
        fitting = [c for c in self.columns if c.type == of_type]
        if fitting and not self.choices.chance(20):
            return self._text(of_type, self.choices.pick(fitting).name)
        part = self.part(of_type) if of_type.is_nested else None
        if part is not None:
            return part
        if self.choices.chance(15):
            return self._text(of_type, f"CAST(NULL AS {of_type.flink()})",
                              f"CAST(NULL AS {of_type.duck()})")
        return self.nested_constant(of_type)

    def nested_constant(self, of_type):
        """A constant of its type, with at least one element: an empty one has no type in Flink."""
        if of_type.kind == "ROW":
            parts = [self._constant_part(part) for part in of_type.parts]
            return self._made_row(of_type, parts)
        if of_type.kind == "MAP":
            key, value = of_type.parts
            text = literal(self.choices, key)
            part = self._constant_part(value)
            return self._text(of_type, f"MAP[CAST({text} AS {key.flink()}), {part.flink}]",
                              f"MAP {{{text}: {part.duck}}}")
        parts = [self._constant_part(of_type.parts[0])
                 for _ in range(1 + self.choices.below(2))]
        return self._made_array(of_type, parts)

    def _constant_part(self, of_type):
        if of_type.is_nested:
            return self.nested_constant(of_type)
        # Of elements that are NOT NULL Flink reads others than there are.
        if self.choices.chance(30) or of_type.kind not in KEY_KINDS:
            return self._text(of_type, f"CAST(NULL AS {of_type.flink()})",
                              f"CAST(NULL AS {of_type.duck()})")
        return self.constant(of_type)

    def _made_array(self, of_type, parts):
        return self._text(of_type, f"ARRAY[{', '.join(part.flink for part in parts)}]",
                          f"CAST([{', '.join(part.duck for part in parts)}] AS {of_type.duck()})")

    def _made_row(self, of_type, parts):
        fields = (f"'{name}': {part.duck}" for name, part in zip(of_type.names, parts))
        return self._text(
            of_type, f"CAST(ROW({', '.join(part.flink for part in parts)}) AS {of_type.flink()})",
            f"CAST({{{', '.join(fields)}}} AS {of_type.duck()})")

    # ------------------------------------------------------------ made of others

    def _row(self, of_type, depth):
        return self._made_row(of_type, [self.exactly(part, depth - 1) for part in of_type.parts])

    def _map(self, of_type, depth):
        key, value = of_type.parts
        if self.choices.chance(50) or value.is_nested:
            return self.nested_constant(of_type)
        # One entry: of equal keys Flink keeps one or the other.
        key = self.constant(key)
        value = self.exactly(value, depth - 1)
        if self.choices.chance(40):
            return self._text(of_type, f"MAP_FROM_ARRAYS(ARRAY[{key.flink}], ARRAY[{value.flink}])",
                              f"MAP([{key.duck}], [{value.duck}])")
        return self._text(of_type, f"MAP[{key.flink}, {value.flink}]",
                          f"MAP {{{key.duck}: {value.duck}}}")

    def _array(self, of_type, depth):
        element = of_type.parts[0]
        which = self.choices.below(9)
        if which == 0:
            return self._made_array(of_type, [self.exactly(element, depth - 1)
                                              for _ in range(1 + self.choices.below(2))])
        if which == 1 and element == STRING:
            inner = self.of(STRING, depth - 1)
            return self._text(of_type, f"SPLIT({inner.flink}, '-')",
                              f"CASE {inner.duck} WHEN '' THEN [] "
                              f"ELSE string_split({inner.duck}, '-') END")
        if which == 2 and element.kind in KEYS:
            keys = [c for c in self.columns if c.type.kind == "MAP" and c.type.parts[0] == element]
            if keys:
                name = self.choices.pick(keys).name
                return self._text(of_type, f"ARRAY_SORT(MAP_KEYS({name}))",
                                  f"list_sort(map_keys({name}))")
        one = self._nested_leaf(of_type)
        if which in (3, 4):
            return self._text(of_type, f"ARRAY_REVERSE({one.flink})", f"list_reverse({one.duck})")
        if which == 5:
            two = self._nested_leaf(of_type)
            return self._text(of_type, f"ARRAY_CONCAT({one.flink}, {two.flink})",
                              f"CASE WHEN {one.duck} IS NULL OR {two.duck} IS NULL THEN NULL "
                              f"ELSE list_concat({one.duck}, {two.duck}) END")
        if which == 6:
            start, end = self.choices.pick([("1", "1"), ("1", "2"), ("2", "3")])
            return self._text(of_type, f"ARRAY_SLICE({one.flink}, {start}, {end})",
                              f"list_slice({one.duck}, {start}, {end})")
        if which == 7 and element in (INT, STRING):
            return self._text(of_type, f"ARRAY_SORT({one.flink})",
                              f"list_sort({one.duck}, 'ASC', 'NULLS FIRST')")
        if element.is_nested:
            return one
        x = self.exactly(element, 0)
        return self._text(of_type, f"ARRAY_APPEND({one.flink}, {x.flink})",
                          f"CASE WHEN {one.duck} IS NOT NULL "
                          f"THEN list_append({one.duck}, {x.duck}) END")

    # ------------------------------------------------------------ asked of

    def asked_number(self):
        """A number that says something of an array or a map, or None."""
        fitting = [c for c in self.columns if c.type.kind in ("ARRAY", "MAP")]
        if not fitting:
            return None
        column = self.choices.pick(fitting)
        if column.type == array_of(INT) and self.choices.chance(50):
            name = self.choices.pick(["MAX", "MIN"])
            return self._text(INT, f"ARRAY_{name}({column.name})",
                              f"list_{name.lower()}({column.name})")
        if column.type.kind == "ARRAY" and column.type.parts[0].kind in KEYS \
                and self.choices.chance(40):
            x = self.constant(column.type.parts[0])
            return self._text(INT, f"ARRAY_POSITION({column.name}, {x.flink})",
                              f"CASE WHEN {column.name} IS NOT NULL THEN "
                              f"coalesce(list_position({column.name}, {x.duck}), 0) END")
        return self._text(INT, f"CARDINALITY({column.name})",
                          f"CAST({'len' if column.type.kind == 'ARRAY' else 'cardinality'}"
                          f"({column.name}) AS INT)")

    def asked_truth(self):
        """Whether an array, map or row is so, or None."""
        fitting = [c for c in self.columns if c.type.is_nested]
        if not fitting:
            return None
        column = self.choices.pick(fitting)
        if column.type.kind == "ARRAY" and column.type.parts[0].kind in KEYS \
                and self.choices.chance(50):
            x = self.constant(column.type.parts[0])
            return self._text(BOOLEAN, f"ARRAY_CONTAINS({column.name}, {x.flink})",
                              f"list_contains({column.name}, {x.duck})")
        if column.type.kind != "MAP" and self.choices.chance(40):
            other = self._nested_leaf(column.type)
            return self._text(BOOLEAN, f"({column.name} = {other.flink})",
                              f"({column.name} = {other.duck})")
        test = self.choices.pick(["IS NULL", "IS NOT NULL"])
        return self._text(BOOLEAN, f"({column.name} {test})")

    def type_to_show(self):
        """Any type; of those with parts mostly one of which there is a column."""
        if not self.choices.chance(15):
            return self.any_type()
        types = [c.type for c in self.columns if c.type.is_nested]
        if types and self.choices.chance(70):
            return self.choices.pick(types)
        return self.choices.pick(NESTED_TYPES)
