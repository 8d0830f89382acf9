#!/usr/bin/env python3
"""Writes arithmetic_vectors.inc: random sums, products, quotients and remainders of integers and
decimals with the type and value that Flink's formulas give, computed with Python's integers."""

import random

RANDOM = random.Random(20240301)
ROWS_EACH = 50
INTEGERS = [("TINYINT", 8, 3), ("SMALLINT", 16, 5), ("INT", 32, 10), ("BIGINT", 64, 19)]


def wrap(value, bits):
    value &= (1 << bits) - 1
    return value - (1 << bits) if value >> (bits - 1) else value


def cut_quotient(a, b):
    quotient = abs(a) // abs(b)
    return quotient if (a < 0) == (b < 0) else -quotient


def half_up(numerator, denominator):
    """numerator / denominator, half away from zero."""
    sign = -1 if (numerator < 0) != (denominator < 0) else 1
    numerator, denominator = abs(numerator), abs(denominator)
    return sign * ((2 * numerator + denominator) // (2 * denominator))


def adjust(precision, scale):
    if precision <= 38:
        return precision, scale
    return 38, max(38 - (precision - scale), min(scale, 6))


def decimal_type(op, p1, s1, p2, s2):
    top = max(s1, s2)
    if op in "+-":
        return adjust(max(p1 - s1, p2 - s2) + top + 1, top)
    if op == "*":
        return adjust(p1 + p2 + 1, s1 + s2)
    if op == "/":
        scale = max(6, s1 + p2 + 1)
        return adjust(p1 - s1 + s2 + scale, scale)
    if top == 0:
        return p2, 0
    return adjust(max(min(p1 - s1, p2 - s2) + top, 1), top)


def decimal_value(op, a, s1, b, s2, scale):
    """The unscaled result at `scale`."""
    top = max(s1, s2)
    x, y = a * 10 ** (top - s1), b * 10 ** (top - s2)
    if op in "+-":
        return half_up((x + y if op == "+" else x - y) * 10 ** scale, 10 ** top)
    if op == "*":
        return half_up(a * b * 10 ** scale, 10 ** (s1 + s2))
    if op == "/":
        return half_up(x * 10 ** scale, y)
    return half_up((x - cut_quotient(x, y) * y) * 10 ** scale, 10 ** top)


def text(value, scale):
    digits = str(abs(value)).rjust(scale + 1, "0")
    sign = "-" if value < 0 else ""
    return sign + (digits[:-scale] + "." + digits[-scale:] if scale else digits)


def emit(call, kind, value):
    print(f'{{"{call}", {kind}, "{value}"}},')


def integer_row(op):
    (name_a, bits_a, _), (name_b, bits_b, _) = RANDOM.choices(INTEGERS, k=2)
    a = wrap(RANDOM.getrandbits(bits_a) >> RANDOM.randrange(bits_a), bits_a)
    b = wrap(RANDOM.getrandbits(bits_b) >> RANDOM.randrange(bits_b), bits_b)
    if RANDOM.random() < 0.1:
        a, b = -1 << (bits_a - 1), -1
    wide, bits = (name_a, bits_a) if bits_a >= bits_b else (name_b, bits_b)
    call = f"({op} {name_a}'{a}' {name_b}'{b}')"
    if op in "/%" and b == 0:
        emit(call, "NULL", "WR4101")
    elif op == "%":
        emit(call, f'"{name_b} NOT NULL"', wrap(a - cut_quotient(a, b) * b, bits_b))
    else:
        value = {"+": a + b, "-": a - b, "*": a * b}[op] if op != "/" else cut_quotient(a, b)
        emit(call, f'"{wide} NOT NULL"', wrap(value, bits))


def decimal_operand():
    precision = RANDOM.choice([1, 3, 9, 10, 17, 18, 19, 20, 30, 37, 38])
    scale = RANDOM.randint(0, precision)
    value = RANDOM.randint(0, 10 ** RANDOM.randint(0, precision) - 1) * RANDOM.choice([-1, 1])
    return precision, scale, value


def decimal_row(op):
    (p1, s1, a), (p2, s2, b) = decimal_operand(), decimal_operand()
    call = f"({op} DECIMAL({p1},{s1})'{text(a, s1)}' DECIMAL({p2},{s2})'{text(b, s2)}')"
    if op in "/%" and b == 0:
        emit(call, "NULL", "WR4101")
        return
    precision, scale = decimal_type(op, p1, s1, p2, s2)
    value = decimal_value(op, a, s1, b, s2, scale)
    if abs(value) >= 10 ** precision:
        emit(call, "NULL", "<NULL>")
    else:
        emit(call, f'"DECIMAL({precision}, {scale}) NOT NULL"', text(value, scale))


def main():
    print("/* Written by arithmetic_vectors.py. */")
    for op in "+-*/%":
        for _ in range(ROWS_EACH):
            integer_row(op)
        for _ in range(2 * ROWS_EACH):
            decimal_row(op)


main()
