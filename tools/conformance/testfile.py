"""Reads files of the `weir test` format into cases for Flink.

A case is a dict, and becomes one line of JSON for the runner in test/conformance:

    file, title, line   where it stands
    setup, sql          the statements, as they are written
    steps               in order; each is one of
        {"feed": TABLE, "rows": ["-U (1, 'a')", …]}
        {"watermark": TABLE, "to": "2024-01-01 00:01:00"}
        {"clock": "10 s"}
        {"expect": "changes" | "rows" | "error" | "plan" | "dead letters",
         "of": SINK or "", "any order": bool, "lines": […]}
    differs             the reason why Flink answers otherwise, or None
"""

import re

CASE = re.compile(r"^=== (.*)$")
SECTION = re.compile(r"^--- (.*)$")


def _trimmed(lines):
    while lines and not lines[-1].strip():
        lines = lines[:-1]
    return lines


def _sections(path):
    """(heading, line number, body lines) of every part; a case's heading begins with '==='."""
    heading, at, body = None, 0, []
    for number, line in enumerate(path.read_text("utf-8").splitlines(), 1):
        if CASE.match(line) or SECTION.match(line):
            if heading is not None:
                yield heading, at, _trimmed(body)
            heading, at, body = line, number, []
        elif heading is not None:
            body.append(line)
    if heading is not None:
        yield heading, at, _trimmed(body)


def _expectation(words, lines):
    match = re.match(r"(changes|rows|error|plan|dead letters)(?: of (\S+))?( in any order)?$", words)
    if not match:
        return None
    return {"expect": match[1], "of": match[2] or "", "any order": bool(match[3]),
            "lines": [line.strip() for line in lines if line.strip()]}


def _rows(lines):
    """Rows of a feed: one per line, but a constructor may go on over several."""
    rows, depth = [], 0
    for line in lines:
        if not line.strip() or (depth == 0 and line.lstrip().startswith("#")):
            continue
        if depth:
            rows[-1] += " " + line.strip()
        else:
            rows.append(line.strip())
        bare = re.sub(r"'(?:[^']|'')*'", "", line)
        depth += bare.count("(") - bare.count(")")
    return rows


def read(path, name=None):
    """The cases of a file, or none if it is in another format."""
    cases, setup, case = [], "", None
    for heading, line, body in _sections(path):
        titled = CASE.match(heading)
        if titled:
            case = {"file": str(name or path), "title": titled[1].strip(), "line": line,
                    "setup": setup, "sql": "", "steps": [], "differs": None}
            cases.append(case)
            continue
        words = heading[4:].strip()
        text = "\n".join(body)
        if words == "setup" and case is None:
            setup = text
            continue
        if case is None:
            return []
        if words == "sql":
            case["sql"] = text
        elif words.startswith("feed "):
            case["steps"].append({"feed": words[5:].strip(), "rows": _rows(body)})
        elif words.startswith("advance watermark "):
            table, _, time = words[len("advance watermark "):].partition(" to ")
            case["steps"].append({"watermark": table.strip(), "to": time.strip().strip("'")})
        elif words.startswith("advance clock "):
            case["steps"].append({"clock": words[len("advance clock "):].strip()})
        elif words.startswith("expect "):
            step = _expectation(words[7:].strip(), body)
            if step is None:
                raise ValueError(f"{path}:{line}: what is `{heading}`?")
            case["steps"].append(step)
        elif words.startswith("differs from flink:"):
            case["differs"] = words.partition(":")[2].strip()
    return cases
