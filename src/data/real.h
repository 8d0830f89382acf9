/* FLOAT and DOUBLE as text, in Java's forms: "1.0", "1.0E10", "NaN", "-Infinity".
 *
 * Printing gives digits that read back to the same number, as few as Double.toString of Java 17
 * does (which is not always as few as possible); E notation from 10^7 and below 10^-3. */
#ifndef WEIR_DATA_REAL_H
#define WEIR_DATA_REAL_H

#include <stdbool.h>

#include "base/buffer.h"
#include "base/str.h"

void real_print_double(Buffer *out, double value);
void real_print_float(Buffer *out, float value);

/* "[+-]digits[.digits][e[+-]digits]", correctly rounded, or NaN, Infinity, -Infinity. The
 * whole text must match. */
bool real_parse(Str text, double *out);

#endif
