/* Golden tables for expressions: a call as text, its type, its value.
 *
 *     (+ 1 2)   (CAST '12.9' INT)   (SPLIT_INDEX 'a,b' ',' 1)   (EXTRACT "HOUR" TIMESTAMP(3)'…')
 *
 * Numbers, 'texts', TRUE, FALSE and TYPE'text' are values; "texts" are literals always; NULL
 * is the untyped NULL. Each call is evaluated twice, once with its values as literals, which
 * folds it, and once with them as columns of a batch whose selection leaves out rows. Both
 * must agree. */
#ifndef WEIR_EXPR_EXPR_TESTING_H
#define WEIR_EXPR_EXPR_TESTING_H

#include "base/testing.h"

#include <stdio.h>
#include <stdlib.h>

#include "data/decimal.h"
#include "data/value.h"
#include "expr/expr.h"

enum { GOLDEN_COLUMNS_MAX = 16, GOLDEN_ROWS = 5 };

typedef struct Golden {
    const char *call;
    const char *type;  /* NULL: not checked */
    const char *value; /* as VALUE_CAST prints it, or the code of the row's or the call's error */
} Golden;

typedef struct GoldenReader {
    Arena *arena;
    const char *at;
    bool as_columns;
    Value values[GOLDEN_COLUMNS_MAX];
    int32_t value_count;
    const char *zone;
    Error error;
    bool has_failed;
} GoldenReader;

static Type golden_type(Str text)
{
    static const struct {
        const char *name;
        TypeId id;
    } names[] = {
        {"BOOLEAN", TYPE_BOOLEAN},
        {"TINYINT", TYPE_TINYINT},
        {"SMALLINT", TYPE_SMALLINT},
        {"INT", TYPE_INT},
        {"BIGINT", TYPE_BIGINT},
        {"FLOAT", TYPE_FLOAT},
        {"DOUBLE", TYPE_DOUBLE},
        {"DECIMAL", TYPE_DECIMAL},
        {"CHAR", TYPE_CHAR},
        {"STRING", TYPE_VARCHAR},
        {"VARCHAR", TYPE_VARCHAR},
        {"BINARY", TYPE_BINARY},
        {"BYTES", TYPE_VARBINARY},
        {"DATE", TYPE_DATE},
        {"TIME", TYPE_TIME},
        {"TIMESTAMP", TYPE_TIMESTAMP},
        {"TIMESTAMP_LTZ", TYPE_TIMESTAMP_LTZ},
        {"MONTHS", TYPE_INTERVAL_MONTHS},
        {"MILLIS", TYPE_INTERVAL_MILLIS},
    };
    int32_t numbers[2] = {-1, 0};
    const char *paren = memchr(text.data, '(', (size_t)text.length);
    Str name = paren == NULL ? text : str_make(text.data, paren - text.data);
    if (paren != NULL)
        (void)sscanf(paren, "(%d,%d)", &numbers[0], &numbers[1]);
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (!str_is(name, names[i].name))
            continue;
        Type type = type_simple(names[i].id);
        if (numbers[0] >= 0)
            type.precision = numbers[0];
        type.scale = type.id == TYPE_DECIMAL ? numbers[1] : 0;
        return type;
    }
    fail_msg("unknown type %.*s", STR_ARGS(text));
    return type_simple(TYPE_NULL);
}

static Expr *golden_value(GoldenReader *reader, Value value)
{
    value.type = type_not_null(value.type);
    if (!reader->as_columns)
        return expr_literal(reader->arena, value);
    assert_true(reader->value_count < GOLDEN_COLUMNS_MAX);
    reader->values[reader->value_count] = value;
    return expr_column(reader->arena, reader->value_count++, value.type);
}

static Str golden_quoted(GoldenReader *reader, char quote)
{
    const char *start = ++reader->at;
    while (*reader->at != quote)
        assert_true(*reader->at++ != 0);
    return str_make(start, reader->at++ - start);
}

/* The characters of a text literal's type. */
static int32_t golden_length(Str text)
{
    int32_t length = 0;
    for (int64_t i = 0; i < text.length; i++)
        length += (text.data[i] & 0xc0) != 0x80;
    return length;
}

static Expr *golden_number(GoldenReader *reader, Str word)
{
    Value value = {0};
    const char *point = memchr(word.data, '.', (size_t)word.length);
    if (memchr(word.data, 'e', (size_t)word.length) != NULL) {
        value.type = type_simple(TYPE_DOUBLE);
        value.real = strtod(word.data, NULL);
    } else if (point != NULL) {
        int32_t digits = (int32_t)word.length - 1 - (word.data[0] == '-');
        value.type = type_decimal(digits, (int32_t)(word.data + word.length - point) - 1);
        bool is_overflow;
        assert_true(
            decimal_parse(word, value.type.precision, value.type.scale, &value.wide, &is_overflow));
    } else {
        assert_true(str_parse_int64(word, &value.integer));
        bool is_int = value.integer >= INT32_MIN && value.integer <= INT32_MAX;
        value.type = type_simple(is_int ? TYPE_INT : TYPE_BIGINT);
    }
    return golden_value(reader, value);
}

static Expr *golden_word(GoldenReader *reader)
{
    const char *start = reader->at;
    while (*reader->at != 0 && strchr(" )'", *reader->at) == NULL) {
        if (*reader->at == '(')
            reader->at = strchr(reader->at, ')');
        reader->at++;
    }
    Str word = str_make(start, reader->at - start);
    Value value = {.type = type_simple(TYPE_BOOLEAN)};
    if (str_is(word, "NULL"))
        return expr_literal(reader->arena,
                            (Value){.type = type_simple(TYPE_NULL), .is_null = true});
    if (str_is(word, "TRUE") || str_is(word, "FALSE")) {
        value.integer = str_is(word, "TRUE");
        return golden_value(reader, value);
    }
    if (*reader->at != '\'')
        return golden_number(reader, word);
    value.type = golden_type(word);
    Str text = golden_quoted(reader, '\'');
    if (str_is(text, "NULL")) {
        value.is_null = true;
        if (!reader->as_columns)
            return expr_literal(reader->arena, value);
        Expr *column = golden_value(reader, value);
        column->type.is_nullable = true;
        return column;
    }
    if (value.type.id == TYPE_INTERVAL_MONTHS || value.type.id == TYPE_INTERVAL_MILLIS) {
        assert_true(str_parse_int64(text, &value.integer));
        return golden_value(reader, value);
    }
    Value source = {.type = type_not_null(type_string()), .text = text};
    Expr *literal =
        expr_cast(reader->arena, expr_literal(reader->arena, source), value.type, false);
    if (literal->kind != EXPR_LITERAL) { /* depends on the zone: written in UTC */
        value.type.id = TYPE_TIMESTAMP;
        Expr *utc =
            expr_cast(reader->arena, expr_literal(reader->arena, source), value.type, false);
        assert_int_equal(utc->kind, EXPR_LITERAL);
        literal = utc;
        literal->literal.type.id = TYPE_TIMESTAMP_LTZ;
    }
    return golden_value(reader, literal->literal);
}

static Expr *golden_read(GoldenReader *reader);

static inline Expr *golden_bind(Arena *arena, const char *name, Expr **args, int32_t count)
{
    Expr *out = NULL;
    int32_t bad_arg;
    Error error;
    if (function_bind(function_find(str_from(name)), arena, args, count, &out, &bad_arg, &error) !=
        OK)
        fail_msg("%s: %s", name, error.text);
    return out;
}

static Expr *golden_call(GoldenReader *reader)
{
    const char *start = ++reader->at;
    /* A name with spaces is written with underscores after IS, SIMILAR: IS_NOT_NULL. */
    while (*reader->at != ' ' && *reader->at != ')')
        reader->at++;
    char name[64];
    (void)snprintf(name, sizeof name, "%.*s", (int)(reader->at - start), start);
    if (strncmp(name, "IS_", 3) == 0 || strncmp(name, "SIMILAR_", 8) == 0)
        for (char *c = name; *c != 0; c++)
            *c = *c == '_' && function_find(str_from(name)) == NULL ? ' ' : *c;
    Expr *args[12];
    int32_t count = 0;
    bool is_cast = strcmp(name, "CAST") == 0 || strcmp(name, "TRY_CAST") == 0;
    while (*reader->at == ' ') {
        reader->at++;
        if (is_cast && count == 1) {
            const char *type = reader->at;
            while (*reader->at != ' ' && strchr(")", *reader->at) == NULL)
                reader->at += *reader->at == '(' ? strchr(reader->at, ')') - reader->at + 1 : 1;
            Type to = golden_type(str_make(type, reader->at - type));
            assert_int_equal(*reader->at, ')');
            reader->at++;
            if (cast_kind(args[0]->type, to) == CAST_NONE) {
                reader->has_failed = true;
                return args[0];
            }
            return expr_cast(reader->arena, args[0], to, name[0] == 'T');
        }
        args[count++] = golden_read(reader);
    }
    assert_int_equal(*reader->at, ')');
    reader->at++;
    const Function *function = function_find(str_from(name));
    if (function == NULL)
        fail_msg("no function %s", name);
    Expr *out = NULL;
    int32_t bad_arg;
    if (reader->has_failed ||
        function_bind(function, reader->arena, args, count, &out, &bad_arg, &reader->error) != OK) {
        reader->has_failed = true;
        return args[0];
    }
    return out;
}

static Expr *golden_read(GoldenReader *reader)
{
    if (*reader->at == '(')
        return golden_call(reader);
    if (*reader->at == '\'' || *reader->at == '"') {
        bool is_literal = *reader->at == '"';
        Str text = golden_quoted(reader, *reader->at);
        Value value = {.type = type_not_null(type_char(golden_length(text))), .text = text};
        return is_literal ? expr_literal(reader->arena, value) : golden_value(reader, value);
    }
    return golden_word(reader);
}

/* A batch whose rows 1 and 3 count, with the values there and NULLs or zeros elsewhere. */
static Batch *golden_batch(const GoldenReader *reader, const Schema *schema)
{
    static const int32_t rows[] = {1, 3};
    Batch *batch = batch_new(schema, GOLDEN_ROWS);
    batch->row_count = GOLDEN_ROWS;
    batch->selection = (Selection){.rows = rows, .count = 2};
    for (int32_t i = 0; i < reader->value_count; i++) {
        for (int32_t k = 0; k < 2; k++)
            value_set(&batch->columns[i], batch->arena, rows[k], GOLDEN_ROWS, &reader->values[i]);
        if (i % 2 == 0)
            column_set_null(&batch->columns[i], batch->arena, 0, GOLDEN_ROWS);
    }
    return batch;
}

static void golden_check_value(const Golden *golden, const Column *column, int32_t row,
                               const EvalContext *context)
{
    Buffer text = {0};
    Value value = value_get(column, row);
    if (context->error_count > 0)
        buffer_append_text(&text, context->errors[0].code);
    else
        value_print(&text, &value, VALUE_CAST, context->zone);
    if (strcmp(buffer_terminated(&text), golden->value) != 0)
        fail_msg("%s: %s, expected %s", golden->call, buffer_terminated(&text), golden->value);
    buffer_free(&text);
}

static void golden_run(const Golden *golden, Expr *expr, const GoldenReader *reader)
{
    Arena *arena = arena_new(0);
    Field fields[GOLDEN_COLUMNS_MAX];
    for (int32_t i = 0; i < reader->value_count; i++)
        fields[i] = (Field){.name = STR("c"), .type = reader->values[i].type};
    Schema schema = {.fields = fields, .count = reader->value_count};
    Batch *batch = golden_batch(reader, &schema);
    RowError *errors = ARENA_ARRAY(arena, RowError, ROW_ERRORS_MAX);
    EvalContext context = {
        .scratch = arena, .errors = errors, .world = world_system(), .watermark = TIMESTAMP_MIN};
    assert_int_equal(timezone_find(world_system(), str_from(reader->zone), &context.zone, NULL),
                     OK);
    Program *program;
    Error error;
    Column column;
    if (program_compile(arena, &expr, 1, &schema, &program, &error) != OK)
        fail_msg("%s: %s", golden->call, error.text);
    program_run(program, &context, batch, &column);
    golden_check_value(golden, &column, 1, &context);
    golden_check_value(golden, &column, 3, &context);
    if (context.error_count > 0)
        assert_int_equal(context.error_count, 2);
    batch_free(batch);
    arena_free(arena);
}

static void golden_check_at(const Golden *golden, const char *zone, bool as_columns)
{
    GoldenReader reader = {
        .arena = arena_new(0), .at = golden->call, .as_columns = as_columns, .zone = zone};
    Expr *expr = golden_read(&reader);
    if (reader.has_failed) {
        if (strcmp(golden->value, reader.error.code) != 0)
            fail_msg("%s: %s %s, expected %s", golden->call, reader.error.code, reader.error.text,
                     golden->value);
    } else {
        const char *type = type_text(reader.arena, expr->type);
        if (golden->type != NULL && strcmp(type, golden->type) != 0)
            fail_msg("%s: type %s, expected %s", golden->call, type, golden->type);
        golden_run(golden, expr, &reader);
    }
    arena_free(reader.arena);
}

static void golden_check(const Golden *goldens, size_t count, const char *zone)
{
    for (size_t i = 0; i < count; i++) {
        golden_check_at(&goldens[i], zone, false);
        golden_check_at(&goldens[i], zone, true);
    }
}

#define GOLDEN_CHECK(table) golden_check((table), sizeof(table) / sizeof(table)[0], "UTC")

#endif
