"""Holds what weir says to a case against what Flink says to it."""

import re

LATE = "WR4302"
# A plan is printed in each engine's own form, and settings are each engine's own.
PLAN_OR_SETTINGS = re.compile(r"\bEXPLAIN\b|\bSET\s*;", re.I)
# Connectors that the comparison does not have.
OTHER_CONNECTOR = re.compile(r"'connector'\s*=\s*'(?!(?:filesystem|print|blackhole|datagen|feed)')")
MAP = re.compile(r"\{([^{}\[\]]*, [^{}\[\]]*)\}")


def _lines(ours, theirs, what):
    """Findings for two lists of lines: nothing if they are equal."""
    if ours == theirs:
        return []
    missing, surplus = list(ours), []
    for line in theirs:
        if line in missing:
            missing.remove(line)
        else:
            surplus.append(line)
    if not missing and not surplus:
        return [f"{what}: the same lines in another order"]
    return ([f"{what}:"] + [f"- {line}   (weir)" for line in missing]
            + [f"+ {line}   (Flink)" for line in surplus])


def _with_sorted_maps(line):
    """Maps and multisets have no order, and Flink prints them in that of their hashes."""
    return MAP.sub(lambda match: "{" + ", ".join(sorted(match[1].split(", "))) + "}", line)


def normal(lines):
    return [_with_sorted_maps(line) for line in lines]


def without_idle_updates(changes):
    """Changes without pairs that take a row back and give it again: they say nothing."""
    kept = []
    for line in normal(changes):
        if kept and line[0] == "+" and kept[-1][0] == "-" and kept[-1][2:] == line[2:]:
            kept.pop()
        else:
            kept.append(line)
    return kept


# Named by --portable, but nothing that Flink's planner looks at: tables have other connectors in the
# comparison, a catalog that stores materialized tables, and Flink takes settings of any name.
NOT_PLANNED = {"CONNECTOR", "OPTION", "REFERENCE", "SETTING", "FILES_LOOKUP", "MATERIALIZED_TABLE"}


def portability(case, answer):
    """How `weir check --portable` and Flink's planner judge differently what weir takes; or None."""
    ours = case.get("answer")
    if not ours or ours["errors"]:
        return None
    named = [one["message"] for one in ours["extensions"] if one["name"] not in NOT_PLANNED]
    reason = cannot_run(answer)
    if named and not reason:
        return f"--portable: {named[0]}; but Flink takes the statements"
    if reason and not named:
        return f"--portable names nothing, but Flink refuses the statements: {reason}"
    return None


def cannot_run(answer):
    """Why Flink cannot run the statements, whatever the rows: it refuses them, or makes code of them
    that its own compiler refuses when the job starts."""
    failed = answer.get("failed", "")
    return refusal(answer) or (failed if "Could not instantiate generated class" in failed else None)


def refusal(answer):
    """Why Flink does not take the statements, or None."""
    return answer.get("refused")


def _expectations(case, answer):
    """What the case expects and Flink's answer does not have."""
    findings = []
    checks = iter(answer.get("checks", []))
    for step in case["steps"]:
        what = step.get("expect")
        if what == "output" and not PLAN_OR_SETTINGS.search(case["sql"]):
            theirs = [line.rstrip() for line in answer.get("output", []) if line.strip()]
            findings += _lines([line.rstrip() for line in step["lines"] if line.strip()], theirs, what)
        if what not in ("changes", "rows"):
            continue
        check = next(checks, {"lines": [], "of": step["of"]})
        ours, theirs = step["lines"], check["lines"]
        if what == "rows" or step["any order"]:
            ours, theirs = sorted(normal(ours)), sorted(normal(theirs))
        else:
            ours, theirs = without_idle_updates(ours), without_idle_updates(theirs)
        findings += _lines(ours, theirs, f"{what} of {check['of']}")
    return findings


def _sinks(case, answer):
    """What came out of weir, whatever the case expects of it, against what came out of Flink."""
    findings = []
    # Where the case says nothing of the order, it may be by chance, such as that of keys.
    fed = {step["feed"] for step in case["steps"] if "feed" in step}
    in_order = [step["of"] for step in case["steps"]
                if step.get("expect") == "changes" and not step["any order"]]
    ours, theirs = case["answer"]["sinks"], answer.get("sinks", {})
    for name in sorted({*ours, *theirs}):
        one = ours.get(name, {"changes": [], "rows": []})
        two = theirs.get(name, {"changes": [], "rows": []})
        found = _lines(sorted(normal(one["rows"])), sorted(normal(two["rows"])),
                       f"rows of {name}")
        if len(fed) > 1 and not any(step.get("expect") == "changes" for step in case["steps"]):
            findings += found
            continue
        changes = (without_idle_updates(one["changes"]), without_idle_updates(two["changes"]))
        if name not in in_order and in_order != [""]:
            changes = (sorted(changes[0]), sorted(changes[1]))
        findings += found or _lines(*changes, f"changes of {name}")
    return findings


def fails_for_a_row(case, answer):
    """Whether this is the one general difference: Flink fails where weir makes a dead letter."""
    letters = case.get("answer", {}).get("dead letters", [])
    letters = letters or [line for step in case["steps"] if step.get("expect") == "dead letters"
                          for line in step["lines"]]
    return "failed" in answer and any(not line.endswith(LATE) for line in letters)


def differences(case, answer):
    """How the two differ, as lines; none if they say the same. The answer of weir itself is looked
    at where the case has it; without it, what the case expects."""
    ours = case.get("answer")
    refused = bool(ours["errors"]) if ours else any(
        step.get("expect") == "error" for step in case["steps"])
    if refused:
        return [] if refusal(answer) or OTHER_CONNECTOR.search(case["setup"] + case["sql"]) else ["weir refuses the statements, and Flink takes them"]
    if refusal(answer):
        return [f"Flink refuses the statements: {answer['refused'].splitlines()[0]}"]
    if fails_for_a_row(case, answer):
        return []
    if "failed" in answer:
        return [f"Flink fails: {answer['failed'].splitlines()[0]}"]
    findings = _expectations(case, answer)
    if ours and not findings:
        findings = _sinks(case, answer)
    return findings
