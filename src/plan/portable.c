/* Calls that weir takes and stock Flink does not, by the types of their arguments: found by asking
 * Flink 1.20 for every function with arguments of every type. See sql/extension.h. */
#include <assert.h>

#include "plan/internal.h"

enum { ANY_ARG = -1 };

#define T(type) (1u << TYPE_##type)
#define STAMPS (T(TIMESTAMP) | T(TIMESTAMP_LTZ))
#define INTERVALS (T(INTERVAL_MONTHS) | T(INTERVAL_MILLIS))
#define NESTED (T(ARRAY) | T(MAP) | T(MULTISET) | T(ROW))
#define SHORT_INTEGERS (T(TINYINT) | T(SMALLINT))
#define INTEGERS (SHORT_INTEGERS | T(INT) | T(BIGINT))
#define NUMBERS (INTEGERS | T(FLOAT) | T(DOUBLE) | T(DECIMAL))
#define ALL_TYPES (~0u)

/* An argument of one of the types, beside another one of one of the others (0: whatever). */
typedef struct CallRule {
    const char *names; /* separated by blanks */
    int32_t arg;       /* or ANY_ARG */
    uint32_t types, others;
    Extension extension;
} CallRule;

static const CallRule call_rules[] = {
    {"= <> < <= > >= BETWEEN IN CASE IF NULLIF ARRAY[] GREATEST LEAST", ANY_ARG, T(DATE), STAMPS,
     EXTENSION_DATE_AND_TIMESTAMP},
    {"IS_DISTINCT_FROM IS_NOT_DISTINCT_FROM", ANY_ARG, T(DATE), STAMPS,
     EXTENSION_DATE_AND_TIMESTAMP},
    {"COALESCE IFNULL", ANY_ARG, T(DATE), T(TIMESTAMP_LTZ), EXTENSION_DATE_AND_TIMESTAMP},
    {"TIMESTAMPDIFF OVERLAPS", ANY_ARG, T(TIMESTAMP_LTZ), T(DATE) | T(TIMESTAMP), EXTENSION_CALL},
    {"OVERLAPS", ANY_ARG, T(DATE), T(TIMESTAMP), EXTENSION_CALL},
    {"OVERLAPS", ANY_ARG, T(CHAR) | T(VARCHAR), 0, EXTENSION_CALL},
    {"IF", 1, NESTED | INTERVALS, 0, EXTENSION_CALL},
    {"IF", 2, NESTED | INTERVALS, 0, EXTENSION_CALL},
    {"NULLIF", 0, T(ARRAY), 0, EXTENSION_CALL},
    {"ATAN2", ANY_ARG, T(DECIMAL), NUMBERS & ~T(DECIMAL), EXTENSION_CALL},
    {"/", 0, INTERVALS, 0, EXTENSION_CALL},
    {"+", 0, INTERVALS, T(TIMESTAMP_LTZ), EXTENSION_CALL},
    {"TIMESTAMPADD", 2, INTERVALS, 0, EXTENSION_CALL},
    {"DATE_FORMAT", 0, T(DATE), 0, EXTENSION_CALL},
    {"HASH_CODE", 0, T(TIMESTAMP_LTZ) | T(BINARY) | T(VARBINARY) | NESTED | INTERVALS, 0,
     EXTENSION_CALL},
    {"RAND RAND_INTEGER", ANY_ARG, T(BIGINT), 0, EXTENSION_CALL},
    {"ROUND TRUNCATE", 1, T(BIGINT), 0, EXTENSION_CALL},
    {"LEFT RIGHT REPEAT SUBSTR SUBSTRING", ANY_ARG, T(BIGINT), 0, EXTENSION_CALL},
    {"[]", 1, SHORT_INTEGERS, T(ARRAY), EXTENSION_CALL},
    {"MIN MAX", 0, T(BINARY) | T(VARBINARY) | INTERVALS, 0, EXTENSION_CALL},
    {"FIRST_VALUE LAST_VALUE", 0,
     T(CHAR) | T(DATE) | T(TIME) | STAMPS | T(BINARY) | T(VARBINARY) | INTERVALS | NESTED, 0,
     EXTENSION_CALL},
    {"GREATEST LEAST", ANY_ARG, T(BINARY) | T(VARBINARY), 0, EXTENSION_CALL},
    {"= <> IS_DISTINCT_FROM IS_NOT_DISTINCT_FROM", 0, T(NULL), T(ROW), EXTENSION_CALL},
    {"IN", ANY_ARG, T(NULL), T(ROW), EXTENSION_CALL},
    {"CASE", 1, T(NULL), T(ARRAY), EXTENSION_CALL},
    {"ARRAY[]", 0, T(NULL), NESTED, EXTENSION_CALL},
    {"ARRAY[]", ANY_ARG, T(NULL), INTERVALS, EXTENSION_CALL},
    {"PERCENTILE", 0, ALL_TYPES, 0, EXTENSION_PERCENTILE},
    {"KEYVALUE", 0, ALL_TYPES, 0, EXTENSION_FUNCTION},
};

/* Where Flink knows the type of NULL, or needs none. */
static const char *const null_takers =
    "= <> < <= > >= BETWEEN IN CASE IS_NULL IS_NOT_NULL IS_DISTINCT_FROM IS_NOT_DISTINCT_FROM "
    "COALESCE IFNULL NULLIF ARRAY[] MAP[] ARRAY_APPEND ARRAY_CONTAINS ARRAY_JOIN ARRAY_POSITION "
    "ARRAY_PREPEND ARRAY_REMOVE ARRAY_SLICE ARRAY_SORT JSON_STRING SPLIT TYPEOF";

/* Names with blanks in them are written with '_' in the lists. */
static bool names_have(const char *names, const char *name)
{
    Str rest = str_from(names), one, wanted = str_from(name);
    do {
        one = str_split(rest, ' ', &rest);
        bool is_same = one.length == wanted.length;
        for (int64_t i = 0; is_same && i < one.length; i++) {
            char c = wanted.data[i] == ' ' ? '_' : wanted.data[i];
            is_same = (c >= 'a' && c <= 'z' ? c - 'a' + 'A' : c) == one.data[i];
        }
        if (is_same)
            return true;
    } while (rest.data != NULL);
    return false;
}

static bool type_is_in(Type type, uint32_t types)
{
    return (types >> type.id & 1u) != 0;
}

static bool rule_fits(const CallRule *rule, Expr *const *args, int32_t count)
{
    for (int32_t i = 0; i < count; i++) {
        if ((rule->arg != ANY_ARG && rule->arg != i) || !type_is_in(args[i]->type, rule->types))
            continue;
        if (rule->others == 0)
            return true;
        for (int32_t k = 0; k < count; k++) {
            if (k != i && type_is_in(args[k]->type, rule->others))
                return true;
        }
    }
    return false;
}

/* "ATAN2(INT, DECIMAL(10, 2))" */
static const char *call_text(Planner *planner, const char *name, Expr *const *args, int32_t count)
{
    Buffer out = {0};
    buffer_printf(&out, "%s(", name);
    for (int32_t i = 0; i < count; i++) {
        Type type = type_plain(type_nullable(args[i]->type));
        buffer_printf(&out, "%s%s", i > 0 ? ", " : "",
                      type.id == TYPE_NULL ? "NULL" : type_text(planner->arena, type));
    }
    buffer_append_char(&out, ')');
    const char *text = str_terminated(planner->arena, buffer_str(&out));
    buffer_free(&out);
    return text;
}

static void portable_rules(Planner *planner, const char *name, Expr *const *args, int32_t count,
                           Span span)
{
    for (size_t i = 0; i < sizeof call_rules / sizeof call_rules[0]; i++) {
        const CallRule *rule = &call_rules[i];
        if (!names_have(rule->names, name) || !rule_fits(rule, args, count))
            continue;
        bool has_types = rule->extension == EXTENSION_CALL;
        extension_report(planner->diagnostics, rule->extension, span,
                         has_types ? call_text(planner, name, args, count) : name);
    }
}

/* ---- Calls whose values count -------------------------------------------------------------- */

static bool is_literal(const Expr *expr)
{
    return expr->kind == EXPR_LITERAL && !expr->literal.is_null;
}

/* Whether the text is a value of the type. */
static bool text_reads_as(Planner *planner, const Expr *text, Type type)
{
    Arena *arena = planner->arena;
    Expr *cast = expr_cast(arena, (Expr *)text, type_nullable(type_plain(type)), true);
    Schema nothing = {0};
    Program *program;
    Error error = {0};
    if (program_compile(arena, &cast, 1, &nothing, &program, &error) != OK)
        return true;
    EvalContext context = {.world = planner->context->world,
                           .scratch = arena,
                           .zone = timezone_utc(),
                           .watermark = TIMESTAMP_MIN,
                           .errors = ARENA_ARRAY(arena, RowError, ROW_ERRORS_MAX)};
    Batch row = {.row_count = 1, .selection = {.count = 1}};
    Column result;
    program_run(program, &context, &row, &result);
    return context.error_count == 0 && !value_get(&result, 0).is_null;
}

/* A text that is compared with a time becomes one when the query is planned. */
static void portable_text(Planner *planner, Expr *const *args, Span span)
{
    for (int32_t i = 0; i < 2; i++) {
        const Expr *text = args[i], *other = args[1 - i];
        if (is_literal(text) && type_is_text(text->type) &&
            type_is_in(other->type, T(DATE) | T(TIME) | STAMPS) &&
            !text_reads_as(planner, text, other->type))
            EXTENSION(planner, TEXT_CONSTANT, span, NULL);
    }
}

/* All values behind IN have one type; numbers are one, and texts are. */
static bool in_types_agree(Expr *const *args, int32_t count)
{
    for (int32_t i = 2; i < count; i++) {
        Type a = args[1]->type, b = args[i]->type;
        bool is_same = a.id == b.id || (type_is_in(a, STAMPS) && type_is_in(b, STAMPS)) ||
                       (type_is_numeric(a) && type_is_numeric(b)) ||
                       (type_is_text(a) && type_is_text(b)) || a.id == TYPE_NULL ||
                       b.id == TYPE_NULL;
        if (!is_same)
            return false;
    }
    return true;
}

static bool is_zero(const Expr *expr)
{
    return is_literal(expr) && type_is_integer(expr->type) && expr->literal.integer == 0;
}

static bool are_all_null(Expr *const *args, int32_t count)
{
    int32_t nulls = 0;
    while (nulls < count && args[nulls]->type.id == TYPE_NULL)
        nulls++;
    return nulls == count;
}

/* Every `step`th argument is a short integer or NULL, and not all are constants. */
static bool are_short(Expr *const *args, int32_t first, int32_t step, int32_t count)
{
    bool is_computed = false;
    for (int32_t i = first; i < count; i += step) {
        if (!type_is_in(args[i]->type, SHORT_INTEGERS | T(NULL)))
            return false;
        is_computed |= args[i]->kind != EXPR_LITERAL;
    }
    return is_computed;
}

/* Flink's code for short integers as parts of a value does not compile. */
static bool has_short_parts(const char *name, Expr *const *args, int32_t count)
{
    if (names_have("ARRAY[]", name))
        return are_short(args, 0, 1, count);
    if (names_have("MAP[]", name))
        return are_short(args, 0, 2, count) || are_short(args, 1, 2, count);
    for (int32_t i = 0; i < count && names_have("ROW()", name); i++) {
        if (are_short(args, i, count, count))
            return true;
    }
    return false;
}

static bool is_sha2_length(const Expr *bits)
{
    static const int64_t lengths[] = {0, 224, 256, 384, 512};
    for (size_t i = 0; i < sizeof lengths / sizeof lengths[0]; i++) {
        if (bits->literal.integer == lengths[i])
            return true;
    }
    return false;
}

/* ROW(1, 'x') IN (r): the values behind IN have to be written as ROWs, too. */
static bool is_row_in_columns(Expr *const *args, int32_t count)
{
    for (int32_t i = 1; i < count && args[0]->kind != EXPR_COLUMN; i++) {
        if (args[0]->type.id == TYPE_ROW && args[i]->kind == EXPR_COLUMN)
            return true;
    }
    return false;
}

/* The first argument that is a unit of time which Flink's parser or planner does not take. */
static const char *unit_refused(Planner *planner, const char *name, Expr *const *args,
                                int32_t count)
{
    const char *refused = names_have("TIMESTAMPADD TIMESTAMPDIFF", name)
                              ? "MILLISECOND DECADE CENTURY MILLENNIUM"
                          : names_have("FLOOR CEIL", name) ? "MICROSECOND"
                                                           : "";
    if (names_have("EXTRACT", name) && type_is_in(args[1]->type, T(DATE) | T(TIME)))
        refused = "MICROSECOND NANOSECOND";
    for (int32_t i = 0; i < count; i++) {
        if (!is_literal(args[i]) || !type_is_text(args[i]->type))
            continue;
        const char *unit = str_terminated(planner->arena, args[i]->literal.text);
        if (unit[0] != '\0' && names_have(refused, unit))
            return unit;
    }
    return NULL;
}

static void portable_values(Planner *planner, const char *name, Expr *const *args, int32_t count,
                            Span span)
{
    if (names_have("/", name) && is_literal(args[0]) && is_zero(args[1]))
        EXTENSION(planner, DIVISION, span, NULL);
    if (names_have("= <> NULLIF IS_DISTINCT_FROM IS_NOT_DISTINCT_FROM", name))
        portable_text(planner, args, span);
    if (names_have("IN", name) && !in_types_agree(args, count))
        EXTENSION(planner, IN_TYPES, span, name);
    if (names_have("TYPEOF", name) && count == 2 &&
        !(is_literal(args[1]) && args[1]->type.id == TYPE_BOOLEAN))
        EXTENSION(planner, CALL, span, call_text(planner, name, args, count));
    if (names_have("LIKE", name) && count == 3 && is_literal(args[2]) &&
        str_is(args[2]->literal.text, "\\"))
        EXTENSION(planner, ESCAPE, span, NULL);
    if (has_short_parts(name, args, count))
        EXTENSION(planner, CALL, span, call_text(planner, name, args, count));
    if (names_have("SHA2", name) &&
        (is_literal(args[1]) ? !is_sha2_length(args[1]) : !type_is_text(args[0]->type)))
        EXTENSION(planner, CALL, span, call_text(planner, name, args, count));
    if (names_have("IN", name) && is_row_in_columns(args, count))
        EXTENSION(planner, CALL, span, call_text(planner, name, args, count));
    if (names_have("IN", name) && are_all_null(args, count))
        EXTENSION(planner, UNTYPED_NULL, span, NULL);
    if ((names_have("JSON_VALUE", name) && count == 7 && args[6]->type.id == TYPE_CHAR) ||
        (names_have("JSON_QUERY", name) && count == 6 && args[5]->type.id == TYPE_CHAR))
        EXTENSION(planner, JSON_CHAR, span, name);
    if (names_have("JSON_EXISTS", name) && !is_literal(args[1]))
        EXTENSION(planner, JSON_PATH, span, name);
    if (names_have("JSON_VALUE", name) && count >= 6 &&
        (args[3]->kind != EXPR_LITERAL || args[5]->kind != EXPR_LITERAL))
        EXTENSION(planner, JSON_DEFAULT, span, name);
    if (names_have("CURRENT_WATERMARK", name) && count == 1 &&
        args[0]->type.time_attribute != TIME_ROWTIME)
        EXTENSION(planner, CALL, span, call_text(planner, name, args, count));
}

static void portable_null(Planner *planner, const char *name, const Expr *arg)
{
    bool is_written = arg->type.id == TYPE_NULL && arg->span_end > 0;
    if (is_written && !names_have(null_takers, name))
        EXTENSION(planner, UNTYPED_NULL, span_make(arg->span_start, arg->span_end), NULL);
}

void portable_call(Planner *planner, const char *name, Expr *const *args, int32_t count, Span span)
{
    if (diagnostics_target(planner->diagnostics) == FLINK_UNKNOWN || span.end == 0)
        return;
    for (int32_t i = 0; i < count; i++)
        portable_null(planner, name, args[i]);
    portable_rules(planner, name, args, count, span);
    const char *unit = unit_refused(planner, name, args, count);
    if (unit != NULL)
        EXTENSION(planner, UNIT, span, unit);
    portable_values(planner, name, args, count, span);
}

/* ---- The remainder of decimals ------------------------------------------------------------- */

/* An integer as the decimal of its digits. */
static Type decimal_of(Type type)
{
    int32_t digits = type.id == TYPE_TINYINT    ? 3
                     : type.id == TYPE_SMALLINT ? 5
                     : type.id == TYPE_INT      ? 10
                                                : 19;
    return type_is_integer(type) ? type_decimal(digits, 0) : type;
}

/* Flink derives the type of a remainder of decimals in two ways, which must agree. */
static bool remainder_agrees(Type left, Type right)
{
    Type a = decimal_of(left), b = decimal_of(right);
    if (left.id != TYPE_DECIMAL && right.id != TYPE_DECIMAL)
        return true;
    int32_t scale = a.scale > b.scale ? a.scale : b.scale;
    int32_t whole = a.precision - a.scale < b.precision - b.scale ? a.precision - a.scale
                                                                  : b.precision - b.scale;
    return right.id == TYPE_DECIMAL && b.scale == scale && b.precision == whole + scale;
}

/* Where an item of SELECT is made of it; calls and casts around it hide it. */
static void portable_remainder(Planner *planner, const Expr *expr)
{
    if (expr->kind != EXPR_CALL)
        return;
    const char *name = function_name(expr->function);
    Span span = span_make(expr->span_start, expr->span_end);
    if (names_have("%", name) && !remainder_agrees(expr->args[0]->type, expr->args[1]->type))
        EXTENSION(planner, CALL, span, call_text(planner, name, expr->args, expr->arg_count));
    for (int32_t i = 0; i < expr->arg_count && names_have("+ - * / % CASE ROW() ARRAY[]", name);
         i++)
        portable_remainder(planner, expr->args[i]);
}

/* ---- Aggregates -------------------------------------------------------------------------- */

/* Only those are counted for. */
static int32_t nullable_count(Expr *const *args, int32_t count)
{
    int32_t nullable = 0;
    for (int32_t i = 0; i < count; i++)
        nullable += args[i]->type.is_nullable;
    return nullable;
}

void portable_aggregate(Planner *planner, const SqlExpr *expr, Expr *const *args)
{
    const SqlCall *call = expr->call;
    if (diagnostics_target(planner->diagnostics) == FLINK_UNKNOWN)
        return;
    int32_t count = call->arguments.count;
    const char *name = str_terminated(planner->arena, sql_path_last(call->name)->text);
    portable_rules(planner, name, args, count, expr->span);
    for (int32_t i = 0; i < count; i++)
        portable_remainder(planner, args[i]);
    if (names_have("COUNT", name) && !call->is_star &&
        (count == 0 || (call->is_distinct ? count : nullable_count(args, count)) > 1))
        EXTENSION(planner, ARGUMENT_COUNT, expr->span, name);
    if (count > 1 && names_have("LISTAGG", name) &&
        !(is_literal(args[1]) && type_is_text(args[1]->type)))
        EXTENSION(planner, SEPARATOR, expr->span, name);
    uint32_t uncomparable = T(BINARY) | T(VARBINARY) | T(MAP) | T(MULTISET) | T(ROW);
    if (call->is_distinct && type_is_in(args[0]->type, uncomparable))
        EXTENSION(planner, DISTINCT_TYPE, expr->span, call_text(planner, name, args, count));
    if ((call->filter != NULL || call->over != NULL) && call->json != NULL)
        EXTENSION(planner, AGGREGATE_CLAUSE, expr->span, name);
}

/* Windows that share their rows are put together of parts, which not every aggregate can. */
void portable_window(Planner *planner, WindowKind kind, bool is_group_window, const List *uses)
{
    for (int32_t i = 0; i < uses->count && kind != WINDOW_TUMBLE; i++) {
        const AggregateUse *use = LIST_AT(*uses, i, AggregateUse);
        const char *name = str_terminated(planner->arena, use->name);
        bool is_array = str_has_prefix(use->name, STR("JSON_ARRAYAGG"));
        bool is_object = str_has_prefix(use->name, STR("JSON_OBJECTAGG")) && is_group_window;
        bool is_distinct =
            use->is_distinct && kind == WINDOW_HOP && !is_group_window &&
            !names_have("AVG COUNT MIN MAX ARRAY_AGG COLLECT FIRST_VALUE LAST_VALUE", name);
        if (is_array || is_object || is_distinct || names_have("FIRST_VALUE LAST_VALUE", name))
            EXTENSION(planner, WINDOW_AGGREGATE, use->span,
                      is_distinct ? arena_printf(planner->arena, "%s(DISTINCT …)", name) : name);
    }
}

/* ---- Other expressions --------------------------------------------------------------------- */

void portable_cast(Planner *planner, Type from, Type to, bool is_try, Span span)
{
    uint32_t refused = SHORT_INTEGERS | (is_try ? T(DECIMAL) : 0);
    if (!type_is_in(from, INTERVALS) || !type_is_in(to, refused))
        return;
    EXTENSION(planner, CAST, span,
              arena_printf(planner->arena, "%s AS %s",
                           type_text(planner->arena, type_plain(type_nullable(from))),
                           type_text(planner->arena, type_nullable(to))));
}

void portable_union(Planner *planner, Type a, Type b, Span span)
{
    bool is_mixed = (type_is_in(a, T(DATE)) && type_is_in(b, STAMPS)) ||
                    (type_is_in(b, T(DATE)) && type_is_in(a, STAMPS));
    if (is_mixed)
        EXTENSION(planner, DATE_AND_TIMESTAMP, span, "UNION");
}

void portable_item(Planner *planner, const Expr *item, Span span)
{
    if (item->type.id == TYPE_NULL && !expr_is_poison(item))
        EXTENSION(planner, UNTYPED_NULL, span, NULL);
    portable_remainder(planner, item);
}

void portable_plus(Planner *planner, Expr *operand, Span span)
{
    if (!type_is_in(operand->type, NUMBERS | INTERVALS) && !expr_is_poison(operand))
        EXTENSION(planner, CALL, span, call_text(planner, "+", &operand, 1));
}

typedef struct Reads {
    int32_t width;
    bool is_found;
} Reads;

static void reads_visit(Expr *column, void *context)
{
    Reads *reads = context;
    reads->is_found |= column->column < reads->width;
}

bool portable_reads(Expr *condition, int32_t width)
{
    Reads reads = {.width = width};
    expr_visit_columns(condition, reads_visit, &reads);
    return reads.is_found;
}

bool portable_is_ambiguous(const char *place)
{
    return names_have("WHERE HAVING ON", place);
}
