/* A table's options against its connector's and format's tables. */
#include <assert.h>

#include "plan/internal.h"
#include "sql/sql.h"

static void entry_report(void *context, const OptionEntry *entry, const char *code,
                         const char *message, const char *help)
{
    void *const *both = context;
    Planner *planner = both[0];
    const TableEntry *table = both[1];
    Span span = table->span;
    if (entry != NULL && entry->span_end > 0)
        span = span_make(entry->span_start, entry->span_end);
    if (entry != NULL && entry->key_end > 0 && str_is(str_from(code), "WR3001"))
        span = span_make(entry->key_start, entry->key_end);
    Diagnostic *d = REPORT(planner, code, span, "%s", message);
    if (help != NULL)
        diagnostic_help(d, "%s", help);
    diagnostic_note(d, "in the options of table `%.*s`", STR_ARGS(table->table.name));
}

static OptionEntry *entry_option(TableEntry *entry, const char *key)
{
    for (int32_t i = 0; i < entry->option_count; i++) {
        if (str_is(entry->options[i].key, key))
            return &entry->options[i];
    }
    return NULL;
}

static void report_unknown(Planner *planner, const OptionEntry *option, const char *what,
                           const Str *names, int32_t count)
{
    Diagnostic *d = REPORT(planner, "WR3010", span_make(option->span_start, option->span_end),
                           "%s '%.*s' not found", what, STR_ARGS(option->value));
    diagnostic_suggest(d, names, count, option->value);
    Buffer list = {0};
    for (int32_t i = 0; i < count; i++)
        buffer_printf(&list, "%s%.*s", i > 0 ? ", " : "", STR_ARGS(names[i]));
    diagnostic_note(d, "%ss are %s", what, buffer_terminated(&list));
    buffer_free(&list);
}

/* An option whose key was surely meant to be `key`: the mistake to point at. */
static bool report_misspelt(Planner *planner, const TableEntry *entry, const char *key)
{
    Str wanted = str_from(key);
    for (int32_t i = 0; i < entry->option_count; i++) {
        const OptionEntry *option = &entry->options[i];
        if (str_edit_distance(option->key, wanted, 2) > 2)
            continue;
        Diagnostic *d = REPORT(planner, "WR3001", span_make(option->key_start, option->key_end),
                               "unsupported option `%.*s`", STR_ARGS(option->key));
        diagnostic_suggest(d, &wanted, 1, option->key);
        return true;
    }
    return false;
}

static const ConnectorInfo *entry_find_connector(Planner *planner, TableEntry *entry)
{
    const Registry *registry = planner->context->registry;
    const OptionEntry *option = entry_option(entry, "connector");
    if (option == NULL && report_misspelt(planner, entry, "connector"))
        return NULL;
    if (option == NULL) {
        Diagnostic *d =
            REPORT(planner, "WR3011", entry->span, "table `%.*s` has no 'connector' option",
                   STR_ARGS(entry->table.name));
        diagnostic_help(d, "add WITH ('connector' = '…', …); `weir connector list` shows them");
        return NULL;
    }
    Str *names = ARENA_ARRAY(planner->arena, Str, registry->connector_count + 1);
    for (int32_t i = 0; i < registry->connector_count; i++) {
        names[i] = str_from(registry->connectors[i]->name);
        if (str_equal(names[i], option->value))
            return registry->connectors[i];
    }
    report_unknown(planner, option, "connector", names, registry->connector_count);
    return NULL;
}

/* The format that the option names, or NULL after a report. */
static const FormatInfo *entry_named_format(Planner *planner, const OptionEntry *option)
{
    const Registry *registry = planner->context->registry;
    Str *names = ARENA_ARRAY(planner->arena, Str, registry->format_count + 1);
    for (int32_t i = 0; i < registry->format_count; i++) {
        names[i] = str_from(registry->formats[i]->name);
        if (str_equal(names[i], option->value))
            return registry->formats[i];
    }
    report_unknown(planner, option, "format", names, registry->format_count);
    return NULL;
}

/* Fills in the formats and their prefixes; false after a report. */
static bool entry_find_formats(Planner *planner, TableEntry *entry, const ConnectorInfo *connector)
{
    TableOptions *options = &entry->table.options;
    if (!connector->takes_format)
        return true;
    const OptionEntry *option = entry_option(entry, "format");
    bool is_value = false;
    if (option == NULL && connector->takes_key_format) {
        option = entry_option(entry, "value.format");
        is_value = option != NULL;
    }
    if (option == NULL) {
        if (!connector->needs_format)
            return true;
        if (report_misspelt(planner, entry, "format"))
            return false;
        Diagnostic *d = REPORT(planner, "WR3012", entry->span,
                               "table `%.*s` has no 'format' option", STR_ARGS(entry->table.name));
        diagnostic_help(d, "connector '%s' needs one, such as 'format' = 'json'", connector->name);
        return false;
    }
    options->format = entry_named_format(planner, option);
    if (options->format == NULL)
        return false;
    options->format_prefix =
        arena_printf(planner->arena, "%s%s.", is_value ? "value." : "", options->format->name);
    option = connector->takes_key_format ? entry_option(entry, "key.format") : NULL;
    if (option == NULL)
        return true;
    options->key_format = entry_named_format(planner, option);
    if (options->key_format == NULL)
        return false;
    options->key_prefix = arena_printf(planner->arena, "key.%s.", options->key_format->name);
    return true;
}

/* Keys that belong to every table. */
static const OptionSpec COMMON_OPTIONS[] = {
    {.key = "connector", .type = OPTION_TEXT},
};
static const OptionSpec FORMAT_OPTIONS[] = {
    {.key = "format", .type = OPTION_TEXT},
};
static const OptionSpec KEY_FORMAT_OPTIONS[] = {
    {.key = "value.format", .type = OPTION_TEXT},
    {.key = "key.format", .type = OPTION_TEXT},
};

static bool entry_bind_options(Planner *planner, TableEntry *entry, const ConnectorInfo *connector,
                               void *report_context)
{
    for (int32_t i = 0; i < entry->option_count; i++) {
        if (option_resolve(planner->context->world, planner->arena, &entry->options[i],
                           entry_report, report_context) != OK)
            return false;
    }
    TableOptions *options = &entry->table.options;
    OptionTable tables[6];
    int32_t count = 0;
    tables[count++] = (OptionTable){connector->options, connector->option_count, ""};
    tables[count++] = (OptionTable){COMMON_OPTIONS, 1, ""};
    if (connector->takes_format)
        tables[count++] = (OptionTable){FORMAT_OPTIONS, 1, ""};
    if (connector->takes_key_format)
        tables[count++] = (OptionTable){KEY_FORMAT_OPTIONS, 2, ""};
    if (options->format != NULL)
        tables[count++] = (OptionTable){options->format->options, options->format->option_count,
                                        options->format_prefix};
    if (options->key_format != NULL)
        tables[count++] = (OptionTable){options->key_format->options,
                                        options->key_format->option_count, options->key_prefix};
    OptionSet *set;
    const char *owner = arena_printf(planner->arena, "connector '%s'", connector->name);
    OptionRequest request = {.entries = entry->options,
                             .entry_count = entry->option_count,
                             .tables = tables,
                             .table_count = count,
                             .free_prefixes = connector->free_prefixes,
                             .owner = owner,
                             .report = entry_report,
                             .context = report_context};
    if (options_bind(planner->arena, &request, &set) != OK)
        return false;
    options->options = set;
    options->has_primary_key = entry->table.key_count > 0;
    return true;
}

/* What only weir's connector of this name knows, and what Flink would take literally. */
static void entry_name_extensions(Planner *planner, const TableEntry *entry,
                                  const ConnectorInfo *connector)
{
    const OptionSet *set = entry->table.options.options;
    for (int32_t i = 0; i < options_count(set); i++) {
        OptionEntry option = options_at(set, i);
        Span key = span_make(option.key_start, option.key_end);
        Span value = span_make(option.span_start, option.span_end);
        if (connector->is_extension && str_is(option.key, "connector"))
            EXTENSION(planner, CONNECTOR, value, connector->name);
        if (options_is_extension(set, i))
            EXTENSION(planner, OPTION, key, str_terminated(planner->arena, option.key));
        if (option.written.data != NULL)
            EXTENSION(planner, REFERENCE, value, str_terminated(planner->arena, option.written));
    }
}

/* ---- Metadata ------------------------------------------------------------------------------ */

int32_t metadata_count(const ConnectorInfo *connector, const FormatInfo *format)
{
    bool has_more = connector->takes_key_format && format != NULL;
    return connector->metadata_count + (has_more ? format->metadata_count : 0);
}

const MetadataSpec *metadata_at(const ConnectorInfo *connector, const FormatInfo *format,
                                int32_t index)
{
    assert(index >= 0 && index < metadata_count(connector, format));
    return index < connector->metadata_count ? &connector->metadata[index]
                                             : &format->metadata[index - connector->metadata_count];
}

bool metadata_is(const ConnectorInfo *connector, const FormatInfo *format, int32_t index, Str key)
{
    Str prefix = index < connector->metadata_count ? STR("") : STR("value.");
    if (!str_has_prefix(key, prefix))
        return false;
    key = str_make(key.data + prefix.length, key.length - prefix.length);
    return str_is(key, metadata_at(connector, format, index)->key);
}

const char *metadata_key(Arena *arena, const ConnectorInfo *connector, const FormatInfo *format,
                         int32_t index)
{
    const char *key = metadata_at(connector, format, index)->key;
    return index < connector->metadata_count ? key : arena_printf(arena, "value.%s", key);
}

static void report_metadata_key(Planner *planner, const TableEntry *entry,
                                const TableColumn *column, const ConnectorInfo *connector)
{
    Diagnostic *d = REPORT(planner, "WR3013", column->span,
                           "invalid metadata key '%.*s' in column `%.*s` of table `%.*s`",
                           STR_ARGS(column->metadata_key), STR_ARGS(column->field.name),
                           STR_ARGS(entry->table.name));
    const FormatInfo *format = entry->table.options.format;
    int32_t count = metadata_count(connector, format);
    Str *names = ARENA_ARRAY(planner->arena, Str, count + 1);
    Buffer list = {0};
    for (int32_t i = 0; i < count; i++) {
        names[i] = str_from(metadata_key(planner->arena, connector, format, i));
        buffer_printf(&list, "%s%.*s", i > 0 ? ", " : "", STR_ARGS(names[i]));
    }
    diagnostic_suggest(d, names, count, column->metadata_key);
    diagnostic_note(d, "connector '%s' has %s", connector->name,
                    count > 0 ? buffer_terminated(&list) : "no metadata");
    buffer_free(&list);
}

static bool entry_find_metadata(Planner *planner, TableEntry *entry, const ConnectorInfo *connector)
{
    bool is_good = true;
    const FormatInfo *format = entry->table.options.format;
    for (int32_t i = 0; i < entry->column_count; i++) {
        TableColumn *column = &entry->columns[i];
        if (column->kind != SQL_COLUMN_METADATA)
            continue;
        column->metadata = -1;
        for (int32_t m = 0; m < metadata_count(connector, format); m++) {
            if (metadata_is(connector, format, m, column->metadata_key))
                column->metadata = m;
        }
        if (column->metadata < 0) {
            report_metadata_key(planner, entry, column, connector);
            is_good = false;
            continue;
        }
        Type from = entry_metadata_type(planner, entry, column);
        if (type_is_poison(from) || cast_kind(from, column->field.type) == CAST_NONE) {
            REPORT(planner, "WR3014", column->span,
                   "metadata '%.*s' is %s and cannot be read as %s", STR_ARGS(column->metadata_key),
                   metadata_at(connector, format, column->metadata)->type,
                   type_text(planner->arena, type_nullable(column->field.type)));
            is_good = false;
        }
    }
    return is_good;
}

Type entry_metadata_type(Planner *planner, const TableEntry *entry, const TableColumn *column)
{
    const ConnectorInfo *connector = entry->table.connector;
    if (connector == NULL || column->metadata < 0)
        return type_poison();
    const char *text = metadata_at(connector, entry->table.options.format, column->metadata)->type;
    Source source = {.name = "metadata", .text = str_from(text), .allows_open_end = true};
    Diagnostics *diagnostics = diagnostics_new(planner->arena, &source);
    SqlType *type;
    if (sql_parse_type(&source, planner->arena, diagnostics, &type) != OK)
        return type_poison();
    return type->type;
}

/* The connector that stands in for `own` (NULL: the table names none), else that. */
static const ConnectorInfo *entry_stand_in(Planner *planner, TableEntry *entry, bool is_sink,
                                           const ConnectorInfo *own)
{
    if (planner->context->stand_in == NULL)
        return own;
    StandInColumn *columns = ARENA_ARRAY(planner->arena, StandInColumn, entry->column_count + 1);
    StandInTable *table = ARENA_NEW(planner->arena, StandInTable);
    *table = (StandInTable){.name = entry->table.name,
                            .path = entry->table.path,
                            .columns = columns,
                            .is_sink = is_sink,
                            .connector = own,
                            .options = entry->options,
                            .option_count = entry->option_count,
                            .key_count = entry->table.key_count};
    for (int32_t i = 0; i < entry->column_count; i++) {
        const TableColumn *column = &entry->columns[i];
        if (column->kind == SQL_COLUMN_COMPUTED)
            continue;
        columns[table->column_count++] = (StandInColumn){
            .name = column->field.name,
            .type = type_plain(column->field.type),
            .metadata_key = column->kind == SQL_COLUMN_METADATA ? column->metadata_key : (Str){0},
            .is_virtual = column->is_virtual,
        };
    }
    const ConnectorInfo *connector =
        planner->context->stand_in(planner->context->stand_in_context, table);
    return connector != NULL ? connector : own;
}

static bool entry_connect_for(Planner *planner, TableEntry *entry, bool is_sink)
{
    if (entry->state != ENTRY_UNCHECKED)
        return entry->state == ENTRY_GOOD;
    entry->state = ENTRY_BAD;
    const ConnectorInfo *connector = NULL;
    bool may_lack = planner->context->stand_in != NULL && entry_option(entry, "connector") == NULL;
    if (!may_lack && (connector = entry_find_connector(planner, entry)) == NULL)
        return false;
    connector = entry_stand_in(planner, entry, is_sink, connector);
    if (connector == NULL)
        connector = entry_find_connector(planner, entry);
    if (connector == NULL || !entry_find_formats(planner, entry, connector))
        return false;
    entry->table.connector = connector;
    void *report_context[2] = {planner, entry};
    bool is_good = entry_bind_options(planner, entry, connector, report_context);
    is_good &= entry_find_metadata(planner, entry, connector);
    if (is_good)
        entry_name_extensions(planner, entry, connector);
    entry->state = is_good ? ENTRY_GOOD : ENTRY_BAD;
    return is_good;
}

bool entry_connect(Planner *planner, TableEntry *entry)
{
    return entry_connect_for(planner, entry, false);
}

/* Which metadata columns of the table an INSERT gives values to. */
static int32_t entry_list_written(const TableEntry *entry, int32_t *out)
{
    int32_t count = 0;
    for (int32_t i = 0; i < entry->column_count; i++) {
        const TableColumn *column = &entry->columns[i];
        if (column->kind == SQL_COLUMN_METADATA && !column->is_virtual)
            out[count++] = column->metadata;
    }
    return count;
}

static bool entry_check(Planner *planner, TableEntry *entry, bool is_sink)
{
    const ConnectorInfo *connector = entry->table.connector;
    if (connector->check == NULL)
        return true;
    void *report_context[2] = {planner, entry};
    int32_t *written = ARENA_ARRAY(planner->arena, int32_t, entry->column_count + 1);
    TableCheck check = {.table = &entry->table.options,
                        .physical = &entry->table.physical,
                        .key = entry->table.key,
                        .key_count = entry->table.key_count,
                        .is_sink = is_sink,
                        .written = written,
                        .written_count = entry_list_written(entry, written),
                        .report = entry_report,
                        .report_context = report_context};
    return connector->check(&check) == OK;
}

bool entry_connect_lookup(Planner *planner, TableEntry *entry, const ColumnList *keys)
{
    if (!entry_connect(planner, entry))
        return false;
    const ConnectorInfo *connector = entry->table.connector;
    if (connector->check == NULL)
        return true;
    void *report_context[2] = {planner, entry};
    TableCheck check = {.table = &entry->table.options,
                        .physical = &entry->table.physical,
                        .key = entry->table.key,
                        .key_count = entry->table.key_count,
                        .is_lookup = true,
                        .lookup_keys = keys->columns,
                        .lookup_key_count = keys->count,
                        .report = entry_report,
                        .report_context = report_context};
    return connector->check(&check) == OK;
}

static bool source_check_bounded(Planner *planner, TableEntry *entry, Span span)
{
    const ConnectorInfo *connector = entry->table.connector;
    entry->is_bounded =
        connector->is_bounded != NULL && connector->is_bounded(&entry->table.options);
    if (!settings_is_batch(planner))
        return true;
    if (!entry->is_bounded) {
        Diagnostic *d = REPORT(planner, "WR2081", span,
                               "querying an unbounded table `%.*s` in batch mode is not allowed",
                               STR_ARGS(entry->table.name));
        diagnostic_help(d, "SET 'execution.runtime-mode' = 'streaming', or choose options with "
                           "which reading ends");
        return false;
    }
    if (entry->read_mode == CHANGELOG_APPEND)
        return true;
    REPORT(planner, "WR2082", span,
           "table `%.*s` gives a changelog; batch mode reads only tables of inserts",
           STR_ARGS(entry->table.name));
    return false;
}

bool entry_connect_source(Planner *planner, TableEntry *entry, Span span)
{
    if (entry->is_checked_as_source)
        return entry->is_good_as_source;
    entry->is_checked_as_source = true;
    if (!entry_connect(planner, entry))
        return false;
    const ConnectorInfo *connector = entry->table.connector;
    const FormatInfo *format = entry->table.options.format;
    if (!connector->can_read) {
        Diagnostic *d = REPORT(planner, "WR3015", span,
                               "connector '%s' can only be used %s: table `%.*s` cannot be read",
                               connector->name, connector->can_write ? "as a sink" : "for look-ups",
                               STR_ARGS(entry->table.name));
        if (connector->looks_up != NULL)
            diagnostic_help(d, "look it up: JOIN `%.*s` FOR SYSTEM_TIME AS OF o.proc_time ON …",
                            STR_ARGS(entry->table.name));
        return false;
    }
    if (format != NULL && format->decodes == 0) {
        REPORT(planner, "WR3016", span, "format '%s' cannot be read", format->name);
        return false;
    }
    if (connector->read_mode != NULL)
        entry->read_mode = connector->read_mode(&entry->table.options);
    else
        entry->read_mode = format != NULL ? format->decodes : CHANGELOG_APPEND;
    bool is_upsert = (entry->read_mode & CHANGELOG_UPDATE_AFTER) != 0 &&
                     (entry->read_mode & CHANGELOG_UPDATE_BEFORE) == 0;
    if (is_upsert && entry->table.key_count == 0) {
        REPORT(planner, "WR2083", span,
               "table `%.*s` gives updates without their old rows: it needs a PRIMARY KEY",
               STR_ARGS(entry->table.name));
        return false;
    }
    entry->is_good_as_source = source_check_bounded(planner, entry, span);
    entry->is_good_as_source &= entry_check(planner, entry, false);
    return entry->is_good_as_source;
}

bool entry_connect_sink(Planner *planner, TableEntry *entry, Span span)
{
    if (entry->is_checked_as_sink)
        return entry->is_good_as_sink;
    entry->is_checked_as_sink = true;
    if (!entry_connect_for(planner, entry, true))
        return false;
    const ConnectorInfo *connector = entry->table.connector;
    const FormatInfo *format = entry->table.options.format;
    if (!connector->can_write) {
        REPORT(planner, "WR3015", span,
               "connector '%s' can only be used %s: table `%.*s` cannot be written",
               connector->name, connector->can_read ? "as a source" : "for look-ups",
               STR_ARGS(entry->table.name));
        return false;
    }
    if (format != NULL && format->encodes == 0) {
        REPORT(planner, "WR3016", span, "format '%s' cannot be written", format->name);
        return false;
    }
    if (entry->distribution != NULL) {
        REPORT(planner, "WR2414", span, "connector '%s' does not write into buckets",
               connector->name);
        return false;
    }
    if (connector->write_mode != NULL)
        entry->write_mode = connector->write_mode(&entry->table.options);
    else
        entry->write_mode = format != NULL ? format->encodes : CHANGELOG_APPEND;
    entry->is_good_as_sink = entry_check(planner, entry, true);
    return entry->is_good_as_sink;
}
