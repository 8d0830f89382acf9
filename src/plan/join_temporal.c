/* FOR SYSTEM_TIME AS OF an event time: rows meet the version of their time. */
#include <assert.h>

#include "plan/join_time.h"

/* The time attribute of the left side that is asked for, or -1 after a report. */
static int32_t temporal_asked(Planner *planner, const JoinSpec *spec)
{
    const Expr *as_of = spec->as_of;
    if (as_of->kind == EXPR_COLUMN && expr_outer_depth(as_of) == 0 &&
        as_of->type.time_attribute != TIME_NONE)
        return as_of->column;
    Span span = {as_of->span_start, as_of->span_end};
    Diagnostic *d =
        REPORT(planner, "WR2125", as_of->span_end > as_of->span_start ? span : spec->span,
               "FOR SYSTEM_TIME AS OF takes a time attribute of the left table");
    const Schema *left = &spec->left->node.schema;
    for (int32_t i = 0; i < left->count; i++) {
        if (left->fields[i].type.time_attribute == TIME_NONE)
            continue;
        diagnostic_help(d, "the left side has `%.*s`", STR_ARGS(left->fields[i].name));
        return -1;
    }
    diagnostic_help(d, "declare a WATERMARK for a column of the left table, or a column AS "
                       "PROCTIME()");
    return -1;
}

static bool temporal_check_kind(Planner *planner, const JoinSpec *spec)
{
    if (spec->kind == JOIN_INNER || spec->kind == JOIN_LEFT)
        return true;
    Diagnostic *d = REPORT(planner, "WR2126", spec->span,
                           "FOR SYSTEM_TIME AS OF is possible in INNER JOIN and LEFT JOIN only");
    diagnostic_note(d, "a version that no row asks for has no time at which it could be given out");
    return false;
}

/* The only event time of the versioned side, or -1 after a report. */
static int32_t temporal_version_time(Planner *planner, const JoinSpec *spec, int32_t asked)
{
    const Schema *left = &spec->left->node.schema, *right = &spec->right->node.schema;
    int32_t found = -1, count = 0;
    for (int32_t i = 0; i < right->count; i++) {
        if (right->fields[i].type.time_attribute != TIME_ROWTIME)
            continue;
        found = i;
        count++;
    }
    if (count != 1) {
        Diagnostic *d = REPORT(planner, "WR2127", spec->span,
                               "a versioned table needs one event time and a primary key, but the "
                               "right side has %s",
                               count == 0 ? "no event time" : "several event times");
        if (count == 0)
            diagnostic_help(d, "declare WATERMARK FOR … in the table: its column says from when "
                               "on a version holds");
        return -1;
    }
    Type a = left->fields[asked].type, b = right->fields[found].type;
    if (a.id == b.id)
        return found;
    Diagnostic *d =
        REPORT(planner, "WR2121", spec->span,
               "a temporal join needs event times of one type, but `%.*s` is %s and "
               "`%.*s` is %s",
               STR_ARGS(left->fields[asked].name), type_text(planner->arena, type_plain(a)),
               STR_ARGS(right->fields[found].name), type_text(planner->arena, type_plain(b)));
    diagnostic_help(d, "declare both columns as TIMESTAMP(3), or both as TIMESTAMP_LTZ(3)");
    return -1;
}

static const char *names_text(Planner *planner, const Schema *schema, const int32_t *columns,
                              int32_t count)
{
    Buffer names = {0};
    for (int32_t i = 0; i < count; i++)
        buffer_printf(&names, "%s%.*s", i > 0 ? ", " : "",
                      STR_ARGS(schema->fields[columns[i]].name));
    const char *text = str_terminated(planner->arena, buffer_str(&names));
    buffer_free(&names);
    return text;
}

/* The shortest key of the versioned side must be among the columns that are compared. */
static bool temporal_check_key(Planner *planner, const JoinSpec *spec)
{
    const Schema *right = &spec->right->node.schema;
    int32_t *compared = ARENA_ARRAY(planner->arena, int32_t, spec->keys.count + 1);
    int32_t count = 0;
    for (int32_t i = 0; i < spec->keys.count; i++) {
        const Expr *column = LIST_AT(spec->keys, i, JoinKey)->right;
        if (column->kind == EXPR_COLUMN)
            compared[count++] = column->column;
    }
    if (spec->keys.count == 0) {
        Diagnostic *d = REPORT(planner, "WR2129", spec->span,
                               "a temporal join compares the primary key of the right side with "
                               "columns of the left, but there is no equality");
        diagnostic_help(d, "write ON l.… = r.… for each column of the key");
        return false;
    }
    const List *keys = rel_unique_keys(planner, spec->right);
    const ColumnSet *key = NULL;
    for (int32_t i = 0; i < keys->count; i++) {
        const ColumnSet *set = LIST_AT(*keys, i, ColumnSet);
        if (set->count > 0 && (key == NULL || set->count < key->count))
            key = set;
    }
    if (key == NULL) {
        Diagnostic *d =
            REPORT(planner, "WR2128", spec->span,
                   "a versioned table needs a primary key, but the right side has none");
        diagnostic_help(d,
                        "write PRIMARY KEY (…) NOT ENFORCED in its table, or take the last row "
                        "of each key: ROW_NUMBER() OVER (PARTITION BY key ORDER BY ts DESC) = 1");
        return false;
    }
    if (rel_key_within(planner, spec->right, compared, count) != NULL)
        return true;
    Diagnostic *d =
        REPORT(planner, "WR2129", spec->span,
               "the primary key (%s) of the right side must be compared with columns of the left, "
               "but only (%s) %s",
               names_text(planner, right, key->columns, key->count),
               names_text(planner, right, compared, count), count == 1 ? "is" : "are");
    diagnostic_note(d, "a row has one version at a time only for a whole key");
    return false;
}

Rel *join_temporal(Planner *planner, const JoinSpec *spec)
{
    if (spec->as_of == NULL)
        return NULL;
    int32_t asked = temporal_asked(planner, spec);
    if (asked < 0 || !temporal_check_kind(planner, spec))
        return NULL;
    if (spec->as_of->type.time_attribute == TIME_PROCTIME) {
        Diagnostic *d = REPORT(planner, "WR2130", spec->span,
                               "a join as of processing time needs a table that can be looked up");
        diagnostic_help(d, "look up a table of connector 'jdbc' or 'redis', or join as of an event "
                           "time");
        return NULL;
    }
    int32_t version = temporal_version_time(planner, spec, asked);
    if (version < 0 || !temporal_check_key(planner, spec))
        return NULL;
    TimedJoin made = timed_join(planner, spec, &spec->others);
    Field *fields = arena_copy(planner->arena, spec->schema.fields,
                               (int64_t)sizeof(Field) * spec->schema.count);
    for (int32_t i = spec->left->node.schema.count; i < spec->schema.count; i++)
        fields[i].type.time_attribute = TIME_NONE;
    Schema schema = {.fields = fields, .count = spec->schema.count};
    Rel *rel = rel_new(planner, PLAN_TEMPORAL_JOIN, &schema, made.inputs, 2);
    rel->span = spec->span;
    rel->node.temporal_join.join = made.join;
    rel->node.temporal_join.times[0] = asked;
    rel->node.temporal_join.times[1] = version;
    rel->node.temporal_join.state_ttl_us = settings_duration_us(planner, "table.exec.state.ttl");
    return rel_intern(planner, rel);
}
