/* weir connector: what there is to read from and write to, from the option tables. */
#include "base/json.h"
#include "cli/cli.h"
#include "connect/connect.h"
#include "format/format.h"
#include "sql/diagnostics.h"

static const char *type_name(OptionType type)
{
    switch (type) {
    case OPTION_TEXT: return "text";
    case OPTION_INT: return "integer";
    case OPTION_DOUBLE: return "number";
    case OPTION_BOOL: return "boolean";
    case OPTION_DURATION: return "duration";
    case OPTION_BYTES: return "size";
    case OPTION_ENUM: return "choice";
    }
    return "";
}

static const char *guarantee_name(SinkGuarantee guarantee)
{
    switch (guarantee) {
    case SINK_AT_LEAST_ONCE: return "at-least-once";
    case SINK_IDEMPOTENT: return "idempotent by key";
    case SINK_TRANSACTIONAL: return "transactional with the checkpoint";
    }
    return "";
}

static const char *directions(const ConnectorInfo *info)
{
    static const char *const names[] = {
        "",       "source",         "sink",         "source, sink",
        "lookup", "source, lookup", "sink, lookup", "source, sink, lookup"};
    return names[info->can_read + 2 * info->can_write + 4 * (info->looks_up != NULL)];
}

/* ---- Text -------------------------------------------------------------------------------- */

static void print_options(Buffer *out, const OptionSpec *options, int32_t count, const char *prefix)
{
    for (int32_t i = 0; i < count; i++) {
        const OptionSpec *option = &options[i];
        buffer_printf(out, "  '%s%s'  %s", prefix, option->key, type_name(option->type));
        if (option->choices != NULL)
            buffer_printf(out, " (%s)", option->choices);
        if (option->is_required)
            buffer_append_text(out, ", required");
        else if (option->default_text != NULL)
            buffer_printf(out, ", default %s",
                          option->default_text[0] == '\0' ? "''" : option->default_text);
        if (option->is_secret)
            buffer_append_text(out, ", secret");
        buffer_printf(out, "\n      %s\n", option->help == NULL ? "" : option->help);
    }
}

static void print_metadata(Buffer *out, const MetadataSpec *metadata, int32_t count,
                           const char *prefix)
{
    if (count > 0)
        buffer_append_text(out, "\nMetadata columns:\n");
    for (int32_t i = 0; i < count; i++)
        buffer_printf(out, "  '%s%s'  %s%s\n      %s\n", prefix, metadata[i].key, metadata[i].type,
                      metadata[i].is_writable ? ", writable" : "",
                      metadata[i].help == NULL ? "" : metadata[i].help);
}

static void print_connector(Buffer *out, const ConnectorInfo *info)
{
    buffer_printf(out, "%s (%s)\n  %s\n", info->name, directions(info), info->summary);
    if (info->can_write)
        buffer_printf(out, "  Writing is %s.\n", guarantee_name(info->guarantee));
    if (info->is_extension)
        buffer_append_text(out, "  Not one of Flink's connectors.\n");
    if (info->option_count > 0)
        buffer_append_text(out, "\nOptions:\n");
    print_options(out, info->options, info->option_count, "");
    print_metadata(out, info->metadata, info->metadata_count, "");
    if (!info->takes_format)
        return;
    for (int32_t i = 0; i < format_count(); i++) {
        const FormatInfo *format = &format_at(i)->info;
        char prefix[64];
        snprintf(prefix, sizeof prefix, "%s.", format->name);
        buffer_printf(out, "\nFormat '%s': %s\n", format->name, format->summary);
        print_options(out, format->options, format->option_count, prefix);
        if (info->takes_key_format)
            print_metadata(out, format->metadata, format->metadata_count, "value.");
    }
}

/* ---- JSON -------------------------------------------------------------------------------- */

static void write_text(JsonWriter *json, const char *key, const char *value)
{
    json_key(json, key);
    if (value == NULL)
        json_null(json);
    else
        json_text(json, value);
}

static void write_options(JsonWriter *json, const OptionSpec *options, int32_t count)
{
    json_key(json, "options");
    json_begin_array(json);
    for (int32_t i = 0; i < count; i++) {
        json_begin_object(json);
        write_text(json, "key", options[i].key);
        write_text(json, "type", type_name(options[i].type));
        write_text(json, "default", options[i].default_text);
        write_text(json, "choices", options[i].choices);
        json_key(json, "required");
        json_bool(json, options[i].is_required);
        json_key(json, "secret");
        json_bool(json, options[i].is_secret);
        write_text(json, "help", options[i].help);
        json_end_object(json);
    }
    json_end_array(json);
}

static void write_metadata(JsonWriter *json, const MetadataSpec *metadata, int32_t count)
{
    json_key(json, "metadata");
    json_begin_array(json);
    for (int32_t i = 0; i < count; i++) {
        json_begin_object(json);
        write_text(json, "key", metadata[i].key);
        write_text(json, "type", metadata[i].type);
        json_key(json, "writable");
        json_bool(json, metadata[i].is_writable);
        write_text(json, "help", metadata[i].help);
        json_end_object(json);
    }
    json_end_array(json);
}

/* Option keys of a format stand behind its name: json.ignore-parse-errors. */
static void write_formats(JsonWriter *json, const ConnectorInfo *info)
{
    json_key(json, "formats");
    json_begin_array(json);
    for (int32_t i = 0; info->takes_format && i < format_count(); i++) {
        const FormatInfo *format = &format_at(i)->info;
        json_begin_object(json);
        write_text(json, "name", format->name);
        write_text(json, "summary", format->summary);
        write_options(json, format->options, format->option_count);
        write_metadata(json, format->metadata, format->metadata_count);
        json_end_object(json);
    }
    json_end_array(json);
}

static void write_connector(JsonWriter *json, const ConnectorInfo *info, bool has_details)
{
    json_begin_object(json);
    if (has_details)
        write_text(json, "schema", "weir.v1.Connector");
    write_text(json, "name", info->name);
    write_text(json, "summary", info->summary);
    json_key(json, "source");
    json_bool(json, info->can_read);
    json_key(json, "sink");
    json_bool(json, info->can_write);
    json_key(json, "lookup");
    json_bool(json, info->looks_up != NULL);
    write_text(json, "guarantee", info->can_write ? guarantee_name(info->guarantee) : NULL);
    json_key(json, "extension");
    json_bool(json, info->is_extension);
    if (has_details) {
        write_options(json, info->options, info->option_count);
        write_metadata(json, info->metadata, info->metadata_count);
        write_formats(json, info);
    }
    json_end_object(json);
}

/* ---- The command ------------------------------------------------------------------------- */

static ExitCode connector_list(Cli *cli)
{
    Buffer text = {0};
    JsonWriter json = {.out = &text};
    if (cli->is_json) {
        json_begin_object(&json);
        write_text(&json, "schema", "weir.v1.ConnectorList");
        json_key(&json, "items");
        json_begin_array(&json);
    }
    for (int32_t i = 0; i < connector_count(); i++) {
        const ConnectorInfo *info = connector_at(i)->info;
        if (cli->is_json)
            write_connector(&json, info, false);
        else
            buffer_printf(&text, "%-12s %-20s %s\n", info->name, directions(info), info->summary);
    }
    if (cli->is_json) {
        json_end_array(&json);
        json_end_object(&json);
        buffer_append_char(&text, '\n');
    }
    ExitCode code = report_output(cli, &text);
    buffer_free(&text);
    return code;
}

static ExitCode connector_doc(Cli *cli, const char *name)
{
    Str names[64];
    for (int32_t i = 0; i < connector_count(); i++) {
        const ConnectorInfo *info = connector_at(i)->info;
        names[i] = str_from(info->name);
        if (strcmp(info->name, name) != 0)
            continue;
        Buffer text = {0};
        JsonWriter json = {.out = &text};
        if (cli->is_json) {
            write_connector(&json, info, true);
            buffer_append_char(&text, '\n');
        } else {
            print_connector(&text, info);
        }
        ExitCode code = report_output(cli, &text);
        buffer_free(&text);
        return code;
    }
    Str best[SUGGESTIONS_MAX];
    const char *help = "`weir connector list` shows all";
    if (diagnostics_find_similar(names, connector_count(), str_from(name), best) > 0)
        help = arena_printf(cli->arena, "did you mean `%.*s`?", STR_ARGS(best[0]));
    return report_usage(cli, "WR7004", help, "there is no connector `%s`", name);
}

static ExitCode connector_run(Cli *cli)
{
    const char *verb = LIST_AT(cli->arguments, 0, const char);
    if (strcmp(verb, "list") == 0 && cli->arguments.count == 1)
        return connector_list(cli);
    if (strcmp(verb, "doc") == 0 && cli->arguments.count == 2)
        return connector_doc(cli, LIST_AT(cli->arguments, 1, const char));
    return report_usage(cli, "WR7003", "weir connector list, or weir connector doc NAME",
                        "`weir connector` takes other arguments than these");
}

const Command connector_command = {
    .name = "connector",
    .arguments = "list | doc NAME",
    .summary = "List connectors, or show the options of one.",
    .argument_min = 1,
    .argument_max = 2,
    .run = connector_run,
};
