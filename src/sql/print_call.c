/* Printing calls in the syntax they are parsed from. */
#include <assert.h>

#include "sql/internal.h"

static const SqlExpr *call_argument(const SqlCall *call, int32_t index)
{
    return LIST_AT(call->arguments, index, SqlExpr);
}

/* a WORD b WORD c: `words` stand before the arguments from the second on. */
static void print_call_words(Buffer *out, const SqlCall *call, const char *const *words)
{
    for (int32_t i = 0; i < call->arguments.count; i++) {
        if (i > 0)
            buffer_printf(out, " %s ", words[i - 1]);
        sql_print_expr(out, call_argument(call, i));
    }
}

static void print_call_trim(Buffer *out, const SqlCall *call)
{
    static const char *const sides[] = {"BOTH ", "LEADING ", "TRAILING "};
    bool has_characters = call->arguments.count > 1;
    if (has_characters || call->trim_side != SQL_TRIM_BOTH) {
        buffer_append_text(out, sides[call->trim_side]);
        if (has_characters) {
            sql_print_expr(out, call_argument(call, 1));
            buffer_append_char(out, ' ');
        }
        buffer_append_text(out, "FROM ");
    }
    sql_print_expr(out, call_argument(call, 0));
}

/* ---- JSON ---- */

static void print_json_behavior(Buffer *out, SqlJsonBehavior behavior, const SqlExpr *value,
                                const char *event)
{
    static const char *const texts[] = {
        [SQL_JSON_NONE] = "",
        [SQL_JSON_NULL] = "NULL",
        [SQL_JSON_ERROR] = "ERROR",
        [SQL_JSON_DEFAULT] = "DEFAULT ",
        [SQL_JSON_EMPTY_ARRAY] = "EMPTY ARRAY",
        [SQL_JSON_EMPTY_OBJECT] = "EMPTY OBJECT",
        [SQL_JSON_TRUE] = "TRUE",
        [SQL_JSON_FALSE] = "FALSE",
        [SQL_JSON_UNKNOWN] = "UNKNOWN",
    };
    if (behavior == SQL_JSON_NONE)
        return;
    buffer_printf(out, " %s", texts[behavior]);
    if (value != NULL)
        sql_print_expr(out, value);
    buffer_printf(out, " ON %s", event);
}

static void print_json_clauses(Buffer *out, const SqlJson *json)
{
    static const char *const wrappers[] = {
        [SQL_JSON_WRAPPER_NONE] = "",
        [SQL_JSON_WITHOUT_WRAPPER] = " WITHOUT ARRAY WRAPPER",
        [SQL_JSON_CONDITIONAL_WRAPPER] = " WITH CONDITIONAL ARRAY WRAPPER",
        [SQL_JSON_UNCONDITIONAL_WRAPPER] = " WITH UNCONDITIONAL ARRAY WRAPPER",
    };
    static const char *const on_null[] = {
        [SQL_JSON_ON_NULL_NONE] = "",
        [SQL_JSON_NULL_ON_NULL] = " NULL ON NULL",
        [SQL_JSON_ABSENT_ON_NULL] = " ABSENT ON NULL",
    };
    if (json->returning != NULL) {
        buffer_append_text(out, " RETURNING ");
        print_sql_type(out, json->returning);
    }
    buffer_append_text(out, wrappers[json->wrapper]);
    print_json_behavior(out, json->on_empty, json->default_on_empty, "EMPTY");
    print_json_behavior(out, json->on_error, json->default_on_error, "ERROR");
    buffer_append_text(out, on_null[json->on_null]);
}

static void print_call_json(Buffer *out, const SqlCall *call, bool is_object)
{
    for (int32_t i = 0; i < call->arguments.count; i++) {
        if (is_object && i % 2 == 0)
            buffer_append_text(out, i > 0 ? ", KEY " : "KEY ");
        else if (is_object)
            buffer_append_text(out, " VALUE ");
        else
            buffer_append_text(out, i > 0 ? ", " : "");
        sql_print_expr(out, call_argument(call, i));
    }
    print_json_clauses(out, call->json);
}

/* ---- Arguments ---- */

static void print_call_plain(Buffer *out, const SqlCall *call)
{
    if (call->is_star)
        buffer_append_char(out, '*');
    if (call->is_distinct)
        buffer_append_text(out, "DISTINCT ");
    for (int32_t i = 0; i < call->arguments.count; i++) {
        buffer_append_text(out, i > 0 ? ", " : "");
        if (call->argument_names.count > 0) {
            print_word(out, LIST_AT(call->argument_names, i, SqlName));
            buffer_append_text(out, " => ");
        }
        sql_print_expr(out, call_argument(call, i));
    }
}

static void print_call_arguments(Buffer *out, const SqlCall *call)
{
    static const char *const extract[] = {"FROM"};
    static const char *const floor[] = {"TO"};
    static const char *const overlay[] = {"PLACING", "FROM", "FOR"};
    const SqlName *name = LIST_AT(call->name->parts, 0, SqlName);
    bool is_special = call->name->parts.count == 1 && !name->is_quoted;
    Keyword keyword = is_special ? keyword_find(name->text) : NO_KEYWORD;
    switch ((int)keyword) {
    case KW_EXTRACT: print_call_words(out, call, extract); break;
    case KW_FLOOR:
    case KW_CEIL:
    case KW_CEILING: print_call_words(out, call, floor); break;
    case KW_OVERLAY: print_call_words(out, call, overlay); break;
    case KW_TRIM: print_call_trim(out, call); break;
    case KW_POSITION:
        print_expr_at(out, call_argument(call, 0), 10);
        buffer_append_text(out, " IN ");
        sql_print_expr(out, call_argument(call, 1));
        break;
    case KW_JSON_OBJECT:
    case KW_JSON_OBJECTAGG: print_call_json(out, call, true); break;
    case KW_JSON_VALUE:
    case KW_JSON_QUERY:
    case KW_JSON_EXISTS:
    case KW_JSON_ARRAY:
    case KW_JSON_ARRAYAGG: print_call_json(out, call, false); break;
    default: print_call_plain(out, call); break;
    }
}

static void print_call_over(Buffer *out, const SqlWindow *window)
{
    buffer_append_text(out, " OVER ");
    if (window->has_specification)
        print_window(out, window);
    else
        sql_print_name(out, window->name->text);
}

void print_call(Buffer *out, const SqlCall *call)
{
    static const char *const words[] = {
        [SQL_MATCH_UNSPECIFIED] = "",
        [SQL_MATCH_RUNNING] = "RUNNING ",
        [SQL_MATCH_FINAL] = "FINAL ",
    };
    assert(call->name->parts.count > 0);
    buffer_append_text(out, words[call->match_word]);
    if (call->name->parts.count == 1)
        print_word(out, LIST_AT(call->name->parts, 0, SqlName));
    else
        print_path(out, call->name);
    if (!call->has_parentheses)
        return;
    buffer_append_char(out, '(');
    print_call_arguments(out, call);
    buffer_append_char(out, ')');
    if (call->nulls != SQL_NULLS_UNSPECIFIED)
        buffer_append_text(out,
                           call->nulls == SQL_IGNORE_NULLS ? " IGNORE NULLS" : " RESPECT NULLS");
    if (call->order_by.count > 0) {
        buffer_append_text(out, " WITHIN GROUP (");
        /* print_order_by begins with a blank, for all but this place. */
        Buffer order = {0};
        print_order_by(&order, call->order_by);
        buffer_append(out, order.data + 1, order.length - 1);
        buffer_free(&order);
        buffer_append_char(out, ')');
    }
    if (call->filter != NULL) {
        buffer_append_text(out, " FILTER (WHERE ");
        sql_print_expr(out, call->filter);
        buffer_append_char(out, ')');
    }
    if (call->over != NULL)
        print_call_over(out, call->over);
}
