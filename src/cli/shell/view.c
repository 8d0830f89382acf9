/* Rows of a query on a terminal or in a pipe.
 *
 * Changes are printed as they come. A table keeps the rows that are left, in the order in which
 * they came; on a terminal it is drawn again in its place a few times a second, and in full at the
 * end. */
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/display.h"
#include "base/json.h"
#include "cli/shell/shell.h"
#include "data/value.h"
#include "format/format.h"

enum {
    REDRAW_US = 200 * 1000,
    ROWS_KEPT_MAX = 1000000,
    COLUMN_WIDTH_DEFAULT = 30,
    COLUMN_WIDTH_LEAST = 4,
    NULL_WIDTH = 6, /* <NULL> */
    SCREEN_LINES = 24,
    SCREEN_COLUMNS = 80,
    TABLE_OVERHEAD_LINES = 6,
};

/* A row of a table; cells share the text that tells it from others. */
typedef struct ViewRow {
    Str *cells;
    struct ViewRow *next_equal; /* an older one with the same cells */
    bool is_gone;
} ViewRow;

struct View {
    Shell *shell;
    const PlanNode *root;
    const Schema *schema;
    ShellMode mode;
    bool is_batch, has_op;
    const TimeZone *zone;
    int32_t *widths; /* of the columns of changes; the first is the kind's */
    Arena *arena;
    const EncoderKind *encoder_kind;
    Encoder *encoder;
    Buffer out;
    int64_t row_count; /* that came */
    /* A table. */
    Arena *rows_arena;
    List rows;        /* ViewRow */
    Map *rows_by_key; /* joined cells -> ViewRow */
    int32_t live_count;
    int32_t drawn_lines;
    int64_t drawn_us;
    bool is_changed;
    pthread_mutex_t lock; /* rows come on another thread than refreshes */
};

/* ---- Text of values -------------------------------------------------------------------- */

static Str view_cell(const View *view, Arena *arena, const Column *column, int32_t row)
{
    Value value = value_get(column, row);
    if (value.is_null)
        return STR("<NULL>");
    Buffer text = {0};
    value_print(&text, &value, VALUE_CAST, (const struct TimeZone *)view->zone);
    Str copy = str_copy(arena, buffer_str(&text));
    buffer_free(&text);
    return copy;
}

/* What the widest value of the type takes; 0: any length. */
static int32_t type_columns(Type type)
{
    switch ((int)type.id) {
    case TYPE_BOOLEAN: return 5;
    case TYPE_TINYINT: return 4;
    case TYPE_SMALLINT: return 6;
    case TYPE_INT: return 11;
    case TYPE_BIGINT: return 20;
    case TYPE_DECIMAL: return type.precision + 2;
    case TYPE_DATE: return 10;
    case TYPE_TIME: return type.precision == 0 ? 8 : 9 + type.precision;
    case TYPE_TIMESTAMP:
    case TYPE_TIMESTAMP_LTZ: return type.precision == 0 ? 19 : 20 + type.precision;
    case TYPE_CHAR: return type.precision;
    default: return 0;
    }
}

static int32_t setting_width(const Shell *shell)
{
    int64_t width = COLUMN_WIDTH_DEFAULT;
    const char *text = session_setting(shell->session, "table.display.max-column-width");
    if (text == NULL)
        text = session_setting(shell->session, "sql-client.display.max-column-width");
    if (text != NULL && str_parse_int64(str_from(text), &width) && width >= 1 && width < 100000)
        return (int32_t)width;
    return COLUMN_WIDTH_DEFAULT;
}

/* As Flink's client lays out a stream: by the types, because the rows are not known yet. */
static void view_lay_out(View *view)
{
    view->widths = ARENA_ARRAY(view->arena, int32_t, view->schema->count + 1);
    view->widths[0] = 2;
    int32_t longest = setting_width(view->shell);
    for (int32_t i = 0; i < view->schema->count; i++) {
        int32_t width = type_columns(view->schema->fields[i].type);
        width = width == 0 ? longest : width;
        int32_t head = display_columns(view->schema->fields[i].name);
        width = head > width ? head : width;
        if (view->schema->fields[i].type.is_nullable && width < NULL_WIDTH)
            width = NULL_WIDTH;
        view->widths[i + 1] = width;
    }
}

static void view_flush(View *view)
{
    fwrite(view->out.data, 1, (size_t)view->out.length, stdout);
    fflush(stdout);
    view->out.length = 0;
}

/* ---- Changes --------------------------------------------------------------------------- */

static void view_print_head(View *view)
{
    int32_t first = view->has_op ? 0 : 1, count = view->schema->count + 1;
    Str *names = ARENA_ARRAY(view->arena, Str, count);
    names[0] = STR("op");
    for (int32_t i = 0; i < view->schema->count; i++)
        names[i + 1] = view->schema->fields[i].name;
    display_rule(&view->out, view->widths + first, count - first);
    display_row(&view->out, names + first, view->widths + first, count - first);
    display_rule(&view->out, view->widths + first, count - first);
    view_flush(view);
}

static void view_take_changes(View *view, const Batch *batch)
{
    Arena *scratch = arena_new(0);
    int32_t first = view->has_op ? 0 : 1, count = view->schema->count + 1;
    Str *cells = ARENA_ARRAY(scratch, Str, count);
    for (int32_t i = 0; i < batch->selection.count; i++) {
        int32_t row = selection_row(batch->selection, i);
        cells[0] = str_from(row_kind_text(batch_kind(batch, row)));
        for (int32_t c = 0; c < view->schema->count; c++)
            cells[c + 1] = view_cell(view, scratch, &batch->columns[c], row);
        display_row(&view->out, cells + first, view->widths + first, count - first);
    }
    arena_free(scratch);
    view_flush(view);
}

/* ---- JSON and CSV ---------------------------------------------------------------------- */

static void encoder_report(void *context, const OptionEntry *entry, const char *code,
                           const char *message, const char *help)
{
    (void)context, (void)entry, (void)code, (void)message, (void)help;
}

static bool view_open_encoder(View *view)
{
    const Format *format = format_find(view->mode == SHELL_JSON ? STR("json") : STR("csv"));
    OptionTable table = {format->info.options, format->info.option_count, ""};
    OptionRequest request = {
        .tables = &table, .table_count = 1, .owner = format->info.name, .report = encoder_report};
    OptionSet *options;
    Error error = {0};
    int32_t *columns = ARENA_ARRAY(view->arena, int32_t, view->schema->count + 1);
    for (int32_t i = 0; i < view->schema->count; i++)
        columns[i] = i;
    if (options_bind(view->arena, &request, &options) != OK)
        return false;
    EncoderSpec spec = {.record = view->schema,
                        .columns = columns,
                        .options = options,
                        .prefix = "",
                        .zone = view->zone};
    view->encoder_kind = format->encoder;
    return format->encoder->open(view->arena, &spec, &view->encoder, &error) == OK;
}

static void view_print_csv_head(View *view)
{
    buffer_append_text(&view->out, view->has_op ? "op" : "");
    for (int32_t i = 0; i < view->schema->count; i++) {
        Str name = view->schema->fields[i].name;
        bool is_plain = str_find(name, STR(",")) < 0 && str_find(name, STR("\"")) < 0;
        buffer_printf(&view->out, is_plain ? "%s%.*s" : "%s\"%.*s\"",
                      i > 0 || view->has_op ? "," : "", STR_ARGS(name));
    }
    buffer_append_char(&view->out, '\n');
    view_flush(view);
}

static void view_take_encoded(View *view, const Batch *batch)
{
    for (int32_t i = 0; i < batch->selection.count; i++) {
        int32_t row = selection_row(batch->selection, i);
        const char *kind = row_kind_text(batch_kind(batch, row));
        int64_t start = view->out.length;
        bool is_json = view->mode == SHELL_JSON;
        if (view->has_op)
            buffer_printf(&view->out, is_json ? "{\"op\":\"%s\",\"row\":" : "%s,", kind);
        const char *problem = view->encoder_kind->encode(view->encoder, batch, row, &view->out);
        if (problem != NULL) {
            view->out.length = start;
            report_note(view->shell->cli, "a row is left out: %s", problem);
            continue;
        }
        buffer_append_text(&view->out, view->has_op && is_json ? "}\n" : "\n");
    }
    view_flush(view);
}

/* ---- Tables ---------------------------------------------------------------------------- */

static Str row_key(Arena *arena, const Str *cells, int32_t count)
{
    Buffer key = {0};
    for (int32_t i = 0; i < count; i++) {
        buffer_append_u32(&key, (uint32_t)cells[i].length);
        buffer_append_str(&key, cells[i]);
    }
    Str copy = str_copy(arena, buffer_str(&key));
    buffer_free(&key);
    return copy;
}

/* The cells into a row, which is found by them from now on. */
static void row_fill(const View *view, Arena *arena, Map *by_key, ViewRow *row, const Str *cells)
{
    int32_t count = view->schema->count;
    row->cells = ARENA_ARRAY(arena, Str, count + 1);
    for (int32_t i = 0; i < count; i++)
        row->cells[i] = str_copy(arena, cells[i]);
    Str key = row_key(arena, cells, count);
    row->next_equal = map_find(by_key, key);
    row->is_gone = false;
    map_put(by_key, key, row);
}

static void table_add(View *view, Arena *arena, List *rows, Map *by_key, const Str *cells)
{
    ViewRow *row = ARENA_NEW(arena, ViewRow);
    row_fill(view, arena, by_key, row, cells);
    list_append(rows, arena, row);
}

/* Rows that are gone, and the oldest of too many, give up their memory. */
static void table_compact(View *view)
{
    int32_t gone = view->rows.count - view->live_count;
    if (gone < view->live_count + 10000 && view->live_count <= ROWS_KEPT_MAX)
        return;
    Arena *arena = arena_new(0);
    List rows = {0};
    Map *by_key = map_new(arena);
    int32_t skipped =
        view->live_count > ROWS_KEPT_MAX ? view->live_count - ROWS_KEPT_MAX * 9 / 10 : 0;
    for (int32_t i = 0; i < view->rows.count; i++) {
        const ViewRow *row = LIST_AT(view->rows, i, ViewRow);
        if (row->is_gone || skipped-- > 0)
            continue;
        table_add(view, arena, &rows, by_key, row->cells);
    }
    arena_free(view->rows_arena);
    view->rows_arena = arena;
    view->rows = rows;
    view->rows_by_key = by_key;
    view->live_count = rows.count;
}

/* The row that is gone now, or NULL if there was none like it. */
static ViewRow *table_remove(View *view, Arena *scratch, const Str *cells)
{
    Str key = row_key(scratch, cells, view->schema->count);
    ViewRow *row = map_find(view->rows_by_key, key);
    if (row == NULL)
        return NULL;
    row->is_gone = true;
    view->live_count--;
    if (row->next_equal != NULL)
        map_put(view->rows_by_key, key, row->next_equal);
    else
        map_remove(view->rows_by_key, key);
    return row;
}

static void view_take_table(View *view, const Batch *batch)
{
    Arena *scratch = arena_new(0);
    Str *cells = ARENA_ARRAY(scratch, Str, view->schema->count + 1);
    ViewRow *vacant = NULL; /* the place of an update's old row is that of its new one */
    for (int32_t i = 0; i < batch->selection.count; i++) {
        int32_t row = selection_row(batch->selection, i);
        RowKind kind = batch_kind(batch, row);
        for (int32_t c = 0; c < view->schema->count; c++)
            cells[c] = view_cell(view, scratch, &batch->columns[c], row);
        if (kind == ROW_DELETE || kind == ROW_UPDATE_BEFORE) {
            vacant = table_remove(view, scratch, cells);
            continue;
        }
        if (kind == ROW_UPDATE_AFTER && vacant != NULL)
            row_fill(view, view->rows_arena, view->rows_by_key, vacant, cells);
        else
            table_add(view, view->rows_arena, &view->rows, view->rows_by_key, cells);
        vacant = NULL;
        view->live_count++;
    }
    table_compact(view);
    view->is_changed = true;
    arena_free(scratch);
}

static void screen_size(int32_t *lines, int32_t *columns)
{
    struct winsize size = {0};
    *lines = SCREEN_LINES;
    *columns = SCREEN_COLUMNS;
    if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_row > 0 && size.ws_col > 0) {
        *lines = size.ws_row;
        *columns = size.ws_col;
    }
}

/* Take columns from the widest until the frame fits. */
static void widths_fit(int32_t *widths, int32_t count, int32_t columns)
{
    for (;;) {
        int32_t total = 1, widest = 0;
        for (int32_t i = 0; i < count; i++) {
            total += widths[i] + 3;
            widest = widths[i] > widths[widest] ? i : widest;
        }
        if (total <= columns || widths[widest] <= COLUMN_WIDTH_LEAST)
            return;
        int32_t too_much = total - columns;
        int32_t spare = widths[widest] - COLUMN_WIDTH_LEAST;
        int32_t step = too_much < spare ? too_much : spare;
        widths[widest] -= step > 4 ? step / 2 : 1;
    }
}

/* The last `rows_max` rows that are left. */
static int32_t table_print(View *view, int32_t rows_max, int32_t columns)
{
    int32_t count = view->schema->count, first = 0, live = 0;
    Str *names = ARENA_ARRAY(view->arena, Str, count + 1);
    int32_t *widths = ARENA_ARRAY(view->arena, int32_t, count + 1);
    int32_t longest = setting_width(view->shell);
    for (int32_t i = 0; i < count; i++) {
        names[i] = view->schema->fields[i].name;
        widths[i] = display_columns(names[i]);
    }
    for (first = view->rows.count; first > 0 && live < rows_max; first--)
        live += !LIST_AT(view->rows, first - 1, ViewRow)->is_gone;
    for (int32_t r = first; r < view->rows.count; r++) {
        const ViewRow *row = LIST_AT(view->rows, r, ViewRow);
        for (int32_t c = 0; !row->is_gone && c < count; c++) {
            int32_t width = display_columns(row->cells[c]);
            bool is_free = type_columns(view->schema->fields[c].type) == 0;
            width = is_free && width > longest ? longest : width;
            widths[c] = width > widths[c] ? width : widths[c];
        }
    }
    if (view->shell->has_screen)
        widths_fit(widths, count, columns);
    display_rule(&view->out, widths, count);
    display_row(&view->out, names, widths, count);
    display_rule(&view->out, widths, count);
    for (int32_t r = first; r < view->rows.count; r++) {
        const ViewRow *row = LIST_AT(view->rows, r, ViewRow);
        if (!row->is_gone)
            display_row(&view->out, row->cells, widths, count);
    }
    display_rule(&view->out, widths, count);
    return live + 4;
}

static void view_erase(View *view)
{
    if (view->drawn_lines > 0)
        buffer_printf(&view->out, "\033[%dA\033[J", view->drawn_lines);
    view->drawn_lines = 0;
}

static void view_draw(View *view)
{
    int32_t lines, columns;
    screen_size(&lines, &columns);
    view_erase(view);
    int32_t room = lines > TABLE_OVERHEAD_LINES + 1 ? lines - TABLE_OVERHEAD_LINES : 1;
    view->drawn_lines = table_print(view, room, columns) + 1;
    buffer_printf(&view->out, "%d row%s so far; Ctrl-C ends the query\n", view->live_count,
                  view->live_count == 1 ? "" : "s");
    view_flush(view);
    view->drawn_us = world_monotonic_us(view->shell->cli->world);
    view->is_changed = false;
}

/* ---- The view -------------------------------------------------------------------------- */

View *view_open(Shell *shell, const Plan *plan, ShellMode mode)
{
    Arena *arena = arena_new(0);
    View *view = ARENA_NEW(arena, View);
    view->shell = shell;
    view->arena = arena;
    view->root = plan->roots[0];
    view->schema = &view->root->schema;
    view->mode = mode;
    view->zone = plan->settings.zone;
    view->is_batch = plan->settings.is_batch;
    bool is_append = view->root->inputs[0]->changelog == CHANGELOG_APPEND;
    view->has_op = mode == SHELL_CHANGELOG || (mode == SHELL_TABLEAU && !view->is_batch) ||
                   ((mode == SHELL_JSON || mode == SHELL_CSV) && !is_append);
    /* Rows of a batch are laid out when they are known. */
    if (mode == SHELL_TABLEAU && view->is_batch)
        view->mode = SHELL_TABLE;
    view->rows_arena = arena_new(0);
    view->rows_by_key = map_new(view->rows_arena);
    pthread_mutex_init(&view->lock, NULL);
    view_lay_out(view);
    bool is_encoded = view->mode == SHELL_JSON || view->mode == SHELL_CSV;
    if (is_encoded && !view_open_encoder(view)) {
        view->mode = SHELL_CHANGELOG;
        is_encoded = false;
    }
    if (view->mode == SHELL_CSV)
        view_print_csv_head(view);
    return view;
}

bool view_take(void *context, int32_t root, const Batch *batch)
{
    (void)root;
    View *view = context;
    pthread_mutex_lock(&view->lock);
    bool is_frame = view->mode == SHELL_CHANGELOG || view->mode == SHELL_TABLEAU;
    if (is_frame && view->row_count == 0 && batch->selection.count > 0)
        view_print_head(view);
    view->row_count += batch->selection.count;
    if (is_frame)
        view_take_changes(view, batch);
    else if (view->mode == SHELL_TABLE)
        view_take_table(view, batch);
    else
        view_take_encoded(view, batch);
    int64_t now_us = world_monotonic_us(view->shell->cli->world);
    if (view->mode == SHELL_TABLE && view->shell->has_screen && view->drawn_us != 0 &&
        now_us - view->drawn_us >= REDRAW_US)
        view_draw(view);
    pthread_mutex_unlock(&view->lock);
    return true;
}

void view_refresh(void *context, Job *job)
{
    (void)job;
    View *view = context;
    pthread_mutex_lock(&view->lock);
    bool is_live = view->mode == SHELL_TABLE && view->shell->has_screen;
    if (is_live && (view->is_changed || view->drawn_us == 0))
        view_draw(view);
    pthread_mutex_unlock(&view->lock);
}

static void view_print_foot(View *view)
{
    bool is_frame = view->mode == SHELL_CHANGELOG || view->mode == SHELL_TABLEAU;
    if (is_frame && view->row_count > 0) {
        int32_t first = view->has_op ? 0 : 1;
        display_rule(&view->out, view->widths + first, view->schema->count + 1 - first);
        buffer_printf(&view->out, "Received a total of %lld row%s\n", (long long)view->row_count,
                      view->row_count == 1 ? "" : "s");
    } else if (view->mode == SHELL_TABLE && view->live_count > 0) {
        int32_t lines, columns;
        screen_size(&lines, &columns);
        view_erase(view);
        table_print(view, INT32_MAX, columns);
        buffer_printf(&view->out, "%d row%s in set\n", view->live_count,
                      view->live_count == 1 ? "" : "s");
    } else if (is_frame || view->mode == SHELL_TABLE) {
        view_erase(view);
        buffer_append_text(&view->out, "Empty set\n");
    }
    view_flush(view);
}

void view_close(View *view)
{
    view_print_foot(view);
    if (view->encoder != NULL)
        view->encoder_kind->close(view->encoder);
    pthread_mutex_destroy(&view->lock);
    buffer_free(&view->out);
    arena_free(view->rows_arena);
    arena_free(view->arena);
}

static void result_csv_cell(Buffer *out, Str cell)
{
    bool is_plain = str_find(cell, STR(",")) < 0 && str_find(cell, STR("\"")) < 0 &&
                    str_find(cell, STR("\n")) < 0;
    if (is_plain) {
        buffer_append_str(out, cell);
        return;
    }
    buffer_append_char(out, '"');
    for (int64_t i = 0; i < cell.length; i++) {
        if (cell.data[i] == '"')
            buffer_append_char(out, '"');
        buffer_append_char(out, cell.data[i]);
    }
    buffer_append_char(out, '"');
}

static void result_csv_row(Buffer *out, const Str *cells, int32_t count)
{
    for (int32_t i = 0; i < count; i++) {
        buffer_append_text(out, i > 0 ? "," : "");
        result_csv_cell(out, cells[i]);
    }
    buffer_append_char(out, '\n');
}

void view_print_result(Shell *shell, const StatementResult *result, Buffer *out)
{
    ShellMode mode = shell_mode(shell);
    if (mode != SHELL_JSON && mode != SHELL_CSV) {
        statement_result_print(result, out);
        return;
    }
    if (mode == SHELL_CSV)
        result_csv_row(out, result->columns, result->column_count);
    for (int32_t r = 0; r < result->rows.count; r++) {
        const Str *row = LIST_AT(result->rows, r, Str);
        if (mode == SHELL_CSV) {
            result_csv_row(out, row, result->column_count);
            continue;
        }
        JsonWriter json = {.out = out};
        json_begin_object(&json);
        for (int32_t i = 0; i < result->column_count; i++) {
            json_key(&json, str_terminated(shell->cli->arena, result->columns[i]));
            if (row[i].data != NULL)
                json_str(&json, row[i]);
            else
                json_null(&json);
        }
        json_end_object(&json);
        buffer_append_char(out, '\n');
    }
}
