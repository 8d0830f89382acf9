"""Random scalar expressions, each as the text for Flink and the text that means it in DuckDB.

Where the two dialects mean different things by the same text, the second is a translation, made
from what Flink does; where there is none, the construct is left out.
"""

import dataclasses

from model import (BIGINT, BOOLEAN, COLUMN_TYPES, DATE, DOUBLE, INT, STRING, TIMESTAMP, Type,
                   literal)
from nested import Nested

NUMERIC = ("INT", "BIGINT", "DECIMAL", "DOUBLE")


@dataclasses.dataclass
class Expr:
    type: Type
    flink: str
    duck: str


def same(of_type, text):
    return Expr(of_type, text, text)


class Expressions(Nested):
    """Expressions over the columns of one scope."""

    def __init__(self, choices, columns):
        self.choices = choices
        self.columns = columns

    def column(self, kind=None):
        """A column of that kind, or None."""
        fitting = [c for c in self.columns if kind is None or c.type.kind == kind]
        if not fitting:
            return None
        chosen = self.choices.pick(fitting)
        return same(chosen.type, chosen.name)

    @staticmethod
    def column_of(column):
        return same(column.type, column.name)

    def constant(self, of_type):
        text = literal(self.choices, of_type)
        if of_type.kind == "DOUBLE":
            return Expr(of_type, f"CAST({text} AS DOUBLE)", f"CAST({text} AS DOUBLE)")
        if of_type.kind == "BIGINT":
            return same(of_type, f"CAST({text} AS BIGINT)")
        if of_type.kind == "DECIMAL":
            return same(of_type, f"CAST({text} AS {of_type.flink()})")
        if of_type.kind == "TIMESTAMP":
            return Expr(of_type, f"CAST({text} AS TIMESTAMP(3))", text)
        if of_type.kind == "STRING":
            return Expr(of_type, f"CAST({text} AS STRING)", text)
        return same(of_type, text)

    def any_type(self):
        return self.choices.pick(COLUMN_TYPES)

    def leaf(self, of_type):
        if not self.choices.chance(25):
            found = self.part(of_type) if self.choices.chance(25) else None
            found = found or self.column(of_type.kind)
            if found is not None:
                return found
        if self.choices.chance(8):
            return Expr(of_type, f"CAST(NULL AS {of_type.flink()})",
                        f"CAST(NULL AS {of_type.duck()})")
        return self.constant(of_type)

    def of(self, of_type, depth):
        """An expression of that kind of type; a decimal may come in another precision."""
        if of_type.is_nested:
            return self.of_nested(of_type, depth)
        if depth <= 0 or self.choices.chance(30):
            return self.leaf(of_type)
        make = {
            "INT": self._int, "BIGINT": self._bigint, "DOUBLE": self._double,
            "DECIMAL": self._decimal, "STRING": self._string, "BOOLEAN": self._boolean,
            "DATE": self._date, "TIMESTAMP": self._timestamp}[of_type.kind]
        made = make(depth)
        if made is None:
            made = self._conditional(of_type, depth)
        return made

    def exactly(self, of_type, depth):
        """The same, of exactly that type."""
        made = self.of(of_type, depth)
        if made.type == of_type:
            return made
        if made.type.kind == "DECIMAL":
            # Where it may not fit, Flink answers NULL.
            return Expr(of_type, f"CAST({made.flink} AS {of_type.flink()})",
                        f"TRY_CAST({made.duck} AS {of_type.duck()})")
        return Expr(of_type, f"CAST({made.flink} AS {of_type.flink()})",
                    f"CAST({made.duck} AS {of_type.duck()})")

    # ------------------------------------------------------------ helpers

    @staticmethod
    def _text(of_type, flink, duck=None):
        return Expr(of_type, flink, duck or flink)

    def _apply(self, of_type, flink, duck, *arguments):
        return Expr(of_type, flink.format(*(a.flink for a in arguments)),
                    (duck or flink).format(*(a.duck for a in arguments)))

    def _conditional(self, of_type, depth):
        one, two = self.exactly(of_type, depth - 1), self.exactly(of_type, depth - 1)
        which = self.choices.below(5)
        if which == 0:
            return self._apply(of_type, "COALESCE({}, {})", None, one, two)
        if which == 1:
            condition = self.of(BOOLEAN, depth - 1)
            return self._apply(of_type, "CASE WHEN {} THEN {} ELSE {} END", None,
                               condition, one, two)
        if which == 2:
            condition = self.of(BOOLEAN, depth - 1)
            return self._apply(of_type, "CASE WHEN {} THEN {} END", None, condition, one)
        if which == 3:
            return self._apply(of_type, "NULLIF({}, {})", None, one, two)
        condition = self.of(BOOLEAN, depth - 1)
        case = "CASE WHEN {} THEN {} ELSE {} END"
        flink = case if "IF" in self.choices.around else "IF({}, {}, {})"
        return self._apply(of_type, flink, case, condition, one, two)

    def _extreme(self, of_type, depth):
        # Flink answers NULL where any argument is NULL, DuckDB where all are.
        one, two = self.exactly(of_type, depth - 1), self.exactly(of_type, depth - 1)
        name = self.choices.pick(["GREATEST", "LEAST"])
        return Expr(of_type, f"{name}({one.flink}, {two.flink})",
                    f"CASE WHEN {one.duck} IS NULL OR {two.duck} IS NULL THEN NULL "
                    f"ELSE {name}({one.duck}, {two.duck}) END")

    # ------------------------------------------------------------ numbers

    def _int(self, depth):
        which = self.choices.below(12)
        one = self.of(INT, depth - 1) if which < 6 else None
        if which == 0:
            return self._apply(INT, "({} + {})", None, one, self.leaf(INT))
        if which == 1:
            return self._apply(INT, "({} - {})", None, one, self.leaf(INT))
        if which == 2:
            return self._apply(INT, "({} * {})", None, self.leaf(INT), self.leaf(INT))
        if which == 3:
            divisor = self.choices.pick(["2", "3", "-7"])
            return self._apply(INT, "({} / " + divisor + ")", "({} // " + divisor + ")", one)
        if which == 4:
            divisor = self.choices.pick(["2", "3", "-7"])
            return self._apply(INT, "MOD({}, " + divisor + ")", "({} % " + divisor + ")", one)
        if which == 5:
            return self._apply(INT, self.choices.pick(["ABS({})", "(- {})", "SIGN({})"]), None, one)
        if which == 6:
            return self._apply(INT, "CHAR_LENGTH({})", "length({})", self.of(STRING, depth - 1))
        if which == 7:
            return self._apply(INT, "POSITION({} IN {})", "CAST(position({} IN {}) AS INT)",
                               self.leaf(STRING), self.of(STRING, depth - 1))
        if which == 8:
            return self._apply(INT, "CAST({} AS INT)", None, self.of(BOOLEAN, depth - 1))
        if which == 9:
            return self._apply(INT, "CAST({} AS INT)", "CAST(trunc({}) AS INT)",
                               self.leaf(DOUBLE))
        if which == 10:
            return self._extreme(INT, depth)
        return self.asked_number()

    def _bigint(self, depth):
        which = self.choices.below(8)
        if which == 0:
            return self._apply(BIGINT, "({} + {})", None, self.of(BIGINT, depth - 1),
                               self.leaf(INT))
        if which == 1:
            return self._apply(BIGINT, "({} - {})", None, self.leaf(INT),
                               self.of(BIGINT, depth - 1))
        if which == 2:
            return self._apply(BIGINT, "({} * {})", None, self.leaf(BIGINT), self.leaf(INT))
        if which == 3:
            return self._apply(BIGINT, "CAST({} AS BIGINT)", None, self.of(INT, depth - 1))
        if which in (4, 5):
            unit = self.choices.pick(["YEAR", "MONTH", "DAY", "QUARTER", "DOY", "WEEK"])
            duck = f"extract({unit} FROM {{}})"
            return self._apply(BIGINT, f"EXTRACT({unit} FROM {{}})", duck, self.of(DATE, depth - 1))
        if which == 6:
            unit = self.choices.pick(["HOUR", "MINUTE"])
            return self._apply(BIGINT, f"EXTRACT({unit} FROM {{}})", None,
                               self.of(TIMESTAMP, depth - 1))
        return self._extreme(BIGINT, depth)

    def _double(self, depth):
        which = self.choices.below(9)
        if which == 0:
            return self._apply(DOUBLE, "({} + {})", None, self.of(DOUBLE, depth - 1),
                               self.leaf(DOUBLE))
        if which == 1:
            return self._apply(DOUBLE, "({} * {})", None, self.leaf(DOUBLE), self.leaf(DOUBLE))
        if which == 2:
            return self._apply(DOUBLE, "({} / 4.0e0)", None, self.of(DOUBLE, depth - 1))
        if which == 3:
            return self._apply(DOUBLE, self.choices.pick(
                ["ABS({})", "FLOOR({})", "CEIL({})", "(- {})"]), None, self.of(DOUBLE, depth - 1))
        if which == 4:
            return self._apply(DOUBLE, "CAST({} AS DOUBLE)", None, self.of(
                self.choices.pick([INT, BIGINT]), depth - 1))
        if which == 5:
            return self._apply(DOUBLE, "SQRT(ABS({}))", None, self.of(DOUBLE, depth - 1))
        if which == 6:
            return self._apply(DOUBLE, "({} - {})", None, self.of(DOUBLE, depth - 1),
                               self.leaf(INT))
        if which == 7:
            return self._extreme(DOUBLE, depth)
        return None

    def _decimal(self, depth):
        which = self.choices.below(8)
        one = self.leaf(self.choices.pick([Type("DECIMAL", 6, 2), Type("DECIMAL", 5, 3)]))
        if which in (0, 1):
            two = self.leaf(self.choices.pick([Type("DECIMAL", 6, 2), Type("DECIMAL", 5, 3)]))
            scale = max(one.type.scale, two.type.scale)
            whole = max(one.type.precision - one.type.scale, two.type.precision - two.type.scale)
            if whole + scale + 1 > 30:
                return one
            return self._apply(Type("DECIMAL", whole + scale + 1, scale),
                               "({} + {})" if which else "({} - {})", None, one, two)
        if which in (2, 3):
            two = self.leaf(INT) if which == 2 else self.leaf(Type("DECIMAL", 6, 2))
            digits = (10, 0) if which == 2 else (two.type.precision, two.type.scale)
            precision, scale = one.type.precision + digits[0] + 1, one.type.scale + digits[1]
            if precision > 30 or scale > 9:
                return one
            duck = "({} * CAST({} AS DECIMAL(10, 0)))" if which == 2 else "({} * {})"
            return self._apply(Type("DECIMAL", precision, scale), "({} * {})", duck, one, two)
        if which == 4:
            return self._apply(one.type, self.choices.pick(["ABS({})", "(- {})"]), None, one)
        if which == 5:
            # The precision of ROUND is Flink's own; the value is what is compared.
            return self._apply(Type("DECIMAL", one.type.precision - one.type.scale + 2, 1),
                               "ROUND({}, 1)", None, one)
        if which == 6:
            return self._apply(Type("DECIMAL", one.type.precision, 0),
                               self.choices.pick(["FLOOR({})", "CEIL({})"]), None, one)
        target = self.choices.pick([Type("DECIMAL", 12, 1), Type("DECIMAL", 20, 4)])
        inner = self.of(self.choices.pick([INT, DOUBLE]), 0) if self.choices.chance(40) else one
        middle = "CAST({} AS DECIMAL(30, 10))" if inner.type.kind == "DOUBLE" else "{}"
        made = self._apply(target, f"CAST({{}} AS {target.flink()})",
                           f"CAST({middle} AS {target.duck()})", inner)
        if "cast of a cast" in self.choices.around:
            made.flink = f"CAST(ROUND({inner.flink}, {target.scale}) AS {target.flink()})"
        return made

    # ------------------------------------------------------------ texts

    def _string(self, depth):
        which = self.choices.below(16)
        one = self.of(STRING, depth - 1)
        two = self.leaf(STRING) if which in (1, 4, 9, 10) else None
        if which == 0:
            return self._apply(STRING, self.choices.pick(
                ["UPPER({})", "LOWER({})", "TRIM({})", "LTRIM({})", "RTRIM({})", "REVERSE({})"]),
                None, one)
        if which == 1:
            return self._apply(STRING, "({} || {})", None, one, two)
        if which == 2:
            start = self.choices.pick(["1", "2", "3"])
            return self._apply(STRING, "SUBSTRING({}, " + start + ")", None, one)
        if which == 3:
            start, length = self.choices.pick(["1", "2"]), self.choices.pick(["1", "2", "0"])
            return self._apply(STRING, f"SUBSTRING({{}} FROM {start} FOR {length})", None, one)
        if which == 4:
            return self._apply(STRING, "CONCAT({}, {})", "({} || {})", one, two)
        if which == 5:
            source = self.of(self.choices.pick([INT, BIGINT, DATE]), depth - 1)
            return self._apply(STRING, "CAST({} AS STRING)", "CAST({} AS VARCHAR)", source)
        if which == 6:
            return self._apply(STRING, "CAST({} AS STRING)", "upper(CAST({} AS VARCHAR))",
                               self.of(BOOLEAN, depth - 1))
        if which == 7:
            width, pad = self.choices.pick(["3", "5", "0"]), self.choices.pick(["'*'", "'xy'"])
            name = self.choices.pick(["LPAD", "RPAD"])
            return self._apply(STRING, f"{name}({{}}, {width}, {pad})", None, one)
        if which == 8:
            name, count = self.choices.pick(["LEFT", "RIGHT"]), self.choices.pick(["1", "2", "0"])
            return self._apply(STRING, f"{name}({{}}, {count})", None, one)
        if which == 9:
            return self._apply(STRING, "CONCAT_WS('-', {}, {})", None, one, two)
        if which == 10:
            return self._apply(STRING, "REPLACE({}, 'a', {})", None, one, two)
        if which == 11:
            at = self.choices.pick(["0", "1", "2"])
            # Flink answers NULL for a text that is empty.
            return self._apply(STRING, f"SPLIT_INDEX({{0}}, '-', {at})",
                               f"CASE WHEN {{0}} = '' THEN NULL ELSE "
                               f"string_split({{0}}, '-')[{at} + 1] END", one)
        if which == 12:
            return self._apply(STRING, "REPEAT({}, 2)", None, one)
        if which == 13:
            return self._apply(STRING, "DATE_FORMAT({}, 'yyyy-MM-dd HH:mm:ss')",
                               "strftime({}, '%Y-%m-%d %H:%M:%S')", self.leaf(TIMESTAMP))
        if which == 14:
            return self._extreme(STRING, depth)
        return None

    # ------------------------------------------------------------ truth

    def _boolean(self, depth):
        which = self.choices.below(12)
        if which in (0, 1, 2):
            one, two = self._pair(depth)
            operator = self.choices.pick(["=", "<>", "<", "<=", ">", ">="])
            made = self._apply(BOOLEAN, "({} " + operator + " {})", None, one, two)
            if one.flink == two.flink and "itself" in self.choices.around:
                answer = "NOT NULL" if operator in ("=", "<=", ">=") else "NULL"
                made.flink = f"NULLIF({one.flink} IS {answer}, {one.flink} IS NULL)"
            return made
        if which == 3:
            return self._apply(BOOLEAN, self.choices.pick(["({} AND {})", "({} OR {})"]), None,
                               self.of(BOOLEAN, depth - 1), self.of(BOOLEAN, depth - 1))
        if which == 4:
            return self._apply(BOOLEAN, "(NOT {})", None, self.of(BOOLEAN, depth - 1))
        if which == 5:
            test = self.choices.pick(["IS NULL", "IS NOT NULL"])
            return self._apply(BOOLEAN, "({} " + test + ")", None,
                               self.of(self.any_type(), depth - 1))
        if which == 6:
            one, two = self._pair(depth)
            operator = self.choices.pick(["IS DISTINCT FROM", "IS NOT DISTINCT FROM"])
            return self._apply(BOOLEAN, "({} " + operator + " {})", None, one, two)
        if which == 7:
            of_type = self.choices.pick([INT, STRING, DATE, Type("DECIMAL", 6, 2)])
            negation = self.choices.pick(["", "NOT "])
            return self._apply(BOOLEAN, "({} " + negation + "BETWEEN {} AND {})", None,
                               self.of(of_type, depth - 1), self.leaf(of_type),
                               self.leaf(of_type))
        if which == 8:
            of_type = self.choices.pick([INT, STRING, BIGINT])
            negation = self.choices.pick(["", "NOT "])
            return self._apply(BOOLEAN, "({} " + negation + "IN ({}, {}, {}))", None,
                               self.of(of_type, depth - 1), self.constant(of_type),
                               self.constant(of_type), self.constant(of_type))
        if which == 9:
            pattern = self.choices.pick(["'a%'", "'%b'", "'_'", "'%'", "'%a%b%'", "'a'"])
            negation = self.choices.pick(["", "NOT "])
            return self._apply(BOOLEAN, "({} " + negation + "LIKE " + pattern + ")", None,
                               self.of(STRING, depth - 1))
        if which == 10:
            test = self.choices.pick(["TRUE", "FALSE", "NOT TRUE", "NOT FALSE"])
            return self._apply(BOOLEAN, "({} IS " + test + ")", None, self.of(BOOLEAN, depth - 1))
        return self.asked_truth()

    def _pair(self, depth):
        """Two expressions that can be compared."""
        of_type = self.any_type()
        if of_type.kind in NUMERIC and self.choices.chance(30):
            other = self.choices.pick([INT, BIGINT, Type("DECIMAL", 6, 2), DOUBLE])
            if not {of_type.kind, other.kind} >= {"DOUBLE", "DECIMAL"}:
                return self.of(of_type, depth - 1), self.of(other, depth - 1)
        return self.of(of_type, depth - 1), self.of(of_type, depth - 1)

    # ------------------------------------------------------------ times

    def _date(self, depth):
        which = self.choices.below(4)
        if which == 0:
            return self._apply(DATE, "CAST({} AS DATE)", None, self.of(TIMESTAMP, depth - 1))
        if which == 1:
            return self._apply(DATE, "({} + INTERVAL '3' DAY)",
                               "CAST({} + INTERVAL '3' DAY AS DATE)", self.of(DATE, depth - 1))
        if which == 2:
            return self._extreme(DATE, depth)
        return None

    def _timestamp(self, depth):
        which = self.choices.below(7)
        one = self.of(TIMESTAMP, depth - 1)
        if which == 0:
            sign = self.choices.pick(["+", "-"])
            span = self.choices.pick(["'10' SECOND", "'1' HOUR", "'1' DAY", "'90' SECOND(3)"])
            return self._apply(TIMESTAMP, f"({{}} {sign} INTERVAL {span})",
                               f"({{}} {sign} INTERVAL {span.replace('(3)', '')})", one)
        if which == 1:
            unit = self.choices.pick(["MINUTE", "HOUR", "DAY", "MONTH", "YEAR", "SECOND"])
            return self._apply(TIMESTAMP, f"FLOOR({{}} TO {unit})",
                               f"CAST(date_trunc('{unit}', {{}}) AS TIMESTAMP)", one)
        if which == 2:
            return self._apply(TIMESTAMP, "CAST({} AS TIMESTAMP(3))", "CAST({} AS TIMESTAMP)",
                               self.of(DATE, depth - 1))
        if which == 3:
            unit = self.choices.pick(["MONTH", "YEAR"])
            return self._apply(TIMESTAMP, f"({{}} + INTERVAL '1' {unit})", None, one)
        if which == 4:
            unit = self.choices.pick(["SECOND", "MINUTE", "HOUR", "DAY", "MONTH"])
            return self._apply(TIMESTAMP, f"TIMESTAMPADD({unit}, 2, {{}})",
                               f"({{}} + INTERVAL '2' {unit})", one)
        if which == 5:
            return self._extreme(TIMESTAMP, depth)
        return None
