/* Tables that are fed and captured.
 *
 * A table without a connector gets one here, whose changelog mode is what the case feeds. One with
 * a connector keeps what its connector says (options, metadata, which changes it gives and takes),
 * so that a pipeline is planned as it will run; only who reads and writes is another. */
#include <assert.h>

#include "trial/internal.h"

/* ---- What the case feeds ------------------------------------------------------------------- */

static bool name_means(Str written, Str name, Str path)
{
    if (str_equal(written, name) || str_equal(written, path))
        return true;
    int64_t before = path.length - written.length;
    return before > 0 && str_has_suffix(path, written) && path.data[before - 1] == '.';
}

static bool case_feeds(const TrialCase *test, Str name, Str path)
{
    for (int32_t i = 0; i < test->steps.count; i++) {
        const TrialStep *step = LIST_AT(test->steps, i, TrialStep);
        if (step->kind == STEP_FEED && name_means(step->table, name, path))
            return true;
    }
    return false;
}

static bool case_has_feed(const TrialCase *test)
{
    for (int32_t i = 0; i < test->steps.count; i++)
        if (LIST_AT(test->steps, i, TrialStep)->kind == STEP_FEED)
            return true;
    return false;
}

static void body_add_kinds(const SectionBody *body, ChangelogMode *mode)
{
    static const ChangelogMode bits[] = {
        [ROW_INSERT] = CHANGELOG_INSERT,
        [ROW_UPDATE_BEFORE] = CHANGELOG_UPDATE_BEFORE,
        [ROW_UPDATE_AFTER] = CHANGELOG_UPDATE_AFTER,
        [ROW_DELETE] = CHANGELOG_DELETE,
    };
    FedCursor cursor = fed_cursor(body);
    FedRow row;
    while (fed_next(&cursor, &row))
        *mode |= bits[row.kind];
}

/* "I,UB,UA,D" for the kinds of rows that the case feeds. */
static const char *case_mode(const TrialRun *run, Str name, Str path)
{
    ChangelogMode mode = CHANGELOG_INSERT;
    for (int32_t i = 0; i < run->test->steps.count; i++) {
        const TrialStep *step = LIST_AT(run->test->steps, i, TrialStep);
        if (step->kind == STEP_FEED && name_means(step->table, name, path))
            body_add_kinds(&step->body, &mode);
    }
    return arena_printf(run->arena, "I%s%s%s", mode & CHANGELOG_UPDATE_BEFORE ? ",UB" : "",
                        mode & CHANGELOG_UPDATE_AFTER ? ",UA" : "",
                        mode & CHANGELOG_DELETE ? ",D" : "");
}

/* ---- The connector of the test -------------------------------------------------------------- */

static bool mode_parse(Str text, ChangelogMode *out)
{
    static const struct {
        const char *name;
        ChangelogMode bit;
    } names[] = {{"I", CHANGELOG_INSERT},
                 {"UB", CHANGELOG_UPDATE_BEFORE},
                 {"UA", CHANGELOG_UPDATE_AFTER},
                 {"D", CHANGELOG_DELETE}};
    *out = 0;
    while (text.length > 0) {
        Str word = str_trim(str_split(text, ',', &text));
        ChangelogMode bit = 0;
        for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
            if (str_is(word, names[i].name))
                bit = names[i].bit;
        if (bit == 0)
            return false;
        *out |= bit;
    }
    return *out != 0;
}

static ChangelogMode feed_read_mode(const TableOptions *table)
{
    ChangelogMode mode;
    bool is_good = mode_parse(options_text(table->options, "changelog-mode"), &mode);
    return is_good ? mode : CHANGELOG_APPEND;
}

static ChangelogMode feed_write_mode(const TableOptions *table)
{
    return table->has_primary_key ? CHANGELOG_UPSERT : CHANGELOG_ALL;
}

static ChangelogMode collector_write_mode(const TableOptions *table)
{
    (void)table;
    return CHANGELOG_ALL;
}

static bool feed_looks_up(const TableOptions *table, LookupInfo *out)
{
    (void)table;
    *out = (LookupInfo){0};
    return true;
}

static bool feed_is_bounded(const TableOptions *table)
{
    (void)table;
    return true;
}

static Status feed_check(const TableCheck *check)
{
    ChangelogMode mode;
    if (mode_parse(options_text(check->table->options, "changelog-mode"), &mode))
        return OK;
    check->report(check->report_context, NULL, "WR3002",
                  "'changelog-mode' is a list of I, UB, UA and D", NULL);
    return ERR_INVALID;
}

static const MetadataSpec *feed_metadata(TrialRun *run, const StandInTable *table, int32_t *count)
{
    *count = 0;
    MetadataSpec *specs = ARENA_ARRAY(run->arena, MetadataSpec, table->column_count + 1);
    for (int32_t i = 0; i < table->column_count; i++) {
        const StandInColumn *column = &table->columns[i];
        if (column->metadata_key.data == NULL)
            continue;
        specs[(*count)++] = (MetadataSpec){
            .key = str_terminated(run->arena, column->metadata_key),
            .type = type_text(run->arena, column->type),
            .is_writable = !column->is_virtual,
        };
    }
    return specs;
}

static void trial_table_init_feed(TrialRun *run, TrialTable *self, const StandInTable *table)
{
    self->options[0] = (OptionSpec){.key = "changelog-mode",
                                    .type = OPTION_TEXT,
                                    .default_text = case_mode(run, table->name, table->path)};
    self->info = (ConnectorInfo){.name = "feed",
                                 .options = self->options,
                                 .option_count = 1,
                                 .can_read = true,
                                 .can_write = true,
                                 .guarantee = SINK_IDEMPOTENT,
                                 .looks_up = feed_looks_up,
                                 .is_bounded = feed_is_bounded,
                                 .read_mode = feed_read_mode,
                                 .write_mode = feed_write_mode,
                                 .check = feed_check};
    self->info.metadata = feed_metadata(run, table, &self->info.metadata_count);
}

static void trial_table_init(TrialRun *run, TrialTable *self, const StandInTable *table)
{
    self->run = run;
    self->name = table->name;
    self->path = table->path;
    self->columns = table->columns;
    self->column_count = table->column_count;
    self->has_own = table->connector != NULL;
    if (table->connector == NULL)
        trial_table_init_feed(run, self, table);
    else
        self->info = *table->connector;
    bool is_fed = run->test->pipeline.data != NULL || case_has_feed(run->test) ||
                  case_feeds(run->test, table->name, table->path) || table->is_sink;
    self->is_real = self->has_own && !is_fed;
    self->connector = (Connector){.info = &self->info,
                                  .source = &table_rows_source,
                                  .sink = &capture_sink,
                                  .lookup = &trial_lookup};
    if (self->is_real) {
        const Connector *own = connector_find(table->connector);
        assert(own != NULL);
        self->connector.source = own->source;
    }
    self->info.implementation = &self->connector;
    self->info.writes_in_place = false; /* what is captured has an order */
    Field *fields = ARENA_ARRAY(run->arena, Field, table->column_count + 1);
    for (int32_t i = 0; i < table->column_count; i++)
        fields[i] = (Field){table->columns[i].name, table->columns[i].type};
    self->fed = (Schema){.fields = fields, .count = table->column_count};
}

/* Asked again for the same declaration, not for another table of the name that has been dropped. */
static bool trial_table_is(const TrialTable *known, const StandInTable *table)
{
    if (!str_equal(known->path, table->path) || known->column_count != table->column_count ||
        known->has_own != (table->connector != NULL))
        return false;
    for (int32_t i = 0; i < known->column_count; i++) {
        const StandInColumn *a = &known->columns[i], *b = &table->columns[i];
        if (!str_equal(a->name, b->name) || !type_equal(a->type, b->type) ||
            !str_equal(a->metadata_key, b->metadata_key))
            return false;
    }
    return true;
}

const ConnectorInfo *trial_table_stand_in(void *context, const StandInTable *table)
{
    TrialRun *run = context;
    for (int32_t i = 0; i < run->tables.count; i++) {
        const TrialTable *known = LIST_AT(run->tables, i, TrialTable);
        if (trial_table_is(known, table))
            return &known->info;
    }
    TrialTable *self = ARENA_NEW(run->arena, TrialTable);
    trial_table_init(run, self, table);
    list_append(&run->tables, run->arena, self);
    return &self->info;
}

void trial_table_init_collector(TrialRun *run)
{
    TrialTable *self = &run->collector;
    self->run = run;
    self->info = (ConnectorInfo){.name = "collect",
                                 .can_write = true,
                                 .write_mode = collector_write_mode,
                                 .implementation = &self->connector};
    self->connector = (Connector){.info = &self->info, .sink = &capture_sink};
}

TrialTable *trial_table_of(const PlanTable *table)
{
    const Connector *connector = table->connector->implementation;
    if (connector == NULL || connector->sink != &capture_sink)
        return NULL;
    return (TrialTable *)(uintptr_t)table->connector;
}

TrialTable *trial_table_find(const TrialRun *run, Str name)
{
    for (int32_t i = 0; i < run->tables.count; i++) {
        TrialTable *table = LIST_AT(run->tables, i, TrialTable);
        if (name_means(name, table->name, table->path))
            return table;
    }
    return NULL;
}

/* ---- Rows ------------------------------------------------------------------------------------ */

int32_t trial_table_fed_index(const TrialTable *table, const PlanTable *plan, int32_t column)
{
    int32_t physical = 0;
    for (int32_t i = 0; i < table->column_count; i++) {
        Str key = table->columns[i].metadata_key;
        if (key.data == NULL && physical++ == column)
            return i;
        if (key.data != NULL && column < 0 &&
            metadata_is(&table->info, plan->options.format, -column - 1, key))
            return i;
    }
    assert(!"a source reads columns of its table");
    return -1;
}

/* Metadata come in the connector's type, which may be another than the declared one. */
void trial_table_finish(TrialRun *run, TrialTable *table)
{
    for (int32_t n = 0; n < run->plan->node_count; n++) {
        const PlanNode *node = run->plan->nodes[n];
        if (node->kind != PLAN_SOURCE || trial_table_of(node->source.table) != table)
            continue;
        for (int32_t c = 0; c < node->schema.count; c++) {
            int32_t index =
                trial_table_fed_index(table, node->source.table, node->source.columns[c]);
            Field *field = (Field *)&table->fed.fields[index];
            field->type = node->schema.fields[c].type;
        }
    }
}

Batch *trial_table_batch(const TrialTable *table, const PlanNode *source, const Value *const *rows,
                         const RowKind *kinds, int32_t count)
{
    assert(count <= BATCH_ROWS_MAX);
    Batch *batch = batch_new(&source->schema, count);
    bool has_kinds = false;
    for (int32_t i = 0; i < count; i++)
        has_kinds |= kinds[i] != ROW_INSERT;
    if (has_kinds)
        batch_need_kinds(batch, count);
    for (int32_t i = 0; i < count; i++) {
        for (int32_t c = 0; c < source->schema.count; c++) {
            const Value *value = &rows[i][trial_table_fed_index(table, source->source.table,
                                                                source->source.columns[c])];
            if (value->is_null)
                column_set_null(&batch->columns[c], batch->arena, i, count);
            else
                value_set(&batch->columns[c], batch->arena, i, count, value);
        }
        if (has_kinds)
            batch->kinds[i] = (uint8_t)kinds[i];
    }
    batch->row_count = count;
    batch_select_all(batch);
    return batch;
}
