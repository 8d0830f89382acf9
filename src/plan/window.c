/* Window table functions in FROM: TUMBLE, HOP, CUMULATE over an event-time attribute. */
#include <assert.h>

#include "plan/internal.h"
#include "sql/sql.h"

enum { WINDOW_ARGUMENTS_MAX = 5 };

/* The parameters in order of position. */
typedef struct WindowFunction {
    const char *name;
    WindowKind kind;
    int32_t required;
    const char *parameters[WINDOW_ARGUMENTS_MAX];
    const char *usage;
} WindowFunction;

static const WindowFunction FUNCTIONS[] = {
    {"TUMBLE",
     WINDOW_TUMBLE,
     3,
     {"DATA", "TIMECOL", "SIZE", "OFFSET", NULL},
     "TUMBLE(TABLE t, DESCRIPTOR(ts), INTERVAL '1' MINUTE)"},
    {"HOP",
     WINDOW_HOP,
     4,
     {"DATA", "TIMECOL", "SLIDE", "SIZE", "OFFSET"},
     "HOP(TABLE t, DESCRIPTOR(ts), INTERVAL '1' MINUTE, INTERVAL '30' MINUTE): slide, then size"},
    {"CUMULATE",
     WINDOW_CUMULATE,
     4,
     {"DATA", "TIMECOL", "STEP", "SIZE", "OFFSET"},
     "CUMULATE(TABLE t, DESCRIPTOR(ts), INTERVAL '1' HOUR, INTERVAL '1' DAY): step, then size"},
    {"SESSION",
     WINDOW_SESSION,
     3,
     {"DATA", "TIMECOL", "GAP", NULL, NULL},
     "SESSION(TABLE t PARTITION BY k, DESCRIPTOR(ts), INTERVAL '10' MINUTE)"},
};
enum { FUNCTION_COUNT = sizeof FUNCTIONS / sizeof FUNCTIONS[0] };

/* What one call is bound with. */
typedef struct WindowBinder {
    Planner *planner;
    const SqlExpr *call;
    const WindowFunction *function;
    const SqlExpr *arguments[WINDOW_ARGUMENTS_MAX];
    Bound data;
    int32_t *keys; /* SESSION: PARTITION BY */
    int32_t key_count;
    WindowSpec spec;
} WindowBinder;

static const WindowFunction *window_find(Str name)
{
    for (int32_t i = 0; i < FUNCTION_COUNT; i++) {
        if (str_equal_ignoring_case(name, str_from(FUNCTIONS[i].name)))
            return &FUNCTIONS[i];
    }
    return NULL;
}

bool window_is_function(const SqlExpr *call)
{
    return call->kind == SQL_CALL && call->call->name->parts.count == 1 &&
           window_find(sql_path_last(call->call->name)->text) != NULL;
}

static Diagnostic *window_report(WindowBinder *binder, const char *code, Span span,
                                 const char *message)
{
    Diagnostic *d = REPORT(binder->planner, code, span, "%s", message);
    diagnostic_help(d, "write %s", binder->function->usage);
    return d;
}

static int32_t window_parameter(const WindowFunction *function, Str name)
{
    for (int32_t i = 0; i < WINDOW_ARGUMENTS_MAX && function->parameters[i] != NULL; i++) {
        if (str_equal_ignoring_case(name, str_from(function->parameters[i])))
            return i;
    }
    return -1;
}

/* Puts the arguments, by position or by name, into binder->arguments. */
static bool window_sort_arguments(WindowBinder *binder)
{
    const SqlCall *call = binder->call->call;
    const WindowFunction *function = binder->function;
    for (int32_t i = 0; i < call->arguments.count; i++) {
        const SqlName *name =
            i < call->argument_names.count ? LIST_AT(call->argument_names, i, SqlName) : NULL;
        int32_t at = name == NULL ? i : window_parameter(function, name->text);
        const SqlExpr *argument = LIST_AT(call->arguments, i, SqlExpr);
        if (name != NULL && !name->is_quoted && str_equal_ignoring_case(name->text, STR("OFFSET")))
            EXTENSION(binder->planner, OFFSET_NAME, name->span, NULL);
        if (name != NULL && at < 0) {
            Str known[WINDOW_ARGUMENTS_MAX];
            int32_t count = 0;
            while (count < WINDOW_ARGUMENTS_MAX && function->parameters[count] != NULL) {
                known[count] = str_from(function->parameters[count]);
                count++;
            }
            Diagnostic *d =
                REPORT(binder->planner, "WR2090", name->span, "%s has no parameter `%.*s`",
                       function->name, STR_ARGS(name->text));
            diagnostic_suggest(d, known, count, name->text);
            return false;
        }
        if (at >= WINDOW_ARGUMENTS_MAX || function->parameters[at] == NULL) {
            window_report(
                binder, "WR2090", argument->span,
                arena_printf(binder->planner->arena, "too many arguments for %s", function->name));
            return false;
        }
        binder->arguments[at] = argument;
    }
    for (int32_t i = 0; i < function->required; i++) {
        if (binder->arguments[i] != NULL)
            continue;
        window_report(binder, "WR2090", binder->call->span,
                      arena_printf(binder->planner->arena, "%s lacks its argument %s",
                                   function->name, function->parameters[i]));
        return false;
    }
    return true;
}

/* SESSION(TABLE t PARTITION BY k, …) */
static bool window_bind_keys(WindowBinder *binder, const SqlExpr *argument, const Scope *scope)
{
    Planner *planner = binder->planner;
    const List *keys = &argument->table.partition_by;
    ExprBinder exprs = {.planner = planner, .scope = scope, .place = "PARTITION BY"};
    binder->keys = ARENA_ARRAY(planner->arena, int32_t, keys->count + 1);
    for (int32_t i = 0; i < keys->count; i++) {
        const SqlExpr *key = LIST_AT(*keys, i, SqlExpr);
        Expr *expr = bind_expr(&exprs, key);
        if (expr_is_poison(expr))
            return false;
        if (expr->kind != EXPR_COLUMN) {
            Diagnostic *d =
                REPORT(planner, "WR2091", key->span, "PARTITION BY of a window names columns");
            diagnostic_help(d, "compute the expression in a view");
            return false;
        }
        binder->keys[binder->key_count++] = expr->column;
    }
    return true;
}

static bool window_bind_data(WindowBinder *binder)
{
    Planner *planner = binder->planner;
    const SqlExpr *argument = binder->arguments[0];
    if (argument->kind != SQL_TABLE_ARGUMENT) {
        window_report(binder, "WR2091", argument->span,
                      "the first argument of a window function is a table");
        return false;
    }
    bool is_session = binder->spec.kind == WINDOW_SESSION;
    if ((argument->table.partition_by.count > 0 && !is_session) ||
        argument->table.order_by.count > 0) {
        REPORT(planner, "WR2091", argument->span, "%s takes a table without %sORDER BY",
               binder->function->name, is_session ? "" : "PARTITION BY and ");
        return false;
    }
    Scope scope;
    SqlTable table = {.kind = argument->table.query != NULL ? SQL_TABLE_QUERY : SQL_TABLE_NAMED,
                      .span = argument->span};
    if (argument->table.query != NULL)
        table.query = argument->table.query;
    else
        table.named.path = argument->table.table;
    binder->data = bind_leaf(planner, &table, &scope);
    return binder->data.rel != NULL && window_bind_keys(binder, argument, &scope);
}

static void window_report_time(WindowBinder *binder, const SqlName *name, Type type)
{
    Diagnostic *d =
        REPORT(binder->planner, "WR2093", name->span,
               "the window function needs a time attribute, but `%.*s` is %s", STR_ARGS(name->text),
               type_text(binder->planner->arena, type_nullable(type)));
    const Schema *schema = &binder->data.schema;
    for (int32_t i = 0; i < schema->count; i++) {
        if (schema->fields[i].type.time_attribute == TIME_ROWTIME) {
            diagnostic_help(d, "the time attribute here is `%.*s`",
                            STR_ARGS(schema->fields[i].name));
            return;
        }
    }
    if (type_is_timestamp(type))
        diagnostic_help(d, "declare WATERMARK FOR %.*s AS %.*s - INTERVAL '5' SECOND in the table",
                        STR_ARGS(name->text), STR_ARGS(name->text));
}

static bool window_bind_time(WindowBinder *binder)
{
    Planner *planner = binder->planner;
    const SqlExpr *argument = binder->arguments[1];
    if (argument->kind != SQL_DESCRIPTOR || argument->descriptor.count != 1) {
        static const Str wanted = STR("DESCRIPTOR");
        Diagnostic *d = REPORT(planner, "WR2092", argument->span,
                               "the second argument of a window function is DESCRIPTOR(column)");
        if (argument->kind == SQL_CALL)
            diagnostic_suggest(d, &wanted, 1, sql_path_last(argument->call->name)->text);
        diagnostic_help(d, "write %s", binder->function->usage);
        return false;
    }
    const SqlName *name = LIST_AT(argument->descriptor, 0, SqlName);
    const Schema *schema = &binder->data.schema;
    int32_t column = schema_find(schema, name->text);
    if (column < 0) {
        Diagnostic *d =
            REPORT(planner, "WR2041", name->span, "column `%.*s` not found", STR_ARGS(name->text));
        diagnostic_suggest_columns(planner, d, schema, name->text);
        diagnostic_note_columns(d, schema);
        return false;
    }
    Type type = schema->fields[column].type;
    if (type_is_poison(type))
        return false;
    if (type.time_attribute == TIME_NONE) {
        window_report_time(binder, name, type);
        return false;
    }
    binder->spec.time_column = column;
    binder->spec.is_local_time = type.id == TYPE_TIMESTAMP_LTZ;
    binder->spec.is_processing_time = type.time_attribute == TIME_PROCTIME;
    return true;
}

static bool window_interval(WindowBinder *binder, const SqlExpr *argument, int64_t *out_ms)
{
    Planner *planner = binder->planner;
    ExprBinder exprs = {.planner = planner, .place = "a window"};
    Expr *bound = bind_expr(&exprs, argument);
    if (expr_is_poison(bound))
        return false;
    if (bound->type.id == TYPE_INTERVAL_MONTHS) {
        Diagnostic *d = REPORT(planner, "WR2094", argument->span,
                               "a window takes DAY, HOUR, MINUTE and SECOND, not MONTH or YEAR");
        diagnostic_label(d, "of no fixed length");
        return false;
    }
    if (bound->kind != EXPR_LITERAL || bound->type.id != TYPE_INTERVAL_MILLIS ||
        bound->literal.is_null) {
        window_report(binder, "WR2094", argument->span,
                      "only constant intervals are possible for windows");
        return false;
    }
    *out_ms = bound->literal.integer;
    return true;
}

static bool window_check(WindowBinder *binder)
{
    Planner *planner = binder->planner;
    const WindowSpec *spec = &binder->spec;
    Span span = binder->call->span;
    long long size = spec->size_ms, slide = spec->slide_ms;
    int64_t offset = spec->offset_ms < 0 ? -spec->offset_ms : spec->offset_ms;
    if (size <= 0 || slide <= 0) {
        REPORT(planner, "WR2095", span, "the intervals of a window must be greater than zero");
        return false;
    }
    bool is_sliced = spec->kind == WINDOW_HOP || spec->kind == WINDOW_CUMULATE;
    if (is_sliced && size % slide != 0) {
        bool is_hop = spec->kind == WINDOW_HOP;
        Diagnostic *d = REPORT(planner, "WR2096", span,
                               "%s needs a size that is a multiple of its %s, but got size %lld ms "
                               "and %s %lld ms",
                               binder->function->name, is_hop ? "slide" : "step", size,
                               is_hop ? "slide" : "step", slide);
        if (slide % size == 0)
            diagnostic_help(d, "the %s comes first, then the size", is_hop ? "slide" : "step");
        return false;
    }
    if (offset >= slide) {
        REPORT(planner, "WR2097", span, "the offset of %s must be smaller than its %s",
               binder->function->name, spec->kind == WINDOW_TUMBLE ? "size" : "slide");
        return false;
    }
    return true;
}

static bool window_bind_intervals(WindowBinder *binder)
{
    WindowSpec *spec = &binder->spec;
    bool is_tumble = spec->kind == WINDOW_TUMBLE || spec->kind == WINDOW_SESSION;
    int32_t size_at = is_tumble ? 2 : 3;
    bool is_good = window_interval(binder, binder->arguments[size_at], &spec->size_ms);
    spec->slide_ms = spec->size_ms;
    if (!is_tumble)
        is_good &= window_interval(binder, binder->arguments[2], &spec->slide_ms);
    if (binder->arguments[size_at + 1] != NULL)
        is_good &= window_interval(binder, binder->arguments[size_at + 1], &spec->offset_ms);
    return is_good && window_check(binder);
}

/* The input's columns, its time now an ordinary one, and the three of the window. */
static Schema window_schema(Planner *planner, const Bound *data, const WindowSpec *spec)
{
    int32_t count = data->schema.count;
    Field *fields = ARENA_ARRAY(planner->arena, Field, count + 3);
    for (int32_t i = 0; i < count; i++)
        fields[i] = data->schema.fields[i];
    Type time = fields[spec->time_column].type;
    fields[spec->time_column].type.time_attribute = TIME_NONE;
    time.precision = 3;
    time.time_attribute = spec->is_processing_time ? TIME_PROCTIME : TIME_ROWTIME;
    Type edge = type_not_null(type_timestamp(3));
    fields[count] = (Field){STR("window_start"), edge};
    fields[count + 1] = (Field){STR("window_end"), edge};
    fields[count + 2] = (Field){STR("window_time"), type_not_null(time)};
    return (Schema){.fields = fields, .count = count + 3};
}

Bound bind_window(Planner *planner, const SqlExpr *call)
{
    assert(window_is_function(call));
    WindowBinder binder = {.planner = planner, .call = call};
    binder.function = window_find(sql_path_last(call->call->name)->text);
    binder.spec.kind = binder.function->kind;
    if (!window_sort_arguments(&binder) || !window_bind_data(&binder))
        return (Bound){0};
    bool is_good = window_bind_time(&binder);
    is_good &= window_bind_intervals(&binder);
    if (!is_good)
        return (Bound){0};
    Schema schema = window_schema(planner, &binder.data, &binder.spec);
    Rel *rel = rel_new(planner, PLAN_WINDOW_ASSIGN, &schema, &binder.data.rel, 1);
    rel->span = call->span;
    rel->node.window_assign.window = binder.spec;
    rel->node.window_assign.keys = binder.keys;
    rel->node.window_assign.key_count = binder.key_count;
    return bound_make(planner, rel_intern(planner, rel), &schema, call->span);
}

/* ---- GROUP BY TUMBLE(ts, size) --------------------------------------------------------- */

const SqlExpr *group_window_find(const List *groups)
{
    for (int32_t i = 0; i < groups->count; i++) {
        const SqlGroup *item = LIST_AT(*groups, i, SqlGroup);
        if (item->kind == SQL_GROUP_EXPR && window_is_function(item->expr))
            return item->expr;
    }
    return NULL;
}

static bool group_window_time(WindowBinder *binder, const Scope *scope, const SqlExpr *argument)
{
    ExprBinder exprs = {.planner = binder->planner, .scope = scope, .place = "a window"};
    Expr *time = bind_expr(&exprs, argument);
    if (expr_is_poison(time))
        return false;
    if (time->kind != EXPR_COLUMN || time->type.time_attribute == TIME_NONE) {
        REPORT(binder->planner, "WR2093", argument->span,
               "a group window needs a time attribute, but this is %s",
               type_text(binder->planner->arena, type_nullable(time->type)));
        return false;
    }
    binder->spec.time_column = time->column;
    binder->spec.is_local_time = time->type.id == TYPE_TIMESTAMP_LTZ;
    binder->spec.is_processing_time = time->type.time_attribute == TIME_PROCTIME;
    return true;
}

/* The three columns get names that nobody can write. */
static Schema group_window_schema(Planner *planner, const Bound *data, const WindowSpec *spec)
{
    Schema schema = window_schema(planner, data, spec);
    Field *fields = (Field *)schema.fields;
    fields[schema.count - 3].name = STR("$window_start");
    fields[schema.count - 2].name = STR("$window_end");
    fields[schema.count - 1].name = STR("$window_time");
    return schema;
}

/* Windows of GROUP BY that give results before they are over, or after. */
static bool group_window_is_final(Planner *planner, const SqlExpr *call)
{
    static const char *const settings[] = {"table.exec.emit.early-fire.enabled",
                                           "table.exec.emit.late-fire.enabled"};
    for (size_t i = 0; i < sizeof settings / sizeof settings[0]; i++) {
        if (!settings_is(planner, settings[i], "true"))
            continue;
        Diagnostic *d = planner_unsupported(
            planner, call->span,
            arena_printf(planner->arena, "'%s' of a group window", settings[i]));
        diagnostic_help(d, "a CUMULATE window gives results at each step");
        return false;
    }
    return true;
}

bool bind_group_window(Planner *planner, const SqlExpr *call, Bound *input, Scope *scope)
{
    WindowBinder binder = {.planner = planner, .call = call, .data = *input};
    binder.function = window_find(sql_path_last(call->call->name)->text);
    binder.spec.kind = binder.function->kind;
    const List *arguments = &call->call->arguments;
    bool is_hop = binder.spec.kind == WINDOW_HOP;
    bool is_known = binder.spec.kind != WINDOW_CUMULATE;
    if (!is_known || arguments->count != (is_hop ? 3 : 2)) {
        planner_unsupported(planner, call->span, "this form of a group window");
        return false;
    }
    if (!group_window_is_final(planner, call) ||
        !group_window_time(&binder, scope, LIST_AT(*arguments, 0, SqlExpr)) ||
        !window_interval(&binder, LIST_AT(*arguments, arguments->count - 1, SqlExpr),
                         &binder.spec.size_ms))
        return false;
    binder.spec.slide_ms = binder.spec.size_ms;
    if (is_hop && !window_interval(&binder, LIST_AT(*arguments, 1, SqlExpr), &binder.spec.slide_ms))
        return false;
    if (!window_check(&binder))
        return false;
    if (binder.spec.kind == WINDOW_SESSION && settings_is_batch(planner))
        EXTENSION(planner, BATCH_SESSION, call->span, NULL);
    Schema schema = group_window_schema(planner, input, &binder.spec);
    Rel *rel = rel_new(planner, PLAN_WINDOW_ASSIGN, &schema, &input->rel, 1);
    rel->span = call->span;
    rel->node.window_assign.window = binder.spec;
    rel->node.window_assign.takes_groups = true;
    *input = bound_make(planner, rel_intern(planner, rel), &schema, call->span);
    scope_retype(planner, scope, &schema);
    return true;
}

static bool arguments_equal(const List *a, const List *b)
{
    Buffer left = {0}, right = {0};
    for (int32_t i = 0; i < a->count; i++)
        sql_print_expr(&left, LIST_AT(*a, i, SqlExpr));
    for (int32_t i = 0; i < b->count; i++)
        sql_print_expr(&right, LIST_AT(*b, i, SqlExpr));
    bool is_equal = a->count == b->count && str_equal(buffer_str(&left), buffer_str(&right));
    buffer_free(&left);
    buffer_free(&right);
    return is_equal;
}

Expr *bind_group_window_part(ExprBinder *binder, const SqlExpr *call)
{
    static const char *const parts[] = {"_START", "_END", "_ROWTIME", "_PROCTIME"};
    Planner *planner = binder->planner;
    Str name = sql_path_last(call->call->name)->text;
    Str window = sql_path_last(binder->window->call->name)->text;
    const Schema *schema = &binder->scope->schema;
    bool is_processing_time =
        schema->fields[schema->count - 1].type.time_attribute == TIME_PROCTIME;
    for (int32_t i = 0; i < 4; i++) {
        Str wanted = str_from(arena_printf(planner->arena, "%.*s%s", STR_ARGS(window), parts[i]));
        if (!str_equal_ignoring_case(name, wanted) || (i >= 2 && is_processing_time != (i == 3)) ||
            !arguments_equal(&call->call->arguments, &binder->window->call->arguments))
            continue;
        int32_t column = schema->count - 3 + (i == 3 ? 2 : i);
        Expr *expr = expr_column(planner->arena, column, schema->fields[column].type);
        expr->span_start = call->span.start;
        expr->span_end = call->span.end;
        return expr;
    }
    Diagnostic *d =
        REPORT(planner, "WR2098", call->span, "this is no part of the window in GROUP BY");
    diagnostic_help(d, "give %.*s_START, _END or _ROWTIME the same arguments", STR_ARGS(window));
    return expr_poison(planner->arena);
}
