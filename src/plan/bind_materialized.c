/* CREATE MATERIALIZED TABLE: a query kept up to date under a key, served to readers. */
#include <assert.h>

#include "plan/internal.h"

/* What WITH may say: our addition to Flink's statement. */
static const OptionSpec MATERIALIZED_OPTIONS[] = {
    {.key = "ttl",
     .type = OPTION_DURATION,
     .default_text = "0 ms",
     .help = "how long a row is kept after its last change; 0: for good"},
};

static void materialized_report(void *context, const OptionEntry *entry, const char *code,
                                const char *message, const char *help)
{
    Planner *planner = context;
    Span span = entry != NULL ? span_make(entry->span_start, entry->span_end) : (Span){0};
    Diagnostic *d = REPORT(planner, code, span, "%s", message);
    if (help != NULL)
        diagnostic_help(d, "%s", help);
}

static bool materialized_ttl(Planner *planner, const SqlCreateMaterializedTable *create,
                             int64_t *out_us)
{
    OptionEntry *entries = ARENA_ARRAY(planner->arena, OptionEntry, create->options.count + 1);
    for (int32_t i = 0; i < create->options.count; i++) {
        const SqlOption *option = LIST_AT(create->options, i, SqlOption);
        entries[i] = (OptionEntry){.key = option->key,
                                   .value = option->value,
                                   .span_start = option->value_span.start,
                                   .span_end = option->value_span.end};
    }
    OptionTable table = {MATERIALIZED_OPTIONS, 1, ""};
    OptionSet *set;
    OptionRequest request = {.entries = entries,
                             .entry_count = create->options.count,
                             .tables = &table,
                             .table_count = 1,
                             .owner = "a materialized table",
                             .report = materialized_report,
                             .context = planner};
    if (options_bind(planner->arena, &request, &set) != OK)
        return false;
    *out_us = options_duration_us(set, "ttl");
    return true;
}

static bool materialized_freshness(Planner *planner, const SqlCreateMaterializedTable *create,
                                   int64_t *out_us)
{
    *out_us = 0;
    if (create->freshness == NULL)
        return true;
    ExprBinder binder = {.planner = planner, .place = "FRESHNESS"};
    const Expr *expr = bind_expr(&binder, create->freshness);
    if (expr_is_poison(expr))
        return false;
    if (expr->kind != EXPR_LITERAL || expr->type.id != TYPE_INTERVAL_MILLIS ||
        expr->literal.is_null || expr->literal.integer <= 0 ||
        expr->literal.integer > INT64_MAX / 1000) {
        Diagnostic *d =
            REPORT(planner, "WR2111", create->freshness->span,
                   "FRESHNESS takes a positive constant of SECOND, MINUTE, HOUR or DAY");
        diagnostic_help(d, "write FRESHNESS = INTERVAL '30' SECOND");
        return false;
    }
    *out_us = expr->literal.integer * 1000;
    return true;
}

static bool materialized_primary_key(Planner *planner, const SqlCreateMaterializedTable *create,
                                     const Schema *schema, Rel *serve)
{
    const List *names = &create->primary_key->columns;
    int32_t *key = ARENA_ARRAY(planner->arena, int32_t, names->count + 1);
    for (int32_t i = 0; i < names->count; i++) {
        const SqlName *name = LIST_AT(*names, i, SqlName);
        key[i] = schema_find(schema, name->text);
        if (key[i] < 0) {
            Diagnostic *d =
                REPORT(planner, "WR2023", name->span,
                       "invalid primary key: column `%.*s` does not exist", STR_ARGS(name->text));
            diagnostic_suggest_columns(planner, d, schema, name->text);
            diagnostic_note_columns(d, schema);
            return false;
        }
    }
    serve->node.serve.key = key;
    serve->node.serve.key_count = names->count;
    return true;
}

/* Without PRIMARY KEY the query's own key serves, the shortest first. */
static void materialized_query_key(Planner *planner, Rel *query, Rel *serve)
{
    const List *keys = rel_unique_keys(planner, query);
    const ColumnSet *best = NULL;
    for (int32_t k = 0; k < keys->count; k++) {
        const ColumnSet *set = LIST_AT(*keys, k, ColumnSet);
        if (best == NULL || set->count < best->count)
            best = set;
    }
    if (best == NULL)
        return;
    serve->node.serve.key = best->columns;
    serve->node.serve.key_count = best->count;
    serve->is_single_row = best->count == 0;
    if (serve->is_single_row) {
        /* The row before is taken back by its values. */
        int32_t count = serve->node.schema.count;
        int32_t *all = ARENA_ARRAY(planner->arena, int32_t, count + 1);
        for (int32_t i = 0; i < count; i++)
            all[i] = i;
        serve->node.serve.key = all;
        serve->node.serve.key_count = count;
    }
}

static Rel *materialized_rel(Planner *planner, const SqlCreateMaterializedTable *create,
                             const CatalogObject *object, const Bound *query)
{
    Field *fields = ARENA_ARRAY(planner->arena, Field, query->schema.count + 1);
    for (int32_t i = 0; i < query->schema.count; i++) {
        fields[i] = query->schema.fields[i];
        fields[i].type = type_plain(fields[i].type);
    }
    Schema schema = {.fields = fields, .count = query->schema.count};
    Rel *input = query->rel;
    Rel *serve = rel_new(planner, PLAN_SERVE, &schema, &input, 1);
    serve->span = create->name->span;
    serve->owner = object->name;
    serve->node.serve.name = object->name;
    serve->node.serve.path = object->path;
    serve->node.serve.comment =
        create->comment.is_given ? str_terminated(planner->arena, create->comment.text) : "";
    if (create->primary_key == NULL)
        materialized_query_key(planner, query->rel, serve);
    else if (!materialized_primary_key(planner, create, &schema, serve))
        return NULL;
    return serve;
}

static bool materialized_is_supported(Planner *planner, const SqlCreateMaterializedTable *create)
{
    if (create->refresh_mode == SQL_REFRESH_FULL) {
        planner_unsupported(planner, create->name->span, "REFRESH_MODE = FULL");
        return false;
    }
    if (create->partitioned_by.count > 0) {
        planner_unsupported(planner, LIST_AT(create->partitioned_by, 0, SqlName)->span,
                            "PARTITIONED BY of a materialized table");
        return false;
    }
    return true;
}

static bool schema_is_poisoned(const Schema *schema)
{
    for (int32_t i = 0; i < schema->count; i++) {
        if (type_is_poison(schema->fields[i].type))
            return true;
    }
    return false;
}

void bind_create_materialized(Planner *planner, const SqlCreateMaterializedTable *create)
{
    int32_t errors = diagnostics_mistake_count(planner->diagnostics);
    CatalogObject *object =
        catalog_add(planner, create->name, OBJECT_MATERIALIZED, false, create->if_not_exists);
    if (object == NULL || !materialized_is_supported(planner, create))
        return;
    object->materialized = create;
    object_define(planner, object);
    object->is_broken = true;
    Bound query = object_query(planner, object, create->name->span);
    int64_t ttl_us, freshness_us;
    bool is_good = materialized_ttl(planner, create, &ttl_us);
    is_good &= materialized_freshness(planner, create, &freshness_us);
    if (query.rel == NULL || schema_is_poisoned(&query.schema) || !is_good ||
        diagnostics_mistake_count(planner->diagnostics) > errors)
        return;
    Rel *serve = materialized_rel(planner, create, object, &query);
    if (serve == NULL)
        return;
    serve->node.serve.ttl_us = ttl_us;
    serve->node.serve.freshness_us = freshness_us;
    serve->ordering_ttl_us = settings_duration_us(planner, "table.exec.state.ttl");
    serve->serial = planner->rels.count;
    list_append(&planner->rels, planner->arena, serve);
    list_append(&planner->roots, planner->arena, serve);
    EXTENSION(planner, MATERIALIZED_TABLE, create->name->span,
              str_terminated(planner->arena, object->name));
    object->is_broken = false;
}
