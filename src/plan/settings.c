/* SET: every key of Flink's that a script may carry, and weir's own.
 *
 * Keys that are honoured have a type and are checked when they are set. Keys that only mean
 * something elsewhere (client display, batch tuning) are accepted as they are. Unknown keys are
 * accepted with a warning, because Flink does the same silently. */
#include <assert.h>

#include "plan/internal.h"

enum {
    PARALLELISM_MAX = 32768, /* as Flink has it; a job takes as many shards as it can have */
    RETAINED_MAX = 1000,
};

static const OptionSpec SETTINGS[] = {
    {.key = "execution.runtime-mode",
     .type = OPTION_ENUM,
     .default_text = "streaming",
     .choices = "streaming|batch|automatic"},
    {.key = "parallelism.default",
     .type = OPTION_INT,
     .default_text = "0",
     .least = 1,
     .most = PARALLELISM_MAX},
    {.key = "table.exec.resource.default-parallelism",
     .type = OPTION_INT,
     .default_text = "-1",
     .least = -1,
     .most = PARALLELISM_MAX},
    {.key = "pipeline.name", .type = OPTION_TEXT},
    {.key = "pipeline.auto-watermark-interval", .type = OPTION_DURATION, .default_text = "200 ms"},
    {.key = "table.local-time-zone", .type = OPTION_TEXT, .default_text = "default"},
    {.key = "table.dml-sync", .type = OPTION_BOOL, .default_text = "false"},
    {.key = "table.sql-dialect",
     .type = OPTION_ENUM,
     .default_text = "default",
     .choices = "default"},
    {.key = "table.dynamic-table-options.enabled", .type = OPTION_BOOL, .default_text = "true"},
    {.key = "table.exec.state.ttl", .type = OPTION_DURATION, .default_text = "0 ms"},
    {.key = "table.exec.source.idle-timeout", .type = OPTION_DURATION, .default_text = "0 ms"},
    {.key = "table.exec.source.cdc-events-duplicate", .type = OPTION_BOOL, .default_text = "false"},
    {.key = "table.exec.interval-join.min-cleanup-interval",
     .type = OPTION_DURATION,
     .default_text = "0 ms"},
    {.key = "table.exec.async-lookup.buffer-capacity", .type = OPTION_INT, .default_text = "100"},
    {.key = "table.exec.async-lookup.timeout", .type = OPTION_DURATION, .default_text = "3 min"},
    {.key = "table.exec.async-lookup.output-mode",
     .type = OPTION_ENUM,
     .default_text = "ordered",
     .choices = "ordered|allow_unordered"},
    {.key = "table.exec.deduplicate.insert-update-after-sensitive-enabled",
     .type = OPTION_BOOL,
     .default_text = "true"},
    {.key = "table.exec.emit.early-fire.enabled", .type = OPTION_BOOL, .default_text = "false"},
    {.key = "table.exec.emit.late-fire.enabled", .type = OPTION_BOOL, .default_text = "false"},
    {.key = "table.exec.mini-batch.enabled", .type = OPTION_BOOL, .default_text = "false"},
    {.key = "table.exec.mini-batch.allow-latency", .type = OPTION_DURATION, .default_text = "0 ms"},
    {.key = "table.exec.mini-batch.size", .type = OPTION_INT, .default_text = "-1"},
    {.key = "table.exec.sink.not-null-enforcer",
     .type = OPTION_ENUM,
     .default_text = "error",
     .choices = "error|drop"},
    {.key = "table.exec.sink.type-length-enforcer",
     .type = OPTION_ENUM,
     .default_text = "ignore",
     .choices = "ignore|trim_pad"}, /* ERROR came with Flink 2 */
    {.key = "table.exec.sink.upsert-materialize",
     .type = OPTION_ENUM,
     .default_text = "auto",
     .choices = "none|auto|force"},
    {.key = "table.exec.sink.keyed-shuffle",
     .type = OPTION_ENUM,
     .default_text = "auto",
     .choices = "none|auto|force"},
    {.key = "table.exec.sink.rowtime-inserter",
     .type = OPTION_ENUM,
     .default_text = "enabled",
     .choices = "enabled|disabled"},
    {.key = "table.exec.legacy-cast-behaviour",
     .type = OPTION_ENUM,
     .default_text = "disabled",
     .choices = "enabled|disabled"},
    {.key = "table.optimizer.non-deterministic-update.strategy",
     .type = OPTION_ENUM,
     .default_text = "ignore",
     .choices = "ignore|try_resolve"},
    {.key = "execution.checkpointing.interval", .type = OPTION_DURATION, .default_text = "0 ms"},
    {.key = "execution.checkpointing.mode",
     .type = OPTION_ENUM,
     .default_text = "exactly_once",
     .choices = "exactly_once|at_least_once"},
    {.key = "execution.checkpointing.timeout", .type = OPTION_DURATION, .default_text = "10 min"},
    {.key = "execution.checkpointing.min-pause", .type = OPTION_DURATION, .default_text = "0 ms"},
    {.key = "execution.checkpointing.max-concurrent-checkpoints",
     .type = OPTION_INT,
     .default_text = "1"},
    {.key = "execution.checkpointing.num-retained",
     .type = OPTION_INT,
     .default_text = "1",
     .least = 1,
     .most = RETAINED_MAX},
    {.key = "state.checkpoints.num-retained",
     .type = OPTION_INT,
     .default_text = "1",
     .least = 1,
     .most = RETAINED_MAX},
    {.key = "execution.checkpointing.incremental", .type = OPTION_BOOL, .default_text = "true"},
    {.key = "state.backend.incremental", .type = OPTION_BOOL, .default_text = "true"},
    {.key = "execution.checkpointing.tolerable-failed-checkpoints", .type = OPTION_INT},
    {.key = "execution.checkpointing.unaligned.enabled", .type = OPTION_BOOL},
    {.key = "execution.state-recovery.path", .type = OPTION_TEXT},
    {.key = "execution.savepoint.path", .type = OPTION_TEXT},
    {.key = "execution.state-recovery.ignore-unclaimed-state",
     .type = OPTION_BOOL,
     .default_text = "false"},
    {.key = "execution.savepoint.ignore-unclaimed-state",
     .type = OPTION_BOOL,
     .default_text = "false"},
    {.key = "execution.checkpointing.dir", .type = OPTION_TEXT},
    {.key = "state.checkpoints.dir", .type = OPTION_TEXT},
    {.key = "execution.checkpointing.savepoint-dir", .type = OPTION_TEXT},
    {.key = "state.savepoints.dir", .type = OPTION_TEXT},
    {.key = "s3.access-key", .type = OPTION_TEXT, .is_secret = true},
    {.key = "s3.access.key", .type = OPTION_TEXT, .is_secret = true},
    {.key = "s3.secret-key", .type = OPTION_TEXT, .is_secret = true},
    {.key = "s3.secret.key", .type = OPTION_TEXT, .is_secret = true},
    {.key = "s3.session-token", .type = OPTION_TEXT, .is_secret = true},
    {.key = "s3.session.token", .type = OPTION_TEXT, .is_secret = true},
    {.key = "s3.endpoint", .type = OPTION_TEXT},
    {.key = "s3.region", .type = OPTION_TEXT},
    {.key = "s3.endpoint.region", .type = OPTION_TEXT},
    {.key = "s3.path.style.access", .type = OPTION_BOOL},
    {.key = "s3.path-style-access", .type = OPTION_BOOL},
    {.key = "state.backend.type",
     .type = OPTION_ENUM,
     .default_text = "hashmap",
     .choices = "hashmap|rocksdb|forst"},
    {.key = "state.backend.rocksdb.memory.fixed-per-slot",
     .type = OPTION_BYTES,
     .default_text = "0"},
    {.key = "restart-strategy.type",
     .type = OPTION_ENUM,
     .choices = "none|off|disable|fixed-delay|failure-rate|exponential-delay"},
    {.key = "restart-strategy.fixed-delay.attempts", .type = OPTION_INT},
    {.key = "restart-strategy.fixed-delay.delay", .type = OPTION_DURATION},
    {.key = "weir.memory.limit", .type = OPTION_BYTES, .default_text = "0"},
    {.key = "weir.http.listen", .type = OPTION_TEXT},
    {.key = "weir.dead-letters.max", .type = OPTION_INT, .default_text = "0", .most = INT64_MAX},
    {.key = "weir.dead-letters.max-per-minute",
     .type = OPTION_INT,
     .default_text = "0",
     .most = INT64_MAX},
};
enum { SETTING_COUNT = sizeof SETTINGS / sizeof SETTINGS[0] };

/* Known to Flink, without effect here. */
static const char *const ACCEPTED[] = {
    "pipeline.max-parallelism",
    "pipeline.object-reuse",
    "pipeline.operator-chaining.enabled",
    "pipeline.operator-chaining",
    "table.column-expansion-strategy",
    "table.display.max-column-width",
    "table.exec.deduplicate.mini-batch.compact-changes-enabled",
    "table.exec.rank.topn-cache-size",
    "table.exec.simplify-operator-name-enabled",
    "table.exec.uid.generation",
    "table.optimizer.agg-phase-strategy",
    "table.optimizer.distinct-agg.split.enabled",
    "table.optimizer.distinct-agg.split.bucket-num",
    "table.optimizer.incremental-agg-enabled",
    "table.optimizer.join-reorder-enabled",
    "table.optimizer.reuse-sub-plan-enabled",
    "table.optimizer.reuse-source-enabled",
    "table.optimizer.union-all-as-breakpoint-enabled",
    "table.optimizer.dynamic-filtering.enabled",
    "table.optimizer.multi-join.enabled",
    "table.builtin-catalog-name",
    "table.builtin-database-name",
    "table.plan.force-recompile",
    "table.rtas-ctas.atomicity-enabled",
    "table.exec.emit.early-fire.delay",
    "table.exec.emit.late-fire.delay",
    "table.exec.emit.allow-lateness",
    "table.exec.disabled-operators",
    "table.exec.operator-fusion-codegen.enabled",
    "table.exec.window-agg.buffer-size-limit",
    "table.optimizer.join.broadcast-threshold",
    "table.optimizer.bushy-join-reorder-threshold",
    "table.optimizer.multiple-input-enabled",
    "table.optimizer.source.report-statistics-enabled",
    "execution.checkpointing.unaligned",
    "execution.checkpointing.aligned-checkpoint-timeout",
    "execution.checkpointing.externalized-checkpoint-retention",
    "execution.checkpointing.storage",
    "execution.checkpointing.checkpoints-after-tasks-finish",
    "execution.checkpointing.interval-during-backlog",
    "execution.checkpointing.local-backup.enabled",
    "execution.state-recovery.claim-mode",
    "state.backend",
    "state.backend.local-recovery",
    "state.checkpoint-storage",
    "restart-strategy",
    "restart-strategy.failure-rate.max-failures-per-interval",
    "restart-strategy.failure-rate.failure-rate-interval",
    "restart-strategy.failure-rate.delay",
    "restart-strategy.exponential-delay.initial-backoff",
    "restart-strategy.exponential-delay.max-backoff",
    "restart-strategy.exponential-delay.backoff-multiplier",
    "restart-strategy.exponential-delay.jitter-factor",
    "restart-strategy.exponential-delay.reset-backoff-threshold",
    "restart-strategy.exponential-delay.attempts-before-reset-backoff",
};
enum { ACCEPTED_COUNT = sizeof ACCEPTED / sizeof ACCEPTED[0] };

static const char *const ACCEPTED_PREFIXES[] = {
    "table.exec.sort.",
    "table.exec.spill-compression.",
    "table.exec.local-hash-agg.",
    "table.exec.async-scalar.",
    "table.optimizer.runtime-filter.",
    "sql-client.",
    "sql-gateway.",
    "taskmanager.",
    "jobmanager.",
    "rest.",
    "metrics.",
    "env.",
    "state.backend.rocksdb.",
};
enum { ACCEPTED_PREFIX_COUNT = sizeof ACCEPTED_PREFIXES / sizeof ACCEPTED_PREFIXES[0] };

static const OptionSpec *setting_find(Str key)
{
    for (int32_t i = 0; i < SETTING_COUNT; i++) {
        if (str_is(key, SETTINGS[i].key))
            return &SETTINGS[i];
    }
    return NULL;
}

void settings_names(Arena *arena, List *out)
{
    for (int32_t i = 0; i < SETTING_COUNT + ACCEPTED_COUNT; i++) {
        Str *key = ARENA_NEW(arena, Str);
        *key = str_from(i < SETTING_COUNT ? SETTINGS[i].key : ACCEPTED[i - SETTING_COUNT]);
        list_append(out, arena, key);
    }
}

static bool setting_is_accepted(Str key)
{
    for (int32_t i = 0; i < ACCEPTED_COUNT; i++) {
        if (str_is(key, ACCEPTED[i]))
            return true;
    }
    for (int32_t i = 0; i < ACCEPTED_PREFIX_COUNT; i++) {
        if (str_has_prefix(key, str_from(ACCEPTED_PREFIXES[i])))
            return true;
    }
    return false;
}

static void setting_warn_unknown(Planner *planner, const SqlOption *option)
{
    Diagnostic *d =
        WARN(planner, "WR2011", option->key_span, "unknown setting `%.*s`", STR_ARGS(option->key));
    Str names[SETTING_COUNT + ACCEPTED_COUNT];
    for (int32_t i = 0; i < SETTING_COUNT; i++)
        names[i] = str_from(SETTINGS[i].key);
    for (int32_t i = 0; i < ACCEPTED_COUNT; i++)
        names[SETTING_COUNT + i] = str_from(ACCEPTED[i]);
    if (!diagnostic_suggest(d, names, SETTING_COUNT + ACCEPTED_COUNT, option->key))
        diagnostic_note(d, "it is kept, but nothing reads it");
}

typedef struct SettingReport {
    Planner *planner;
    Span span;
} SettingReport;

static void setting_report(void *context, const OptionEntry *entry, const char *code,
                           const char *message, const char *help)
{
    (void)entry;
    (void)code;
    SettingReport *report = context;
    Diagnostic *d = REPORT(report->planner, "WR2012", report->span, "%s", message);
    if (help != NULL)
        diagnostic_help(d, "%s", help);
}

/* The value checked by the key's type, as it is to be kept; NULL after a report. What opens a
 * bucket may be a reference, as in WITH. */
static const char *setting_check(Planner *planner, const SqlOption *option, const OptionSpec *spec)
{
    OptionEntry entry = {.key = option->key, .value = option->value};
    OptionTable table = {.specs = spec, .count = 1, .prefix = ""};
    SettingReport report = {planner, option->value_span};
    OptionSet *set;
    if (str_has_prefix(option->key, STR("s3.")) &&
        option_resolve(planner->context->world, planner->arena, &entry, setting_report, &report) !=
            OK)
        return NULL;
    OptionRequest request = {.entries = &entry,
                             .entry_count = 1,
                             .tables = &table,
                             .table_count = 1,
                             .owner = "SET",
                             .report = setting_report,
                             .context = &report};
    if (options_bind(planner->arena, &request, &set) != OK)
        return NULL;
    return str_terminated(planner->arena, options_at(set, 0).value);
}

/* State is found by the pipeline's name. */
static bool setting_check_name(Planner *planner, const SqlOption *option)
{
    if (!str_is(option->key, "pipeline.name") || str_trim(option->value).length > 0)
        return true;
    Diagnostic *d = REPORT(planner, "WR2012", option->value_span, "`pipeline.name` is empty");
    diagnostic_help(d, "give it a name, or leave it out: then the script's file names it");
    return false;
}

static bool setting_check_zone(Planner *planner, const SqlOption *option)
{
    if (!str_is(option->key, "table.local-time-zone") || str_is(option->value, "default"))
        return true;
    const TimeZone *zone;
    Error error = {0};
    if (timezone_find(planner->context->world, option->value, &zone, &error) == OK)
        return true;
    Diagnostic *d = REPORT(planner, "WR2012", option->value_span, "%s", error.text);
    diagnostic_help(d, "%s",
                    error.hint[0] != '\0' ? error.hint
                                          : "write a name such as 'Europe/Berlin', or 'GMT+02:00'");
    return false;
}

/* Savepoints are locations, too, but only looked for when they are needed. */
static bool setting_check_location(Planner *planner, const SqlOption *option)
{
    static const char *const keys[] = {"execution.checkpointing.dir", "state.checkpoints.dir",
                                       "execution.checkpointing.savepoint-dir",
                                       "state.savepoints.dir"};
    bool is_location = false;
    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++)
        is_location = is_location || str_is(option->key, keys[i]);
    Error error = {0};
    if (!is_location || option->value.length == 0 ||
        store_location_check(str_terminated(planner->arena, option->value), &error) == OK)
        return true;
    Diagnostic *d = REPORT(planner, "WR2012", option->value_span, "%s", error.text);
    if (error.hint[0] != '\0')
        diagnostic_help(d, "%s", error.hint);
    return false;
}

/* One setting of the script or the command line into `map`, if it is right. */
static void setting_put(Planner *planner, Map *map, const SqlOption *option)
{
    const OptionSpec *spec = setting_find(option->key);
    const char *value = str_terminated(planner->arena, option->value);
    if (spec != NULL) {
        value = setting_check(planner, option, spec);
        if (value == NULL || !setting_check_name(planner, option) ||
            !setting_check_zone(planner, option) || !setting_check_location(planner, option))
            return;
    } else if (!setting_is_accepted(option->key)) {
        setting_warn_unknown(planner, option);
    }
    if (value != NULL)
        value = str_terminated(planner->session->arena, str_from(value));
    map_put(map, option->key, (void *)value);
}

void settings_override(Planner *planner)
{
    for (int32_t i = 0; i < planner->context->override_count; i++) {
        const OptionEntry *entry = &planner->context->overrides[i];
        SqlOption option = {.key = entry->key, .value = entry->value};
        /* The key alone is the text that is shown: the value may be a secret. */
        Source *source = ARENA_NEW(planner->session->arena, Source);
        *source = (Source){.name = "-D", .text = entry->key};
        option.key_span = span_make(0, (int32_t)entry->key.length);
        option.value_span = option.key_span;
        diagnostics_set_source(planner->diagnostics, source);
        setting_put(planner, planner->session->overrides, &option);
    }
}

/* Every key that was set, in a map of the plan's own: later statements do not change it. */
static Map *settings_given(const Planner *planner)
{
    const PlanSession *session = planner->session;
    const Map *const maps[] = {session->initial, session->settings, session->overrides};
    Map *given = map_new(planner->arena);
    for (size_t m = 0; m < sizeof maps / sizeof maps[0]; m++) {
        for (int32_t i = 0; i < map_count(maps[m]); i++)
            map_put(given, map_key_at(maps[m], i), map_value_at(maps[m], i));
    }
    return given;
}

/* SET; */
static void settings_show(Planner *planner)
{
    static const char *const heads[] = {"key", "value"};
    StatementResult *result = result_new(planner, heads, 2);
    const Map *given = settings_given(planner);
    for (int32_t i = 0; i < map_count(given); i++) {
        const OptionSpec *spec = setting_find(map_key_at(given, i));
        bool is_secret = spec != NULL && spec->is_secret;
        Str cells[2] = {map_key_at(given, i),
                        is_secret ? STR("******") : str_from(map_value_at(given, i))};
        result_add(planner, result, cells);
    }
    result_sort(result);
}

void session_configure(PlanSession *session, Diagnostics *diagnostics, Str key, Str value)
{
    Planner planner;
    planner_begin(&planner, session, session->arena, diagnostics);
    SqlOption option = {.key = key, .value = value};
    setting_put(&planner, session->initial, &option);
}

void settings_set(Planner *planner, const SqlSetting *setting)
{
    if (!setting->has_key) {
        settings_show(planner);
        return;
    }
    setting_put(planner, planner->session->settings, &setting->option);
    if (str_has_prefix(setting->option.key, STR("weir.")))
        EXTENSION(planner, SETTING, setting->option.key_span,
                  str_terminated(planner->arena, setting->option.key));
}

void settings_reset(Planner *planner, const SqlSetting *setting)
{
    PlanSession *session = planner->session;
    if (!setting->has_key)
        session->settings = map_new(session->arena);
    else
        map_remove(session->settings, setting->option.key);
}

const char *session_setting(const PlanSession *session, const char *key)
{
    const Map *const maps[] = {session->overrides, session->settings, session->initial};
    for (size_t i = 0; i < sizeof maps / sizeof maps[0]; i++) {
        const char *value = map_find(maps[i], str_from(key));
        if (value != NULL)
            return value;
    }
    const OptionSpec *spec = setting_find(str_from(key));
    return spec != NULL ? spec->default_text : NULL;
}

const char *settings_text(const Planner *planner, const char *key)
{
    assert(setting_find(str_from(key)) != NULL);
    return session_setting(planner->session, key);
}

int64_t settings_duration_us(const Planner *planner, const char *key)
{
    int64_t value = 0;
    bool is_parsed = duration_parse(str_from(settings_text(planner, key)), &value);
    assert(is_parsed);
    return value;
}

static int64_t settings_int(const Planner *planner, const char *key)
{
    int64_t value = 0;
    bool is_parsed = str_parse_int64(str_trim(str_from(settings_text(planner, key))), &value);
    assert(is_parsed);
    return value;
}

bool settings_is(const Planner *planner, const char *key, const char *value)
{
    return str_equal_ignoring_case(str_from(settings_text(planner, key)), str_from(value));
}

bool settings_is_batch(const Planner *planner)
{
    return settings_is(planner, "execution.runtime-mode", "batch");
}

const TimeZone *settings_zone(const Planner *planner)
{
    const TimeZone *zone = timezone_utc();
    const char *name = settings_text(planner, "table.local-time-zone");
    if (str_is(str_from(name), "default"))
        name = world_environment(planner->context->world, "TZ");
    Error error = {0};
    if (name == NULL || name[0] == '\0' ||
        timezone_find(planner->context->world, str_from(name), &zone, &error) != OK)
        return timezone_utc();
    return zone;
}

/* Flink gave its keys new names and still takes the old ones. */
static const char *settings_new_or_old(const Planner *planner, const char *name, const char *old)
{
    return map_find(settings_given(planner), str_from(name)) != NULL ? name : old;
}

/* What either of two names says. */
static const char *settings_either(const Planner *planner, const char *name, const char *old)
{
    return settings_text(planner, settings_new_or_old(planner, name, old));
}

static StoreOptions settings_store(const Planner *planner)
{
    const char *in_path = settings_either(planner, "s3.path.style.access", "s3.path-style-access");
    StoreAddressing addressing = STORE_ADDRESSING_AUTO;
    if (in_path != NULL)
        addressing = str_equal_ignoring_case(str_from(in_path), STR("true"))
                         ? STORE_ADDRESSING_PATH
                         : STORE_ADDRESSING_HOST;
    return (StoreOptions){
        .access_key = settings_either(planner, "s3.access-key", "s3.access.key"),
        .secret_key = settings_either(planner, "s3.secret-key", "s3.secret.key"),
        .session_token = settings_either(planner, "s3.session-token", "s3.session.token"),
        .region = settings_either(planner, "s3.region", "s3.endpoint.region"),
        .endpoint = settings_text(planner, "s3.endpoint"),
        .addressing = addressing,
    };
}

static int64_t settings_bytes(Planner *planner, const char *key)
{
    int64_t bytes = 0;
    bool is_parsed = bytes_parse(str_from(settings_text(planner, key)), &bytes);
    assert(is_parsed);
    return bytes;
}

void settings_finish(Planner *planner, PlanSettings *out)
{
    int64_t parallelism = settings_int(planner, "table.exec.resource.default-parallelism");
    if (parallelism < 1)
        parallelism = settings_int(planner, "parallelism.default");
    Map *all = settings_given(planner);
    const char *retained = settings_new_or_old(planner, "execution.checkpointing.num-retained",
                                               "state.checkpoints.num-retained");
    const char *incremental = settings_new_or_old(planner, "execution.checkpointing.incremental",
                                                  "state.backend.incremental");
    const char *unclaimed =
        settings_new_or_old(planner, "execution.state-recovery.ignore-unclaimed-state",
                            "execution.savepoint.ignore-unclaimed-state");
    *out = (PlanSettings){
        .pipeline_name = settings_text(planner, "pipeline.name"),
        .is_batch = settings_is_batch(planner),
        .parallelism = parallelism > 0 ? (int32_t)parallelism : 0,
        .checkpoint_interval_us = settings_duration_us(planner, "execution.checkpointing.interval"),
        .checkpoint_timeout_us = settings_duration_us(planner, "execution.checkpointing.timeout"),
        .checkpoint_min_pause_us =
            settings_duration_us(planner, "execution.checkpointing.min-pause"),
        .checkpoints_retained = (int32_t)settings_int(planner, retained),
        .checkpoints_incremental = settings_is(planner, incremental, "true"),
        .checkpoint_dir =
            settings_either(planner, "execution.checkpointing.dir", "state.checkpoints.dir"),
        .savepoint_dir = settings_either(planner, "execution.checkpointing.savepoint-dir",
                                         "state.savepoints.dir"),
        .store = settings_store(planner),
        .recovery_path =
            settings_either(planner, "execution.state-recovery.path", "execution.savepoint.path"),
        .ignores_unclaimed_state = settings_is(planner, unclaimed, "true"),
        .zone = settings_zone(planner),
        .watermark_interval_us = settings_duration_us(planner, "pipeline.auto-watermark-interval"),
        .idle_timeout_us = settings_duration_us(planner, "table.exec.source.idle-timeout"),
        .state_ttl_us = settings_duration_us(planner, "table.exec.state.ttl"),
        .memory_limit_bytes = settings_bytes(planner, "weir.memory.limit"),
        .state_memory_bytes =
            settings_bytes(planner, "state.backend.rocksdb.memory.fixed-per-slot"),
        .spills_state = !settings_is(planner, "state.backend.type", "hashmap"),
        .may_spill_state = all == NULL || map_find(all, STR("state.backend.type")) == NULL,
        .letters_max = settings_int(planner, "weir.dead-letters.max"),
        .letters_max_per_minute = settings_int(planner, "weir.dead-letters.max-per-minute"),
        .all = all,
    };
}
