/* FOR SYSTEM_TIME AS OF a processing time: rows are joined with what a table outside has for them
 * at that moment. The table is asked by equalities of its physical columns with columns of the left
 * or constants; all other conditions are looked at when its rows have come. */
#include <assert.h>

#include "plan/join_time.h"

/* ---- Hints ------------------------------------------------------------------------------- */

bool lookup_is_hint(const SqlHint *hint)
{
    return str_equal_ignoring_case(hint->name.text, STR("LOOKUP"));
}

static const SqlOption *hint_option(const SqlHint *hint, const char *key)
{
    const SqlOption *found = NULL;
    for (int32_t i = 0; i < hint->options.count; i++) {
        const SqlOption *option = LIST_AT(hint->options, i, SqlOption);
        if (str_is(option->key, key))
            found = option; /* of several the last one counts */
    }
    return found;
}

void lookup_check_hints(Planner *planner, const List *hints)
{
    for (int32_t i = 0; i < hints->count; i++) {
        const SqlHint *hint = LIST_AT(*hints, i, SqlHint);
        bool is_used = !lookup_is_hint(hint);
        for (int32_t k = 0; k < planner->used_hints.count; k++)
            is_used |= LIST_AT(planner->used_hints, k, const SqlHint) == hint;
        if (is_used)
            continue;
        const SqlOption *table = hint_option(hint, "table");
        if (table == NULL) {
            Diagnostic *d = REPORT(planner, "WR2132", hint->name.span,
                                   "the LOOKUP hint does not name its table");
            diagnostic_help(d, "write LOOKUP('table'='…'), with the alias where there is one");
            continue;
        }
        REPORT(planner, "WR2132", table->value_span,
               "the LOOKUP hint is for `%.*s`, but FROM looks up no table of that name",
               STR_ARGS(table->value));
    }
}

/* The hint for the right side, or NULL. */
static const SqlHint *lookup_find_hint(Planner *planner, const JoinSpec *spec)
{
    const SqlTable *ast = spec->right_ast;
    if (planner->hints == NULL || ast == NULL || ast->kind != SQL_TABLE_NAMED)
        return NULL;
    Str name = ast->alias != NULL ? ast->alias->text : sql_path_last(ast->named.path)->text;
    for (int32_t i = planner->hints->count - 1; i >= 0; i--) {
        const SqlHint *hint = LIST_AT(*planner->hints, i, SqlHint);
        const SqlOption *table = lookup_is_hint(hint) ? hint_option(hint, "table") : NULL;
        if (table != NULL && str_equal(table->value, name))
            return hint;
    }
    return NULL;
}

typedef struct HintReader {
    Planner *planner;
    const SqlHint *hint;
    bool is_bad;
} HintReader;

static void hint_refuse(HintReader *reader, const SqlOption *option, const char *wanted)
{
    REPORT(reader->planner, "WR2133", option->value_span, "'%.*s' of the LOOKUP hint is %s",
           STR_ARGS(option->key), wanted);
    reader->is_bad = true;
}

static bool hint_choice(HintReader *reader, const char *key, const char *yes, const char *no,
                        bool fallback)
{
    const SqlOption *option = hint_option(reader->hint, key);
    if (option == NULL)
        return fallback;
    if (str_equal_ignoring_case(option->value, str_from(yes)))
        return true;
    if (no == NULL || !str_equal_ignoring_case(option->value, str_from(no)))
        hint_refuse(reader, option,
                    no == NULL ? arena_printf(reader->planner->arena, "'%s'", yes)
                               : arena_printf(reader->planner->arena, "'%s' or '%s'", yes, no));
    return false;
}

static int64_t hint_count(HintReader *reader, const char *key, int64_t fallback)
{
    const SqlOption *option = hint_option(reader->hint, key);
    int64_t value;
    if (option == NULL)
        return fallback;
    if (str_parse_int64(option->value, &value) && value > 0 && value <= INT32_MAX)
        return value;
    hint_refuse(reader, option, "a number above 0");
    return fallback;
}

static int64_t hint_duration(HintReader *reader, const char *key, int64_t fallback)
{
    const SqlOption *option = hint_option(reader->hint, key);
    int64_t value;
    if (option == NULL)
        return fallback;
    if (duration_parse(option->value, &value) && value > 0)
        return value;
    hint_refuse(reader, option, "a duration such as '10 s'");
    return fallback;
}

static const char *const hint_keys[] = {"table",          "async",       "output-mode",
                                        "capacity",       "timeout",     "retry-predicate",
                                        "retry-strategy", "fixed-delay", "max-attempts"};
enum { HINT_KEY_COUNT = sizeof hint_keys / sizeof hint_keys[0] };

static void hint_check_keys(HintReader *reader)
{
    Str known[HINT_KEY_COUNT];
    for (int32_t i = 0; i < HINT_KEY_COUNT; i++)
        known[i] = str_from(hint_keys[i]);
    for (int32_t i = 0; i < reader->hint->options.count; i++) {
        const SqlOption *option = LIST_AT(reader->hint->options, i, SqlOption);
        bool is_known = false;
        for (int32_t k = 0; k < HINT_KEY_COUNT; k++)
            is_known |= str_equal(known[k], option->key);
        if (is_known)
            continue;
        Diagnostic *d = REPORT(reader->planner, "WR2133", option->key_span,
                               "the LOOKUP hint has no option '%.*s'", STR_ARGS(option->key));
        diagnostic_suggest(d, known, HINT_KEY_COUNT, option->key);
        reader->is_bad = true;
    }
}

/* All four, or none. */
static void hint_read_retry(HintReader *reader, PlanNode *node)
{
    int32_t given = 0;
    for (int32_t i = 5; i < HINT_KEY_COUNT; i++)
        given += hint_option(reader->hint, hint_keys[i]) != NULL;
    hint_choice(reader, "retry-predicate", "lookup_miss", NULL, false);
    hint_choice(reader, "retry-strategy", "fixed_delay", NULL, false);
    int64_t delay_us = hint_duration(reader, "fixed-delay", 0);
    int64_t attempts = hint_count(reader, "max-attempts", 1);
    if (given == 4) {
        node->lookup_join.retry_us = delay_us;
        node->lookup_join.attempts = (int32_t)attempts + 1;
    } else if (given > 0) {
        Diagnostic *d = REPORT(reader->planner, "WR2133", reader->hint->name.span,
                               "a LOOKUP hint that asks again needs all four of 'retry-predicate', "
                               "'retry-strategy', 'fixed-delay' and 'max-attempts'");
        diagnostic_help(d, "write 'retry-predicate'='lookup_miss', 'retry-strategy'='fixed_delay', "
                           "'fixed-delay'='10 s', 'max-attempts'='3'");
        reader->is_bad = true;
    }
}

/* What settings, connector and hint say of how the table is asked; false after a report. */
static bool lookup_read_hint(Planner *planner, const JoinSpec *spec, const LookupInfo *info,
                             PlanNode *node)
{
    const char *capacity = settings_text(planner, "table.exec.async-lookup.buffer-capacity");
    int64_t keys = 100;
    if (!str_parse_int64(str_from(capacity), &keys) || keys < 1 || keys > INT32_MAX)
        keys = 100;
    node->lookup_join.is_async = info->is_async;
    node->lookup_join.is_ordered =
        !settings_is(planner, "table.exec.async-lookup.output-mode", "allow_unordered");
    node->lookup_join.capacity = (int32_t)keys;
    node->lookup_join.timeout_us = settings_duration_us(planner, "table.exec.async-lookup.timeout");
    node->lookup_join.attempts = 1;
    const SqlHint *hint = lookup_find_hint(planner, spec);
    if (hint == NULL)
        return true;
    list_append(&planner->used_hints, planner->arena, (void *)(uintptr_t)hint);
    HintReader reader = {.planner = planner, .hint = hint};
    hint_check_keys(&reader);
    node->lookup_join.is_async = hint_choice(&reader, "async", "true", "false", info->is_async);
    node->lookup_join.is_ordered = hint_choice(&reader, "output-mode", "ordered", "allow_unordered",
                                               node->lookup_join.is_ordered);
    node->lookup_join.capacity = (int32_t)hint_count(&reader, "capacity", keys);
    node->lookup_join.timeout_us = hint_duration(&reader, "timeout", node->lookup_join.timeout_us);
    hint_read_retry(&reader, node);
    return !reader.is_bad;
}

/* ---- The table --------------------------------------------------------------------------- */

/* A right side that is a table, perhaps with computed columns. */
typedef struct LookupTable {
    Rel *source;
    Expr **exprs; /* of the right side's columns, over the source's */
} LookupTable;

static bool lookup_find_table(Planner *planner, Rel *right, LookupTable *out)
{
    out->exprs = rel_columns(planner, &right->node.schema);
    int32_t count = right->node.schema.count;
    for (Rel *rel = right;; rel = rel_input(rel, 0)) {
        if (rel->node.kind == PLAN_SOURCE) {
            out->source = rel;
            return true;
        }
        bool is_calc = rel->node.kind == PLAN_CALC && rel->node.calc.filter == NULL;
        if (!is_calc && rel->node.kind != PLAN_WATERMARK)
            return false;
        for (int32_t i = 0; is_calc && rel->node.calc.exprs != NULL && i < count; i++)
            out->exprs[i] = expr_substitute(planner->arena, out->exprs[i], rel->node.calc.exprs);
    }
}

static bool lookup_check_table(Planner *planner, const JoinSpec *spec, LookupTable *table,
                               LookupInfo *info)
{
    if (!lookup_find_table(planner, spec->right, table)) {
        Diagnostic *d = REPORT(planner, "WR2130", spec->span,
                               "a join as of processing time needs a table that can be looked up, "
                               "but the right side is a query");
        diagnostic_help(d, "name the table itself, and put conditions behind ON");
        return false;
    }
    TableEntry *entry = table->source->entry;
    if (!entry_connect(planner, entry))
        return false;
    const ConnectorInfo *connector = entry->table.connector;
    if (connector->looks_up != NULL && connector->looks_up(&entry->table.options, info)) {
        if (info->cache.kind == LOOKUP_CACHE_FULL)
            EXTENSION(planner, FILES_LOOKUP, spec->span,
                      str_terminated(planner->arena, entry->table.name));
        return true;
    }
    Diagnostic *d =
        REPORT(planner, "WR2130", spec->span, "table `%.*s` of connector '%s' cannot be looked up",
               STR_ARGS(entry->table.name), connector->name);
    if (connector->looks_up != NULL)
        diagnostic_help(d, "set 'lookup.cache' = 'FULL' to keep a copy of the table in memory");
    else
        diagnostic_help(d, "look up a table of connector 'jdbc' or 'redis', or join as of an event "
                           "time");
    return false;
}

/* ---- Keys -------------------------------------------------------------------------------- */

typedef struct LookupKeys {
    const LookupTable *table;
    KeyInput left;
    int32_t *columns[2]; /* of the left with computed ones, and of the source */
    int32_t count;
    List conditions; /* Expr over both sides: what is no key */
} LookupKeys;

/* The physical column of the source that the right side's column is, or -1. */
static int32_t lookup_physical(const LookupTable *table, const Expr *column)
{
    if (column->kind != EXPR_COLUMN)
        return -1;
    const Expr *expr = table->exprs[column->column];
    bool is_physical = expr->kind == EXPR_COLUMN &&
                       table->source->node.source.columns[expr->column] >= 0 &&
                       type_equal(type_plain(expr->type), type_plain(column->type));
    return is_physical ? expr->column : -1;
}

static bool lookup_take_key(Planner *planner, LookupKeys *keys, Expr *left, const Expr *right)
{
    int32_t column = lookup_physical(keys->table, right);
    if (column < 0 || left->type.id == TYPE_NULL)
        return false;
    for (int32_t i = 0; i < keys->count; i++)
        if (keys->columns[1][i] == column)
            return false;
    keys->columns[0][keys->count] = key_column(planner, &keys->left, left);
    keys->columns[1][keys->count++] = column;
    return true;
}

static Expr *lookup_equality(Planner *planner, const JoinSpec *spec, const JoinKey *key)
{
    Expr **columns =
        rel_columns_at(planner, &spec->right->node.schema, spec->left->node.schema.count);
    Expr **args = ARENA_ARRAY(planner->arena, Expr *, 2);
    args[0] = key->left;
    args[1] = expr_substitute(planner->arena, key->right, columns);
    Expr *out = NULL;
    int32_t bad;
    Error error = {0};
    const char *name = key->is_null_matched ? "IS NOT DISTINCT FROM" : "=";
    Status status =
        function_bind(function_find(str_from(name)), planner->arena, args, 2, &out, &bad, &error);
    assert(status == OK);
    return out;
}

static bool expr_has_columns(const Expr *expr)
{
    bool has_any = expr->kind == EXPR_COLUMN;
    for (int32_t i = 0; i < expr->arg_count; i++)
        has_any |= expr_has_columns(expr->args[i]);
    return has_any;
}

/* column = constant */
static bool lookup_take_constant(Planner *planner, const JoinSpec *spec, LookupKeys *keys,
                                 const Expr *conjunct)
{
    if (conjunct->kind != EXPR_CALL || conjunct->arg_count != 2 ||
        !str_is(str_from(function_name(conjunct->function)), "="))
        return false;
    int32_t left = spec->left->node.schema.count;
    for (int32_t i = 0; i < 2; i++) {
        const Expr *column = conjunct->args[i];
        Expr *constant = conjunct->args[!i];
        if (column->kind != EXPR_COLUMN || column->column < left || expr_has_columns(constant) ||
            !expr_is_deterministic(constant))
            continue;
        Expr right = *column;
        right.column -= left;
        return lookup_take_key(planner, keys, constant, &right);
    }
    return false;
}

static void lookup_find_keys(Planner *planner, const JoinSpec *spec, const LookupTable *table,
                             LookupKeys *keys)
{
    int32_t count = spec->keys.count + spec->others.count;
    *keys = (LookupKeys){.table = table, .left = key_input(planner, spec->left, count)};
    for (int32_t i = 0; i < 2; i++)
        keys->columns[i] = ARENA_ARRAY(planner->arena, int32_t, count + 1);
    for (int32_t i = 0; i < spec->keys.count; i++) {
        const JoinKey *key = LIST_AT(spec->keys, i, JoinKey);
        if (key->is_null_matched || !lookup_take_key(planner, keys, key->left, key->right))
            list_append(&keys->conditions, planner->arena, lookup_equality(planner, spec, key));
    }
    for (int32_t i = 0; i < spec->others.count; i++) {
        Expr *conjunct = LIST_AT(spec->others, i, Expr);
        if (!lookup_take_constant(planner, spec, keys, conjunct))
            list_append(&keys->conditions, planner->arena, conjunct);
    }
}

static bool lookup_check_keys(Planner *planner, const JoinSpec *spec, const LookupKeys *keys)
{
    const TableEntry *entry = keys->table->source->entry;
    if (keys->count == 0) {
        Diagnostic *d = REPORT(planner, "WR2134", spec->span,
                               "table `%.*s` can be asked by equalities with its columns only, and "
                               "there is none",
                               STR_ARGS(entry->table.name));
        diagnostic_help(d, "write ON l.… = r.…, with a column of both sides as it is and of one "
                           "type; computed columns cannot be asked for");
        return false;
    }
    for (int32_t i = 0; i < spec->right->node.schema.count; i++) {
        bool *read = ARENA_ARRAY(planner->arena, bool, keys->table->source->node.schema.count + 1);
        expr_mark_columns(keys->table->exprs[i], read);
        for (int32_t k = 0; k < keys->table->source->node.schema.count; k++) {
            if (!read[k] || keys->table->source->node.source.columns[k] >= 0)
                continue;
            planner_unsupported(planner, spec->span, "looking up metadata columns");
            return false;
        }
    }
    return true;
}

/* ---- The join ---------------------------------------------------------------------------- */

static Schema lookup_schema(Planner *planner, const JoinSpec *spec)
{
    Field *fields = arena_copy(planner->arena, spec->schema.fields,
                               (int64_t)sizeof(Field) * (spec->schema.count + 1));
    for (int32_t i = spec->left->node.schema.count; i < spec->schema.count; i++)
        fields[i].type.time_attribute = TIME_NONE;
    return (Schema){.fields = fields, .count = spec->schema.count};
}

static Rel *lookup_rel(Planner *planner, const JoinSpec *spec, const LookupKeys *keys,
                       const LookupInfo *info)
{
    Arena *arena = planner->arena;
    Rel *input = key_rel(planner, &keys->left);
    Schema schema = lookup_schema(planner, spec);
    Rel *rel = rel_new(planner, PLAN_LOOKUP_JOIN, &schema, &input, 1);
    const Rel *source = keys->table->source;
    rel->span = spec->span;
    rel->looked_up = source->entry;
    int32_t left = spec->left->node.schema.count;
    int32_t both = left + spec->right->node.schema.count;
    int32_t *map = ARENA_ARRAY(arena, int32_t, both + 1);
    for (int32_t i = 0; i < both; i++)
        map[i] = i < left ? i : i - left + input->node.schema.count;
    rel->node.lookup_join.join = (PlanJoin){
        .kind = spec->kind,
        .keys = {{.columns = keys->columns[0], .count = keys->count},
                 {.columns = keys->columns[1], .count = keys->count}},
        .condition = join_condition(planner, &keys->conditions, map),
        .columns = map,
    };
    rel->node.lookup_join.table = &source->entry->table;
    rel->node.lookup_join.fetched = source->node.schema;
    rel->node.lookup_join.columns = source->node.source.columns;
    rel->node.lookup_join.right = spec->right->node.schema;
    rel->node.lookup_join.exprs = keys->table->exprs;
    rel->node.lookup_join.cache = info->cache;
    if (!lookup_read_hint(planner, spec, info, &rel->node))
        return NULL;
    return rel_intern(planner, rel);
}

/* The table's own checks know nothing of the source's numbering. */
static bool lookup_connect(Planner *planner, const LookupKeys *keys)
{
    const Rel *source = keys->table->source;
    int32_t *physical = ARENA_ARRAY(planner->arena, int32_t, keys->count + 1);
    for (int32_t i = 0; i < keys->count; i++)
        physical[i] = source->node.source.columns[keys->columns[1][i]];
    ColumnList list = {.columns = physical, .count = keys->count};
    return entry_connect_lookup(planner, source->entry, &list);
}

Rel *join_lookup(Planner *planner, const JoinSpec *spec)
{
    const Expr *as_of = spec->as_of;
    if (as_of == NULL || as_of->kind != EXPR_COLUMN ||
        as_of->type.time_attribute != TIME_PROCTIME || expr_outer_depth(as_of) > 0)
        return NULL;
    if (spec->kind != JOIN_INNER && spec->kind != JOIN_LEFT)
        return NULL; /* for join_temporal to say */
    LookupTable table;
    LookupInfo info = {0};
    LookupKeys keys;
    if (!lookup_check_table(planner, spec, &table, &info))
        return NULL;
    lookup_find_keys(planner, spec, &table, &keys);
    if (!lookup_check_keys(planner, spec, &keys) || !lookup_connect(planner, &keys))
        return NULL;
    return lookup_rel(planner, spec, &keys, &info);
}
