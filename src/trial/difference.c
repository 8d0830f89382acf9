/* The longest common subsequence, by the table of its lengths. */
#include "trial/difference.h"

#include <stdlib.h>

enum {
    CELLS_MAX = 4000000, /* of the table; longer lists are shown one behind the other */
};

Lines lines_split(Arena *arena, Str text)
{
    Lines lines = {0};
    for (int64_t i = 0; i < text.length; i++)
        lines.count += text.data[i] == '\n' || i == text.length - 1;
    lines.items = ARENA_ARRAY(arena, Str, lines.count + 1);
    int64_t start = 0;
    int32_t count = 0;
    for (int64_t i = 0; i < text.length; i++) {
        bool is_end = text.data[i] == '\n';
        if (!is_end && i < text.length - 1)
            continue;
        lines.items[count++] = str_make(text.data + start, i + !is_end - start);
        start = i + 1;
    }
    return lines;
}

static int line_order(const void *a, const void *b)
{
    return str_compare(*(const Str *)a, *(const Str *)b);
}

void lines_sort(Lines lines)
{
    if (lines.count > 1)
        qsort(lines.items, (size_t)lines.count, sizeof(Str), line_order);
}

bool lines_equal(Lines a, Lines b)
{
    if (a.count != b.count)
        return false;
    for (int32_t i = 0; i < a.count; i++)
        if (!str_equal(a.items[i], b.items[i]))
            return false;
    return true;
}

typedef struct Comparison {
    Lines expected, actual;
    int32_t indent;
    bool has_color;
    Buffer *out;
} Comparison;

static void comparison_line(const Comparison *comparison, char sign, Str line)
{
    const char *color = !comparison->has_color ? "" : sign == '-' ? "\033[31m" : "\033[32m";
    const char *end = color[0] == '\0' || sign == ' ' ? "" : "\033[0m";
    buffer_printf(comparison->out, "%*s%s%c %.*s%s\n", comparison->indent, "",
                  sign == ' ' ? "" : color, sign, STR_ARGS(line), end);
}

static void comparison_lines(const Comparison *comparison, char sign, Lines lines, int32_t from,
                             int32_t to)
{
    for (int32_t i = from; i < to; i++)
        comparison_line(comparison, sign, lines.items[i]);
}

/* lengths[i][k]: of the longest common part of expected[i …] and actual[k …]. */
static void comparison_fill(const Comparison *comparison, int32_t *lengths)
{
    int32_t rows = comparison->expected.count, columns = comparison->actual.count;
    int32_t stride = columns + 1;
    for (int32_t i = rows - 1; i >= 0; i--) {
        for (int32_t k = columns - 1; k >= 0; k--) {
            int32_t *at = &lengths[i * stride + k];
            int32_t down = at[stride], right = at[1];
            *at = str_equal(comparison->expected.items[i], comparison->actual.items[k])
                      ? at[stride + 1] + 1
                  : down >= right ? down
                                  : right;
        }
    }
}

static void comparison_walk(const Comparison *comparison, const int32_t *lengths)
{
    Lines expected = comparison->expected, actual = comparison->actual;
    int32_t stride = actual.count + 1, i = 0, k = 0;
    while (i < expected.count && k < actual.count) {
        const int32_t *at = &lengths[i * stride + k];
        if (str_equal(expected.items[i], actual.items[k])) {
            comparison_line(comparison, ' ', expected.items[i++]);
            k++;
        } else if (at[stride] >= at[1]) {
            comparison_line(comparison, '-', expected.items[i++]);
        } else {
            comparison_line(comparison, '+', actual.items[k++]);
        }
    }
    comparison_lines(comparison, '-', expected, i, expected.count);
    comparison_lines(comparison, '+', actual, k, actual.count);
}

void lines_compare(Lines expected, Lines actual, int32_t indent, bool has_color, Buffer *out)
{
    Comparison comparison = {expected, actual, indent, has_color, out};
    int64_t cells = (int64_t)(expected.count + 1) * (actual.count + 1);
    if (cells > CELLS_MAX) {
        comparison_lines(&comparison, '-', expected, 0, expected.count);
        comparison_lines(&comparison, '+', actual, 0, actual.count);
        return;
    }
    Arena *arena = arena_new(0);
    int32_t *lengths = ARENA_ARRAY(arena, int32_t, cells);
    comparison_fill(&comparison, lengths);
    comparison_walk(&comparison, lengths);
    arena_free(arena);
}
