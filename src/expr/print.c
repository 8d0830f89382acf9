/* Expressions as SQL text, for EXPLAIN and messages. */
#include "data/nested.h"
#include "expr/internal.h"

static bool function_is(const Expr *expr, const char *name)
{
    return strcmp(expr->function->info.name, name) == 0;
}

static bool function_is_infix(const Expr *expr)
{
    static const char *const names[] = {
        "+",
        "-",
        "*",
        "/",
        "%",
        "=",
        "<>",
        "<",
        "<=",
        ">",
        ">=",
        "||",
        "OR",
        "AND",
        "LIKE",
        "SIMILAR TO",
        "IS DISTINCT FROM",
        "IS NOT DISTINCT FROM",
    };
    if (expr->kind != EXPR_CALL || expr->arg_count != 2)
        return false;
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (function_is(expr, names[i]))
            return true;
    return false;
}

static bool function_is_postfix(const Expr *expr)
{
    return expr->kind == EXPR_CALL && expr->arg_count == 1 &&
           strncmp(expr->function->info.name, "IS ", 3) == 0;
}

static void print_quoted(Buffer *out, Str text)
{
    buffer_append_char(out, '\'');
    for (int64_t i = 0; i < text.length; i++) {
        if (text.data[i] == '\'')
            buffer_append_char(out, '\'');
        buffer_append_char(out, text.data[i]);
    }
    buffer_append_char(out, '\'');
}

static void print_hex(Buffer *out, Str bytes)
{
    buffer_append_text(out, "X'");
    for (int64_t i = 0; i < bytes.length; i++)
        buffer_printf(out, "%02X", (uint8_t)bytes.data[i]);
    buffer_append_char(out, '\'');
}

static void print_literal(Buffer *out, const Value *value);

static void print_literals(Buffer *out, const NestedArray *array, Type element)
{
    for (int32_t i = 0; i < array->count; i++) {
        buffer_append_text(out, i > 0 ? ", " : "");
        Value child = nested_array_value(array, i, element);
        print_literal(out, &child);
    }
}

/* As the constructors are written. */
static void print_nested(Buffer *out, const Value *value)
{
    Type type = value->type;
    if (type.id == TYPE_ARRAY) {
        NestedArray array = nested_array(value->text, type.children[0]);
        buffer_append_text(out, "ARRAY[");
        print_literals(out, &array, type.children[0]);
        buffer_append_char(out, ']');
        return;
    }
    if (type.id == TYPE_ROW) {
        buffer_append_text(out, "ROW(");
        for (int32_t i = 0; i < type.child_count; i++) {
            buffer_append_text(out, i > 0 ? ", " : "");
            Value child = nested_row_value(value->text, type, i);
            print_literal(out, &child);
        }
        buffer_append_char(out, ')');
        return;
    }
    NestedMap map = nested_map(value->text, type);
    buffer_append_text(out, type.id == TYPE_MAP ? "MAP[" : "MULTISET[");
    for (int32_t i = 0; i < map.keys.count; i++) {
        buffer_append_text(out, i > 0 ? ", " : "");
        Value key = nested_array_value(&map.keys, i, nested_key_type(type));
        print_literal(out, &key);
        buffer_append_text(out, ", ");
        Value child = nested_array_value(&map.values, i, nested_value_type(type));
        print_literal(out, &child);
    }
    buffer_append_char(out, ']');
}

static void print_literal(Buffer *out, const Value *value)
{
    if (value->is_null) {
        buffer_append_text(out, "NULL");
        return;
    }
    if (type_is_nested(value->type)) {
        print_nested(out, value);
        return;
    }
    if (type_is_text(value->type)) {
        print_quoted(out, value->text);
        return;
    }
    if (type_is_bytes(value->type)) {
        print_hex(out, value->text);
        return;
    }
    const char *word = NULL;
    if (value->type.id == TYPE_DATE)
        word = "DATE";
    else if (value->type.id == TYPE_TIME)
        word = "TIME";
    else if (value->type.id == TYPE_TIMESTAMP)
        word = "TIMESTAMP";
    else if (value->type.id == TYPE_TIMESTAMP_LTZ)
        word = "TIMESTAMP_LTZ";
    else if (value->type.id == TYPE_INTERVAL_MONTHS || value->type.id == TYPE_INTERVAL_MILLIS)
        word = "INTERVAL";
    if (word != NULL)
        buffer_printf(out, "%s '", word);
    value_print(out, value, VALUE_CAST, timezone_utc());
    if (word == NULL)
        return;
    buffer_append_char(out, '\'');
    if (value->type.id == TYPE_INTERVAL_MONTHS)
        buffer_append_text(out, " YEAR TO MONTH");
    if (value->type.id == TYPE_INTERVAL_MILLIS)
        buffer_append_text(out, " DAY TO SECOND");
}

/* An operand, in parentheses where it could be misread. */
static void print_operand(Buffer *out, const Expr *expr, const Schema *input)
{
    bool needs_parens = function_is_infix(expr) || function_is_postfix(expr) ||
                        (expr->kind == EXPR_CALL && function_is(expr, "NOT"));
    if (needs_parens)
        buffer_append_char(out, '(');
    expr_print(out, expr, input);
    if (needs_parens)
        buffer_append_char(out, ')');
}

static void print_infix(Buffer *out, const Expr *expr, const Schema *input)
{
    /* A chain of one associative operator reads better without parentheses. */
    bool is_chain = (function_is(expr, "AND") || function_is(expr, "OR")) &&
                    expr->args[0]->kind == EXPR_CALL && expr->args[0]->function == expr->function &&
                    expr->args[0]->arg_count == 2;
    if (is_chain)
        expr_print(out, expr->args[0], input);
    else
        print_operand(out, expr->args[0], input);
    buffer_printf(out, " %s ", expr->function->info.name);
    print_operand(out, expr->args[1], input);
}

static void print_case(Buffer *out, const Expr *expr, const Schema *input)
{
    buffer_append_text(out, "CASE");
    int32_t i = 0;
    for (; i + 1 < expr->arg_count; i += 2) {
        buffer_append_text(out, " WHEN ");
        expr_print(out, expr->args[i], input);
        buffer_append_text(out, " THEN ");
        expr_print(out, expr->args[i + 1], input);
    }
    if (i < expr->arg_count) {
        buffer_append_text(out, " ELSE ");
        expr_print(out, expr->args[i], input);
    }
    buffer_append_text(out, " END");
}

/* row.field, array[index], ARRAY[…]; false for other calls. */
static bool print_access(Buffer *out, const Expr *expr, const Schema *input)
{
    const char *name = expr->function->info.name;
    bool is_field = strcmp(name, ".") == 0;
    if (is_field || strcmp(name, "[]") == 0) {
        print_operand(out, expr->args[0], input);
        if (is_field) {
            const Str *names = expr->args[0]->type.child_names;
            buffer_printf(out, ".%.*s", STR_ARGS(names[expr->args[1]->literal.integer]));
        } else {
            buffer_append_char(out, '[');
            expr_print(out, expr->args[1], input);
            buffer_append_char(out, ']');
        }
        return true;
    }
    size_t length = strlen(name);
    bool is_constructor =
        strcmp(name, "ARRAY[]") == 0 || strcmp(name, "MAP[]") == 0 || strcmp(name, "ROW()") == 0;
    if (!is_constructor)
        return false;
    buffer_append(out, name, (int64_t)length - 1);
    for (int32_t i = 0; i < expr->arg_count; i++) {
        buffer_append_text(out, i > 0 ? ", " : "");
        expr_print(out, expr->args[i], input);
    }
    buffer_append_char(out, name[length - 1]);
    return true;
}

static void print_args(Buffer *out, const Expr *expr, int32_t first, const Schema *input)
{
    buffer_append_char(out, '(');
    for (int32_t i = first; i < expr->arg_count; i++) {
        if (i > first)
            buffer_append_text(out, ", ");
        expr_print(out, expr->args[i], input);
    }
    buffer_append_char(out, ')');
}

static void print_call(Buffer *out, const Expr *expr, const Schema *input)
{
    const char *name = expr->function->info.name;
    if (function_is_infix(expr)) {
        print_infix(out, expr, input);
    } else if (function_is_postfix(expr)) {
        print_operand(out, expr->args[0], input);
        buffer_printf(out, " %s", name);
    } else if (function_is(expr, "CASE")) {
        print_case(out, expr, input);
    } else if (function_is_cast(expr->function)) {
        buffer_printf(out, "%s(", name);
        expr_print(out, expr->args[0], input);
        buffer_append_text(out, " AS ");
        type_print(out, type_nullable(expr->type));
        buffer_append_char(out, ')');
    } else if (function_is(expr, "IN")) {
        print_operand(out, expr->args[0], input);
        buffer_append_text(out, " IN ");
        print_args(out, expr, 1, input);
    } else if (expr->arg_count == 1 && (strcmp(name, "NOT") == 0 || strcmp(name, "-") == 0)) {
        buffer_printf(out, "%s%s", name, name[0] == 'N' ? " " : "");
        print_operand(out, expr->args[0], input);
    } else if (!print_access(out, expr, input)) {
        buffer_append_text(out, name);
        print_args(out, expr, 0, input);
    }
}

void expr_print(Buffer *out, const Expr *expr, const Schema *input)
{
    switch (expr->kind) {
    case EXPR_COLUMN:
        if (input != NULL && expr->column < input->count)
            buffer_append_str(out, input->fields[expr->column].name);
        else
            buffer_printf(out, "$%d", expr->column);
        break;
    case EXPR_LITERAL: print_literal(out, &expr->literal); break;
    case EXPR_CALL: print_call(out, expr, input); break;
    }
}
