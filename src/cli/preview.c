/* The first result rows of each statement, as tables. */
#include <pthread.h>

#include "cli/cli.h"
#include "data/value.h"

enum { CELL_BYTES_MAX = 60 };

/* Of one root; filled by the thread of its task, read when the job has ended. */
typedef struct PreviewTable {
    const PlanNode *node;
    Arena *arena;
    List cells; /* const char *, row by row: kind, then columns */
    int64_t row_count;
} PreviewTable;

struct Preview {
    Cli *cli;
    PreviewTable *tables;
    int32_t table_count;
    int64_t rows_max;
    const TimeZone *zone;
};

Preview *preview_open(Cli *cli, const Plan *plan, int64_t row_count)
{
    Preview *preview = ARENA_NEW(cli->arena, Preview);
    preview->cli = cli;
    preview->rows_max = row_count;
    preview->zone = plan->settings.zone;
    preview->table_count = plan->root_count;
    preview->tables = ARENA_ARRAY(cli->arena, PreviewTable, plan->root_count);
    for (int32_t i = 0; i < plan->root_count; i++)
        preview->tables[i] = (PreviewTable){.node = plan->roots[i], .arena = arena_new(0)};
    return preview;
}

/* Cut at a whole character. */
static const char *preview_cell(Arena *arena, Buffer *text)
{
    if (text->length <= CELL_BYTES_MAX)
        return arena_printf(arena, "%s", buffer_terminated(text));
    int64_t end = CELL_BYTES_MAX - 3;
    while (end > 0 && ((unsigned char)text->data[end] & 0xc0) == 0x80)
        end--;
    return arena_printf(arena, "%.*s…", (int)end, text->data);
}

bool preview_take(void *context, int32_t root, const Batch *batch)
{
    Preview *preview = context;
    PreviewTable *table = &preview->tables[root];
    Buffer text = {0};
    for (int32_t i = 0; i < batch->selection.count && table->row_count < preview->rows_max; i++) {
        int32_t row = selection_row(batch->selection, i);
        list_append(&table->cells, table->arena, (void *)row_kind_text(batch_kind(batch, row)));
        for (int32_t k = 0; k < batch->column_count; k++) {
            Value value = value_get(&batch->columns[k], row);
            text.length = 0;
            value_print(&text, &value, VALUE_CAST, (const struct TimeZone *)preview->zone);
            list_append(&table->cells, table->arena, (void *)preview_cell(table->arena, &text));
        }
        table->row_count++;
    }
    buffer_free(&text);
    return table->row_count < preview->rows_max;
}

/* Characters, not bytes; wide ones count as one. */
static int32_t text_width(const char *text)
{
    int32_t width = 0;
    for (; *text != '\0'; text++)
        width += ((unsigned char)*text & 0xc0) != 0x80;
    return width;
}

static void print_cell(Buffer *out, const char *text, int32_t width, bool is_right)
{
    int32_t padding = width - text_width(text);
    buffer_append_text(out, " ");
    for (int32_t i = 0; is_right && i < padding; i++)
        buffer_append_char(out, ' ');
    buffer_append_text(out, text);
    for (int32_t i = 0; !is_right && i < padding; i++)
        buffer_append_char(out, ' ');
    buffer_append_text(out, " |");
}

static const char *table_name(const PlanNode *node, Arena *arena)
{
    return str_terminated(arena,
                          node->kind == PLAN_SINK ? node->sink.table->name : node->serve.name);
}

/* The op column is shown only where it says something. */
static void preview_print_table(const PreviewTable *table, Buffer *out)
{
    const Schema *schema = &table->node->schema;
    int32_t stride = schema->count + 1;
    int32_t first = table->node->inputs[0]->changelog == CHANGELOG_APPEND ? 1 : 0;
    int32_t *widths = ARENA_ARRAY(table->arena, int32_t, stride);
    const char **heads = ARENA_ARRAY(table->arena, const char *, stride);
    heads[0] = "op";
    for (int32_t i = 0; i < schema->count; i++)
        heads[i + 1] = str_terminated(table->arena, schema->fields[i].name);
    for (int32_t i = 0; i < stride; i++)
        widths[i] = text_width(heads[i]);
    for (int32_t i = 0; i < table->cells.count; i++) {
        int32_t width = text_width(LIST_AT(table->cells, i, const char));
        if (width > widths[i % stride])
            widths[i % stride] = width;
    }
    buffer_printf(out, "%s\n|", table_name(table->node, table->arena));
    for (int32_t i = first; i < stride; i++)
        print_cell(out, heads[i], widths[i], false);
    buffer_append_text(out, "\n|");
    for (int32_t i = first; i < stride; i++) {
        for (int32_t k = 0; k < widths[i] + 2; k++)
            buffer_append_char(out, '-');
        buffer_append_char(out, '|');
    }
    for (int32_t i = 0; i < table->cells.count; i++) {
        int32_t column = i % stride;
        if (column == 0)
            buffer_append_text(out, "\n|");
        bool is_right = column > 0 && type_is_numeric(schema->fields[column - 1].type);
        if (column >= first)
            print_cell(out, LIST_AT(table->cells, i, const char), widths[column], is_right);
    }
    buffer_printf(out, "\n%lld row%s\n", (long long)table->row_count,
                  table->row_count == 1 ? "" : "s");
}

ExitCode preview_print(Preview *preview)
{
    Buffer out = {0};
    for (int32_t i = 0; i < preview->table_count; i++) {
        if (i > 0)
            buffer_append_char(&out, '\n');
        preview_print_table(&preview->tables[i], &out);
        arena_free(preview->tables[i].arena);
    }
    ExitCode code = report_output(preview->cli, &out);
    buffer_free(&out);
    return code;
}
