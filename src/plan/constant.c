/* A row of constants with the types of a table: what a test feeds. */
#include <assert.h>

#include "plan/internal.h"
#include "sql/sql.h"

typedef struct RowBinder {
    Planner *planner;
    const RowRequest *request;
    Value *out;
} RowBinder;

/* Evaluate the constants over one row without columns. */
static bool row_evaluate(RowBinder *binder, Expr *const *exprs, int32_t count, Span span,
                         Value *out)
{
    Planner *planner = binder->planner;
    Arena *arena = planner->arena;
    Schema nothing = {0};
    Error error = {0};
    Program *program;
    if (program_compile(arena, exprs, count, &nothing, &program, &error) != OK) {
        REPORT(planner, error.code, span, "%s", error.text);
        return false;
    }
    EvalContext context = {.world = planner->context->world,
                           .scratch = arena,
                           .zone = binder->request->zone,
                           .watermark = TIMESTAMP_MIN,
                           .errors = ARENA_ARRAY(arena, RowError, ROW_ERRORS_MAX)};
    Batch row = {.row_count = 1, .selection = {.count = 1}};
    Column *results = ARENA_ARRAY(arena, Column, count);
    program_run(program, &context, &row, results);
    if (context.error_count > 0) {
        REPORT(planner, context.errors[0].code, span, "%s", context.errors[0].reason);
        return false;
    }
    for (int32_t i = 0; i < count; i++)
        out[i] = value_get(&results[i], 0);
    return true;
}

/* Numbers that change in a narrower type are mistakes, not roundings. */
static bool row_loses(RowBinder *binder, Expr *given, const Value *value, Span span)
{
    bool is_exact = type_is_integer(value->type) || value->type.id == TYPE_DECIMAL;
    if (!is_exact || !type_is_numeric(given->type) || value->is_null)
        return false;
    Arena *arena = binder->planner->arena;
    Expr *back = expr_cast(arena, expr_literal(arena, *value), given->type, false);
    Expr *both[2] = {given, back};
    Value values[2];
    if (!row_evaluate(binder, both, 2, span, values))
        return true;
    if (value_equal(&values[0], &values[1]))
        return false;
    REPORT(binder->planner, "WR2103", span, "the value does not fit %s",
           type_text(arena, type_nullable(value->type)));
    return true;
}

static bool row_bind_value(RowBinder *binder, const SqlExpr *item, int32_t index)
{
    Planner *planner = binder->planner;
    const Field *field = &binder->request->schema->fields[index];
    ExprBinder exprs = {.planner = planner, .place = "a row that is fed"};
    Expr *given = bind_expr(&exprs, item);
    if (expr_is_poison(given))
        return false;
    Type to = field->type;
    to.is_nullable = true;
    if (to.id == TYPE_CHAR)
        to.id = TYPE_VARCHAR; /* a source gives what it has, without filling it up */
    Expr *cast = given;
    if (given->type.id != TYPE_NULL && cast_kind(given->type, to) == CAST_NONE &&
        !type_equal(given->type, to)) {
        REPORT(planner, "WR2103", item->span, "column `%.*s` is %s, but the value is %s",
               STR_ARGS(field->name), type_text(planner->arena, to),
               type_text(planner->arena, type_nullable(given->type)));
        return false;
    }
    if (given->type.id == TYPE_NULL || !type_equal(given->type, to))
        cast = expr_cast(planner->arena, given, to, false);
    Value *out = &binder->out[index];
    if (!row_evaluate(binder, &cast, 1, item->span, out))
        return false;
    out->type = field->type;
    if (out->is_null && !field->type.is_nullable) {
        REPORT(planner, "WR2105", item->span, "column `%.*s` is NOT NULL", STR_ARGS(field->name));
        return false;
    }
    return !row_loses(binder, given, out, item->span);
}

static void row_bind(RowBinder *binder, const SqlQuery *query)
{
    Planner *planner = binder->planner;
    if (query->kind != SQL_VALUES || query->rows.count != 1) {
        REPORT(planner, "WR2032", query->span, "one row in parentheses is needed");
        return;
    }
    const SqlExpr *row = LIST_AT(query->rows, 0, SqlExpr);
    int32_t given = row->collection.items.count;
    const Schema *schema = binder->request->schema;
    if (given != schema->count) {
        Diagnostic *d = REPORT(planner, "WR2032", row->span, "the row has %d value%s, not %d",
                               given, given == 1 ? "" : "s", schema->count);
        diagnostic_note_columns(d, schema);
        return;
    }
    for (int32_t i = 0; i < given; i++)
        row_bind_value(binder, LIST_AT(row->collection.items, i, SqlExpr), i);
}

Status plan_row(const PlanContext *context, const RowRequest *request, Arena *arena,
                Diagnostics *diagnostics, Value *out)
{
    assert(context->world != NULL && context->registry != NULL);
    Planner planner;
    planner_begin(&planner, session_new(context, arena), arena, diagnostics);
    SqlQuery *query;
    if (sql_parse_query(request->values, arena, diagnostics, &query) != OK)
        return ERR_INVALID;
    RowBinder binder = {.planner = &planner, .request = request, .out = out};
    row_bind(&binder, query);
    return diagnostics_error_count(diagnostics) == 0 ? OK : ERR_INVALID;
}
