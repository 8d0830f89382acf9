/* Rows with which a statement answers at once, and how they look on a terminal. */
#include "plan/result.h"

#include <assert.h>
#include <stdlib.h>

#include "base/display.h"
#include "plan/internal.h"

StatementResult *result_new(Planner *planner, const char *const *columns, int32_t count)
{
    assert(count > 0);
    Arena *arena = planner->arena;
    StatementResult *result = ARENA_NEW(arena, StatementResult);
    Str *names = ARENA_ARRAY(arena, Str, count);
    for (int32_t i = 0; i < count; i++)
        names[i] = str_from(columns[i]);
    result->columns = names;
    result->column_count = count;
    list_append(&planner->results, arena, result);
    return result;
}

void result_add(Planner *planner, StatementResult *result, const Str *cells)
{
    Str *row = ARENA_ARRAY(planner->arena, Str, result->column_count);
    for (int32_t i = 0; i < result->column_count; i++)
        row[i] = cells[i].data != NULL ? str_copy(planner->arena, cells[i]) : (Str){0};
    list_append(&result->rows, planner->arena, row);
}

void result_add_text(Planner *planner, Str text)
{
    static const char *const columns[] = {"result"};
    StatementResult *result = result_new(planner, columns, 1);
    result->is_text = true;
    result_add(planner, result, &text);
}

/* By bytes of the first column. */
static int result_compare(const void *a, const void *b)
{
    return str_compare(**(const Str *const *)a, **(const Str *const *)b);
}

void result_sort(StatementResult *result)
{
    if (result->rows.count > 1)
        qsort(result->rows.items, (size_t)result->rows.count, sizeof(void *), result_compare);
}

static void print_rows(const StatementResult *result, const int32_t *widths, Buffer *out)
{
    int32_t count = result->column_count;
    display_rule(out, widths, count);
    display_row(out, result->columns, widths, count);
    display_rule(out, widths, count);
    for (int32_t r = 0; r < result->rows.count; r++)
        display_row(out, LIST_AT(result->rows, r, Str), widths, count);
    display_rule(out, widths, count);
    buffer_printf(out, "%d row%s in set\n", result->rows.count, result->rows.count == 1 ? "" : "s");
}

void statement_result_print(const StatementResult *result, Buffer *out)
{
    enum { COLUMNS_MAX = 16 };
    assert(result->column_count > 0 && result->column_count <= COLUMNS_MAX);
    if (result->is_text) {
        const Str *text = LIST_AT(result->rows, 0, Str);
        buffer_append_str(out, *text);
        if (!str_has_suffix(*text, STR("\n")))
            buffer_append_char(out, '\n');
        return;
    }
    if (result->rows.count == 0) {
        buffer_append_text(out, "Empty set\n");
        return;
    }
    int32_t widths[COLUMNS_MAX];
    for (int32_t i = 0; i < result->column_count; i++) {
        widths[i] = display_columns(result->columns[i]);
        for (int32_t r = 0; r < result->rows.count; r++) {
            int32_t columns = display_columns(LIST_AT(result->rows, r, Str)[i]);
            widths[i] = columns > widths[i] ? columns : widths[i];
        }
    }
    print_rows(result, widths, out);
}
