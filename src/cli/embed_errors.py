#!/usr/bin/env python3
"""Makes a C table of the entries of docs/errors. Usage: embed_errors.py FILE.md ... OUTPUT.c"""

import re
import sys


def quote(text):
    """A C string literal, a line of text per line."""
    escape = {"\\": "\\\\", '"': '\\"', "?": "\\?"}
    lines = ["".join(escape.get(c, c) for c in line) for line in text.split("\n")]
    return "\n".join(f'        "{line}\\n"' for line in lines)


entries = []
for path in sys.argv[1:-1]:
    with open(path, encoding="utf-8") as file:
        parts = re.split(r"^## (WR\d{4})\s*$", file.read(), flags=re.M)
    entries += list(zip(parts[1::2], (text.strip() for text in parts[2::2])))

with open(sys.argv[-1], "w", encoding="utf-8") as out:
    out.write("/* Made from docs/errors. */\n#include <stddef.h>\n\n"
              "typedef struct ErrorText {\n    const char *code;\n    const char *text;\n} ErrorText;\n\n"
              "extern const ErrorText error_texts[];\nconst ErrorText error_texts[] = {\n")
    for code, text in sorted(entries):
        out.write(f'    {{"{code}",\n{quote(text)}}},\n')
    out.write("    {NULL, NULL},\n};\n")
