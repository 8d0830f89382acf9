"""Holds what a case expects against what Flink answered."""


def _lines(wanted, came, what):
    """Findings for two lists of lines: nothing if they are equal."""
    if wanted == came:
        return []
    missing, surplus = list(wanted), []
    for line in came:
        if line in missing:
            missing.remove(line)
        else:
            surplus.append(line)
    if not missing and not surplus:
        return [f"{what}: the same lines in another order"]
    return ([f"{what}:"] + [f"- {line}   (expected, not from Flink)" for line in missing]
            + [f"+ {line}   (from Flink, not expected)" for line in surplus])


def differences(case, answer):
    """What a case expects and Flink's answer does not have, as lines; empty if all is the same."""
    expected = [step for step in case["steps"] if "expect" in step]
    refusal = any(step["expect"] == "error" for step in expected)
    if refusal:
        return [] if "refused" in answer else ["an error is expected, and Flink takes it"]
    for word in ("refused", "failed"):
        if word in answer:
            return [f"Flink {word} it: {answer[word].splitlines()[0]}"]
    findings = []
    checks = iter(answer.get("checks", []))
    for step in expected:
        if step["expect"] not in ("changes", "rows"):
            continue
        check = next(checks, {"lines": [], "of": step["of"]})
        wanted, came = step["lines"], check["lines"]
        if step["expect"] == "rows" or step["any order"]:
            wanted, came = sorted(wanted), sorted(came)
        findings += _lines(wanted, came, f"{step['expect']} of {check['of']}")
    return findings
