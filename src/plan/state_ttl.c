/* SELECT with the hint STATE_TTL(o = 1 d, c = 0 s): how long joins and groupings keep the rows of a
 * relation of FROM, instead of table.exec.state.ttl. */
#include <assert.h>

#include "plan/join.h"
#include "plan/options.h"

bool state_ttl_is_hint(const SqlHint *hint)
{
    return str_equal_ignoring_case(hint->name.text, STR("STATE_TTL"));
}

/* The name under which the hint knows a relation; without data if it has none. */
static Str table_name(const SqlTable *table)
{
    if (table == NULL || table->kind == SQL_TABLE_JOIN)
        return (Str){0};
    if (table->alias != NULL)
        return table->alias->text;
    return table->kind == SQL_TABLE_NAMED ? sql_path_last(table->named.path)->text : (Str){0};
}

static bool table_has_name(const SqlTable *table, Str name)
{
    if (table == NULL)
        return false;
    if (table->kind == SQL_TABLE_JOIN)
        return table_has_name(table->join.left, name) || table_has_name(table->join.right, name);
    Str own = table_name(table);
    return own.data != NULL && str_equal(own, name);
}

int64_t state_ttl_us(Planner *planner, const List *hints, const SqlTable *table)
{
    Str name = table_name(table);
    int64_t ttl_us = settings_duration_us(planner, "table.exec.state.ttl");
    for (int32_t i = 0; hints != NULL && name.data != NULL && i < hints->count; i++) {
        const SqlHint *hint = LIST_AT(*hints, i, SqlHint);
        for (int32_t k = 0; state_ttl_is_hint(hint) && k < hint->options.count; k++) {
            const SqlOption *option = LIST_AT(hint->options, k, SqlOption);
            int64_t given_us;
            if (str_equal(option->key, name) && duration_parse(option->value, &given_us))
                ttl_us = given_us; /* of several the last one counts */
        }
    }
    return ttl_us;
}

void state_ttl_check(Planner *planner, const List *hints, const SqlTable *from)
{
    for (int32_t i = 0; i < hints->count; i++) {
        const SqlHint *hint = LIST_AT(*hints, i, SqlHint);
        for (int32_t k = 0; state_ttl_is_hint(hint) && k < hint->options.count; k++) {
            const SqlOption *option = LIST_AT(hint->options, k, SqlOption);
            int64_t ttl_us;
            if (!table_has_name(from, option->key))
                REPORT(planner, "WR2057", option->key_span,
                       "the STATE_TTL hint is for `%.*s`, but FROM has no relation of that name",
                       STR_ARGS(option->key));
            else if (!duration_parse(option->value, &ttl_us))
                REPORT(planner, "WR2057", option->value_span,
                       "'%.*s' is no duration, such as '1 d' or '30 min'", STR_ARGS(option->value));
        }
    }
}
