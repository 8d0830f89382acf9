"""What is known of the engines, so that a random case that shows it again is no finding."""

import dataclasses
import re

# What weir refuses as Flink does, though DuckDB answers it: part of the message.
REFUSED_RIGHTLY = ["a further condition on the rank, besides its first and its last"]


@dataclasses.dataclass(frozen=True)
class Fault:
    """Something that Flink 1.20 does wrong or cannot do; a row of docs/differences-from-flink.md.

    Where what was found could have another cause, the same case is made once more with `around`,
    which writes what is at fault in other words or leaves it out; both must then say the same."""
    name: str
    finding: str  # pattern in what was found
    around: str = ""


FLINK = [
    Fault("ORDER BY of constants", r"requires order by clause with non-constant fields"),
    Fault("a subquery that comes to constants, beside each row", r"unexpected correlate variable"),
    Fault("a side of LATERAL or UNNEST that never has rows",
          r"FlinkLogicalCorrelate\(.*FlinkLogicalValues\([^\n]*tuples=\[\[\]\]\)"),
    Fault("SUM(DISTINCT) over HOP", r"SumWithRetractAggFunction"),
    Fault("LEFT JOIN UNNEST of elements that are NOT NULL",
          r"ProjectToCalcRule.*Type mismatch.* NOT NULL -> "),
    Fault("CAST of a ROW in an ARRAY", r"class org.apache.calcite.sql.SqlBasicCall: ROW\("),
    Fault("LEFT JOIN UNNEST of elements that are NOT NULL",
          r"Cannot add expression of different type to set.* NOT NULL", "LEFT JOIN UNNEST"),
    Fault("UNNEST of what is made of a field of a row", r"Column '(\w+)\.\1' not found in table"),
    Fault("a field of a row within ROW(…)", r"SQL validation failed.[^<]* Table '\w+' not found"),
    Fault("a row compared with a constant row", r"SqlTypeFamily is null for type RecordType\("),
    Fault("c[i] in POSITION(… IN …)", r"SQL parse failed. Encountered \"\[\""),
    Fault("a join by the version of a time whose condition is never true",
          r"Currently the join key in Temporal Table Join can not be empty"),
    Fault("functions over arrays in DEFINE", r"Expression evaluator for '[^']*' has already been"),
    Fault("FIRST_VALUE or LAST_VALUE of times", r"(FIRST|LAST)_VALUE (with retract )?aggregate "
          r"function does not support type: ''(TIMESTAMP_WITHOUT_TIME_ZONE|DATE)''"),
    Fault("the version of a key that is NULL", r"^rows", "version of NULL"),
    Fault("OFFSET over updates", r"^rows", "OFFSET"),
    Fault("a value compared with itself", r"^rows", "itself"),
    Fault("a cast within a cast of a constant decimal", r"^rows", "cast of a cast"),
    Fault("IF of parts that are found out to be NULL or not", r"Unsupported operand types: IF\(",
          "IF"),
    Fault("IN of what is found out to be NULL or not",
          r"Cannot add expression of different type to set", "IN"),
    Fault("NOT IN of a query without rows, beside LATERAL or UNNEST", r"^rows", "IN"),
    Fault("CROSS JOIN LATERAL of an aggregate over no rows", r"^rows", "LATERAL of an aggregate"),
    Fault("columns of INTERSECT ALL and EXCEPT ALL that nothing reads are left out", r"^rows",
          "ALL"),
    Fault("a UNION with a branch that cannot have rows", r"^rows", "UNION"),
]


def is_refused_rightly(problem):
    return any(part in problem for part in REFUSED_RIGHTLY)


def known(finding, asked_around):
    """The faults that explain what was found, or none. `asked_around(constructs)` is what is found
    without those constructs, or None."""
    fitting = [fault for fault in FLINK if re.search(fault.finding, finding, re.S)]
    for fault in fitting:
        if not fault.around or asked_around({fault.around}) is None:
            return [fault.name]
    if len(fitting) > 1 and asked_around({fault.around for fault in fitting}) is None:
        return [fault.name for fault in fitting]
    return []
