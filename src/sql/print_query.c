/* Printing queries on one line. */
#include <assert.h>

#include "sql/internal.h"

void print_order_by(Buffer *out, List items)
{
    for (int32_t i = 0; i < items.count; i++) {
        const SqlOrderItem *item = LIST_AT(items, i, SqlOrderItem);
        buffer_append_text(out, i > 0 ? ", " : " ORDER BY ");
        sql_print_expr(out, item->expr);
        buffer_append_text(out, item->is_descending ? " DESC" : "");
        if (item->nulls != SQL_NULLS_DEFAULT)
            buffer_append_text(out,
                               item->nulls == SQL_NULLS_FIRST ? " NULLS FIRST" : " NULLS LAST");
    }
}

/* ---- Windows ---- */

static void print_bound(Buffer *out, const SqlBound *bound)
{
    if (bound->offset != NULL)
        sql_print_expr(out, bound->offset);
    switch (bound->kind) {
    case SQL_UNBOUNDED_PRECEDING: buffer_append_text(out, "UNBOUNDED PRECEDING"); break;
    case SQL_PRECEDING: buffer_append_text(out, " PRECEDING"); break;
    case SQL_CURRENT_ROW: buffer_append_text(out, "CURRENT ROW"); break;
    case SQL_FOLLOWING: buffer_append_text(out, " FOLLOWING"); break;
    case SQL_UNBOUNDED_FOLLOWING: buffer_append_text(out, "UNBOUNDED FOLLOWING"); break;
    }
}

/* Each part begins with a blank; the first one's is left out. */
static void print_window_body(Buffer *out, const SqlWindow *window)
{
    if (window->base != NULL) {
        buffer_append_char(out, ' ');
        sql_print_name(out, window->base->text);
    }
    if (window->partition_by.count > 0) {
        buffer_append_text(out, " PARTITION BY ");
        print_expr_list(out, window->partition_by);
    }
    print_order_by(out, window->order_by);
    if (!window->has_frame)
        return;
    buffer_append_text(out, window->is_rows ? " ROWS BETWEEN " : " RANGE BETWEEN ");
    print_bound(out, &window->from);
    buffer_append_text(out, " AND ");
    print_bound(out, &window->to);
}

void print_window(Buffer *out, const SqlWindow *window)
{
    Buffer body = {0};
    print_window_body(&body, window);
    buffer_append_char(out, '(');
    if (body.length > 0)
        buffer_append(out, body.data + 1, body.length - 1);
    buffer_append_char(out, ')');
    buffer_free(&body);
}

/* ---- Hints ---- */

static void print_hint(Buffer *out, const SqlHint *hint)
{
    print_word(out, &hint->name);
    if (hint->options.count + hint->names.count == 0)
        return;
    buffer_append_char(out, '(');
    for (int32_t i = 0; i < hint->options.count; i++) {
        const SqlOption *option = LIST_AT(hint->options, i, SqlOption);
        buffer_append_text(out, i > 0 ? ", " : "");
        sql_print_string(out, option->key);
        buffer_append_text(out, " = ");
        sql_print_string(out, option->value);
    }
    for (int32_t i = 0; i < hint->names.count; i++) {
        buffer_append_text(out, i + hint->options.count > 0 ? ", " : "");
        sql_print_name(out, LIST_AT(hint->names, i, SqlName)->text);
    }
    buffer_append_char(out, ')');
}

void print_hints(Buffer *out, List hints)
{
    if (hints.count == 0)
        return;
    buffer_append_text(out, " /*+ ");
    for (int32_t i = 0; i < hints.count; i++) {
        buffer_append_text(out, i > 0 ? ", " : "");
        print_hint(out, LIST_AT(hints, i, SqlHint));
    }
    buffer_append_text(out, " */");
}

/* ---- FROM ---- */

static void print_table_in(Buffer *out, const SqlTable *table, bool needs_parentheses)
{
    buffer_append_text(out, needs_parentheses ? "(" : "");
    print_table(out, table);
    buffer_append_text(out, needs_parentheses ? ")" : "");
}

static void print_join(Buffer *out, const SqlTable *table)
{
    static const char *const words[] = {
        [SQL_JOIN_INNER] = "JOIN",       [SQL_JOIN_LEFT] = "LEFT JOIN",
        [SQL_JOIN_RIGHT] = "RIGHT JOIN", [SQL_JOIN_FULL] = "FULL JOIN",
        [SQL_JOIN_CROSS] = "CROSS JOIN", [SQL_JOIN_COMMA] = ",",
    };
    const SqlTable *left = table->join.left;
    bool is_comma = table->join.kind == SQL_JOIN_COMMA;
    bool is_left_comma = left->kind == SQL_TABLE_JOIN && left->join.kind == SQL_JOIN_COMMA;
    print_table_in(out, left, is_left_comma && !is_comma);
    buffer_append_text(out, is_comma ? "" : " ");
    buffer_append_text(out, table->join.is_natural ? "NATURAL " : "");
    buffer_printf(out, "%s ", words[table->join.kind]);
    print_table_in(out, table->join.right, table->join.right->kind == SQL_TABLE_JOIN);
    if (table->join.on != NULL) {
        buffer_append_text(out, " ON ");
        sql_print_expr(out, table->join.on);
    }
    if (table->join.using.count > 0) {
        buffer_append_text(out, " USING ");
        print_names(out, table->join.using);
    }
}

static void print_table_body(Buffer *out, const SqlTable *table)
{
    switch (table->kind) {
    case SQL_TABLE_NAMED:
        print_path(out, table->named.path);
        print_hints(out, table->named.hints);
        if (table->named.as_of != NULL) {
            buffer_append_text(out, " FOR SYSTEM_TIME AS OF ");
            sql_print_expr(out, table->named.as_of);
        }
        break;
    case SQL_TABLE_CALL:
        buffer_append_text(out, table->is_lateral ? "LATERAL TABLE(" : "TABLE(");
        sql_print_expr(out, table->call);
        buffer_append_char(out, ')');
        break;
    case SQL_TABLE_QUERY:
        buffer_append_text(out, table->is_lateral ? "LATERAL (" : "(");
        sql_print_query(out, table->query);
        buffer_append_char(out, ')');
        break;
    case SQL_TABLE_UNNEST:
        buffer_append_text(out, "UNNEST(");
        sql_print_expr(out, table->unnest.expr);
        buffer_append_text(out, table->unnest.has_ordinality ? ") WITH ORDINALITY" : ")");
        break;
    case SQL_TABLE_JOIN: print_join(out, table); break;
    case SQL_TABLE_MATCH: print_match(out, table->match); break;
    }
}

void print_table(Buffer *out, const SqlTable *table)
{
    print_table_body(out, table);
    if (table->alias == NULL)
        return;
    buffer_append_text(out, " AS ");
    sql_print_name(out, table->alias->text);
    if (table->alias_columns.count > 0) {
        buffer_append_char(out, ' ');
        print_names(out, table->alias_columns);
    }
}

/* ---- SELECT ---- */

static void print_group(Buffer *out, const SqlGroup *group)
{
    if (group->kind == SQL_GROUP_EXPR) {
        sql_print_expr(out, group->expr);
        return;
    }
    if (group->kind == SQL_GROUP_ROLLUP)
        buffer_append_text(out, "ROLLUP ");
    else if (group->kind == SQL_GROUP_CUBE)
        buffer_append_text(out, "CUBE ");
    else if (group->kind == SQL_GROUPING_SETS)
        buffer_append_text(out, "GROUPING SETS ");
    buffer_append_char(out, '(');
    for (int32_t i = 0; i < group->items.count; i++) {
        buffer_append_text(out, i > 0 ? ", " : "");
        print_group(out, LIST_AT(group->items, i, SqlGroup));
    }
    buffer_append_char(out, ')');
}

static void print_select_items(Buffer *out, const SqlSelect *select)
{
    for (int32_t i = 0; i < select->items.count; i++) {
        const SqlSelectItem *item = LIST_AT(select->items, i, SqlSelectItem);
        buffer_append_text(out, i > 0 ? ", " : " ");
        sql_print_expr(out, item->expr);
        if (item->alias != NULL) {
            buffer_append_text(out, " AS ");
            sql_print_name(out, item->alias->text);
        }
    }
}

static void print_condition(Buffer *out, const char *word, const SqlExpr *expr)
{
    if (expr == NULL)
        return;
    buffer_append_text(out, word);
    sql_print_expr(out, expr);
}

static void print_select(Buffer *out, const SqlSelect *select)
{
    buffer_append_text(out, "SELECT");
    print_hints(out, select->hints);
    buffer_append_text(out, select->is_distinct ? " DISTINCT" : "");
    print_select_items(out, select);
    if (select->from != NULL) {
        buffer_append_text(out, " FROM ");
        print_table(out, select->from);
    }
    print_condition(out, " WHERE ", select->where);
    for (int32_t i = 0; i < select->group_by.count; i++) {
        buffer_append_text(out, i > 0 ? ", " : " GROUP BY ");
        print_group(out, LIST_AT(select->group_by, i, SqlGroup));
    }
    print_condition(out, " HAVING ", select->having);
    for (int32_t i = 0; i < select->windows.count; i++) {
        const SqlWindow *window = LIST_AT(select->windows, i, SqlWindow);
        buffer_append_text(out, i > 0 ? ", " : " WINDOW ");
        sql_print_name(out, window->name->text);
        buffer_append_text(out, " AS ");
        print_window(out, window);
    }
    print_condition(out, " QUALIFY ", select->qualify);
}

/* ---- Queries ---- */

static void print_values(Buffer *out, const SqlQuery *query)
{
    for (int32_t i = 0; i < query->rows.count; i++) {
        const SqlExpr *row = LIST_AT(query->rows, i, SqlExpr);
        buffer_append_text(out, i > 0 ? ", " : "VALUES ");
        buffer_append_text(out, row->collection.items.count > 0 ? "(" : "ROW(");
        print_expr_list(out, row->collection.items);
        buffer_append_char(out, ')');
    }
}

static int32_t query_level(const SqlQuery *query)
{
    switch (query->kind) {
    case SQL_UNION:
    case SQL_EXCEPT: return 1;
    case SQL_INTERSECT: return 2;
    case SQL_SELECT:
    case SQL_VALUES:
    case SQL_NESTED: return 3;
    }
    assert(!"unknown query");
    return 0;
}

static void print_set_operand(Buffer *out, const SqlQuery *query, int32_t level_min)
{
    bool needs_parentheses = query_level(query) < level_min;
    buffer_append_text(out, needs_parentheses ? "(" : "");
    sql_print_query(out, query);
    buffer_append_text(out, needs_parentheses ? ")" : "");
}

static void print_set(Buffer *out, const SqlQuery *query, const char *word)
{
    int32_t level = query_level(query);
    print_set_operand(out, query->set.left, level);
    buffer_printf(out, " %s%s ", word, query->set.is_all ? " ALL" : "");
    print_set_operand(out, query->set.right, level + 1);
}

static void print_ctes(Buffer *out, List ctes)
{
    for (int32_t i = 0; i < ctes.count; i++) {
        const SqlCte *cte = LIST_AT(ctes, i, SqlCte);
        buffer_append_text(out, i > 0 ? ", " : "WITH ");
        sql_print_name(out, cte->name.text);
        if (cte->columns.count > 0) {
            buffer_append_char(out, ' ');
            print_names(out, cte->columns);
        }
        buffer_append_text(out, " AS (");
        sql_print_query(out, cte->query);
        buffer_append_char(out, ')');
    }
    buffer_append_text(out, ctes.count > 0 ? " " : "");
}

void sql_print_query(Buffer *out, const SqlQuery *query)
{
    print_ctes(out, query->ctes);
    switch (query->kind) {
    case SQL_SELECT: print_select(out, query->select); break;
    case SQL_VALUES: print_values(out, query); break;
    case SQL_UNION: print_set(out, query, "UNION"); break;
    case SQL_INTERSECT: print_set(out, query, "INTERSECT"); break;
    case SQL_EXCEPT: print_set(out, query, "EXCEPT"); break;
    case SQL_NESTED:
        buffer_append_char(out, '(');
        sql_print_query(out, query->nested);
        buffer_append_char(out, ')');
        break;
    }
    print_order_by(out, query->order_by);
    print_condition(out, " LIMIT ", query->limit);
    print_condition(out, " OFFSET ", query->offset);
}
