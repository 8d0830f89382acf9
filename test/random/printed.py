"""Values as the engines print them, in one form that can be compared."""

import decimal
import json


def of_duck(text, of_type):
    """A value that DuckDB cast to text, or made JSON of if it has parts."""
    if text is None:
        return "NULL"
    if of_type.is_nested:
        return _of_json(json.loads(text, parse_float=str, parse_int=str), of_type)
    return _scalar(text, of_type)


def _of_json(value, of_type):
    if value is None:
        return "NULL"
    if of_type.kind == "ARRAY":
        # An empty text alone prints as if there were none.
        parts = tuple(_of_json(part, of_type.parts[0]) for part in value)
        return () if parts == ("",) else parts
    if of_type.kind == "MAP":
        # Maps have no order.
        return tuple(sorted((_scalar(key, of_type.parts[0]), _of_json(part, of_type.parts[1]))
                            for key, part in value.items()))
    if of_type.kind == "ROW":
        return tuple(map(_of_json, value.values(), of_type.parts))
    return _scalar(str(value), of_type)


def row(text, types):
    """A row as weir and Flink print it, from its bracket on."""
    values = _split(text) or [""]
    if len(values) != len(types):
        return ("?", text)
    return tuple(map(_of_print, values, types))


def _split(text):
    """The parts of what stands in brackets; no text of a random case has any bracket."""
    parts, depth, at = [], 0, 1
    for here in range(1, len(text) - 1):
        depth += (text[here] in "[{") - (text[here] in "]}")
        if depth == 0 and text.startswith(", ", here):
            parts.append(text[at:here])
            at = here + 2
    parts.append(text[at:-1])
    return [] if len(text) == 2 else parts


def _of_print(text, of_type):
    if text == "null":
        return "NULL"
    if of_type.kind == "ARRAY":
        return tuple(_of_print(part, of_type.parts[0]) for part in _split(text))
    if of_type.kind == "MAP":
        entries = (part.split("=", 1) for part in _split(text))
        return tuple(sorted((_scalar(key, of_type.parts[0]), _of_print(part, of_type.parts[1]))
                            for key, part in entries))
    if of_type.kind == "ROW":
        return row(text[text.index("["):], of_type.parts)
    return _scalar(text, of_type)


def _scalar(value, of_type):
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
