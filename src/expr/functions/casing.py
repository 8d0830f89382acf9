#!/usr/bin/env python3
"""Writes casing.inc: the characters that become several in capitals (SpecialCasing of Unicode, what
Java's toUpperCase does too), from Python's tables."""

print("/* Made by casing.py. */")
for code in range(0x110000):
    if 0xD800 <= code < 0xE000:
        continue
    upper = chr(code).upper()
    if len(upper) > 1:
        text = "".join(f"\\x{byte:02x}" for byte in upper.encode())
        print(f'{{{code:#06x}, "{text}"}},')
