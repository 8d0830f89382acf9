/* Text as it takes place on a terminal: columns are not bytes, and not characters either.
 *
 * What could steer the terminal, or show a line in another order than it has, is shown as a
 * replacement character; line ends and tabs as `\n` and `\t`. */
#ifndef WEIR_BASE_DISPLAY_H
#define WEIR_BASE_DISPLAY_H

#include <stdint.h>

#include "base/buffer.h"
#include "base/str.h"

/* Bytes of the first character of a text that has one; 0xFFFD stands for what is not UTF-8. */
int32_t display_decode(Str text, int32_t *codepoint);

/* Whether the character has a meaning for terminals, or turns the order of others around. */
bool display_is_unsafe(int32_t codepoint);

/* Columns that the text takes. */
int32_t display_columns(Str text);

/* Append the text; what goes beyond `columns_max` is cut off, and `...` ends the line instead.
 * Returns the columns it takes. */
int32_t display_append(Buffer *out, Str text, int32_t columns_max);

/* Rows in a frame, as Flink's SQL client draws them:
 *
 *     +----+-------+
 *     | id |  name |
 *     +----+-------+
 *
 * Cells stand at the right; longer ones are cut. */
void display_rule(Buffer *out, const int32_t *widths, int32_t count);
void display_row(Buffer *out, const Str *cells, const int32_t *widths, int32_t count);

#endif
