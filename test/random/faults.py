"""What is known of the engines, so that a random case that shows it again is no finding."""

import re

# What weir refuses as Flink does, though DuckDB answers it: part of the message.
REFUSED_RIGHTLY = []

# What Flink 1.20 does wrong or cannot do, by the query and what was found; each is an entry of
# docs/differences-from-flink.md.
FLINK = [
    # (pattern in the query, pattern in the finding)
    (r"ORDER BY", r"requires order by clause with non-constant fields"),
    (r"SELECT", r"unexpected correlate variable"),
    (r"OFFSET 1", r"^rows"),
    (r"\((\w+) (<=|>=|=) \1\)", r"^rows"),
    (r"\bIF\(", r"Unsupported operand types: IF\("),
    (r"\bIN \(SELECT", r"Cannot add expression of different type to set"),
    (r"SUM\(DISTINCT .*\bHOP\(", r"SumWithRetractAggFunction"),
    (r"\bUNION SELECT|INTERSECT ALL", r"^rows"),
]


def is_refused_rightly(case, problem):
    del case
    return any(part in problem for part in REFUSED_RIGHTLY)


def is_known(case, finding):
    return any(re.search(query, case.query.flink) and re.search(found, finding, re.S)
               for query, found in FLINK)
