/* Two lists of lines, and what one has that the other lacks. */
#ifndef WEIR_TRIAL_DIFFERENCE_H
#define WEIR_TRIAL_DIFFERENCE_H

#include "base/arena.h"
#include "base/buffer.h"
#include "base/list.h"

typedef struct Lines {
    Str *items;
    int32_t count;
} Lines;

/* The lines of a text. */
Lines lines_split(Arena *arena, Str text);
/* Sorted by bytes, in place. */
void lines_sort(Lines lines);
bool lines_equal(Lines a, Lines b);

/* Append "    line", "  - expected line", "  + actual line", one each, indented by `indent`
 * spaces: a shortest way from one to the other for lists of usual length. */
void lines_compare(Lines expected, Lines actual, int32_t indent, bool has_color, Buffer *out);

#endif
