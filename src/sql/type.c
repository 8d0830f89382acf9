/* Types as written: names, parameters, nested ones, nullability. */
#include <assert.h>

#include "sql/internal.h"

typedef struct TypeName {
    Keyword keyword;
    TypeId id;
    bool has_length; /* CHAR … VARBINARY: one parameter from 1 */
} TypeName;

static const TypeName type_names[] = {
    {KW_BOOLEAN, TYPE_BOOLEAN, false},
    {KW_TINYINT, TYPE_TINYINT, false},
    {KW_SMALLINT, TYPE_SMALLINT, false},
    {KW_INT, TYPE_INT, false},
    {KW_INTEGER, TYPE_INT, false},
    {KW_BIGINT, TYPE_BIGINT, false},
    {KW_FLOAT, TYPE_FLOAT, false},
    {KW_DOUBLE, TYPE_DOUBLE, false},
    {KW_DECIMAL, TYPE_DECIMAL, false},
    {KW_DEC, TYPE_DECIMAL, false},
    {KW_NUMERIC, TYPE_DECIMAL, false},
    {KW_CHAR, TYPE_CHAR, true},
    {KW_CHARACTER, TYPE_CHAR, true},
    {KW_VARCHAR, TYPE_VARCHAR, true},
    {KW_STRING, TYPE_VARCHAR, false},
    {KW_BINARY, TYPE_BINARY, true},
    {KW_VARBINARY, TYPE_VARBINARY, true},
    {KW_BYTES, TYPE_VARBINARY, false},
    {KW_DATE, TYPE_DATE, false},
    {KW_TIME, TYPE_TIME, false},
    {KW_TIMESTAMP, TYPE_TIMESTAMP, false},
    {KW_TIMESTAMP_LTZ, TYPE_TIMESTAMP_LTZ, false},
    {KW_NULL, TYPE_NULL, false},
    {KW_ARRAY, TYPE_ARRAY, false},
    {KW_MAP, TYPE_MAP, false},
    {KW_MULTISET, TYPE_MULTISET, false},
    {KW_ROW, TYPE_ROW, false},
};
enum { TYPE_NAME_COUNT = sizeof(type_names) / sizeof(type_names[0]) };

/* Names of other databases. */
typedef struct ForeignType {
    const char *name;
    const char *ours;
} ForeignType;

static const ForeignType type_foreign[] = {
    {"TEXT", "STRING"},          {"BOOL", "BOOLEAN"},      {"DATETIME", "TIMESTAMP(3)"},
    {"BLOB", "BYTES"},           {"BYTEA", "BYTES"},       {"CLOB", "STRING"},
    {"REAL", "FLOAT"},           {"NUMBER", "DECIMAL"},    {"LONG", "BIGINT"},
    {"SHORT", "SMALLINT"},       {"BYTE", "TINYINT"},      {"INT1", "TINYINT"},
    {"INT2", "SMALLINT"},        {"INT4", "INT"},          {"INT8", "BIGINT"},
    {"INT16", "SMALLINT"},       {"INT32", "INT"},         {"INT64", "BIGINT"},
    {"FLOAT4", "FLOAT"},         {"FLOAT8", "DOUBLE"},     {"FLOAT64", "DOUBLE"},
    {"JSON", "STRING"},          {"JSONB", "STRING"},      {"UUID", "STRING"},
    {"NVARCHAR", "VARCHAR"},     {"VARCHAR2", "VARCHAR"},  {"TIMESTAMPTZ", "TIMESTAMP_LTZ"},
    {"SERIAL", "INT"},           {"BIGSERIAL", "BIGINT"},  {"MEDIUMINT", "INT"},
    {"LONGTEXT", "STRING"},      {"MEDIUMTEXT", "STRING"}, {"TINYTEXT", "STRING"},
    {"NCHAR", "CHAR"},           {"STRUCT", "ROW"},        {"LIST", "ARRAY"},
    {"MONEY", "DECIMAL(19, 4)"},
};

static const TypeName *type_find(const Token *token)
{
    for (int32_t i = 0; i < TYPE_NAME_COUNT && token->kind == TOKEN_WORD; i++) {
        if (type_names[i].keyword == token->keyword)
            return &type_names[i];
    }
    return NULL;
}

/* Behind an unknown type and its parameters: the statement is wrong, but what follows may be
 * looked at. */
static SqlType *type_skip_unknown(Parser *parser)
{
    SqlType *type = ARENA_NEW(parser->arena, SqlType);
    type->type = type_simple(TYPE_NULL);
    type->span = parser_next(parser)->span;
    if (!parser_accept(parser, TOKEN_LEFT_PAREN))
        return type;
    while (parser_is(parser, TOKEN_EXACT) || parser_is(parser, TOKEN_COMMA))
        parser_next(parser);
    return parser_expect(parser, TOKEN_RIGHT_PAREN, "behind the type's parameters") ? type : NULL;
}

static SqlType *type_fail_unknown(Parser *parser)
{
    const Token *token = parser_peek(parser);
    if (token->kind != TOKEN_WORD || token->keyword == KW_NOT || token->keyword == KW_PRIMARY) {
        parser_fail_expected(parser, "a type");
        return NULL;
    }
    Str word = parser_text(parser, token->span);
    if (token->keyword == KW_RAW || token->keyword == KW_INTERVAL) {
        parser_fail_unsupported(parser, token->span,
                                arena_printf(parser->arena, "the type %.*s", STR_ARGS(word)));
        return NULL;
    }
    bool is_foreign = false;
    for (size_t i = 0; i < sizeof(type_foreign) / sizeof(type_foreign[0]); i++)
        is_foreign |= str_equal_ignoring_case(word, str_from(type_foreign[i].name));
    if (!is_foreign && keyword_is_reserved((Keyword)token->keyword)) {
        parser_fail_expected(parser, "a type");
        return NULL;
    }
    if (token->keyword == KW_KEY && parser_fail_typo_before(parser))
        return NULL;
    Diagnostic *d =
        parser_error(parser, "WR1028", token->span, "unknown type `%.*s`", STR_ARGS(word));
    for (size_t i = 0; i < sizeof(type_foreign) / sizeof(type_foreign[0]); i++) {
        if (!str_equal_ignoring_case(word, str_from(type_foreign[i].name)))
            continue;
        diagnostic_help(d, "the type is called %s in Flink SQL", type_foreign[i].ours);
        diagnostic_fix(d, token->span, type_foreign[i].ours);
        return type_skip_unknown(parser);
    }
    Str names[TYPE_NAME_COUNT];
    for (int32_t i = 0; i < TYPE_NAME_COUNT; i++)
        names[i] = keyword_text(type_names[i].keyword);
    diagnostic_suggest(d, names, TYPE_NAME_COUNT, word);
    return type_skip_unknown(parser);
}

/* ---- Parameters ---- */

/* (n); leaves `out` alone when there is none. */
static bool type_parse_parameter(Parser *parser, int64_t min, int64_t max, int32_t *out)
{
    if (!parser_accept(parser, TOKEN_LEFT_PAREN))
        return true;
    Span span = parser_peek(parser)->span;
    int64_t value = 0;
    if (!parser_parse_count(parser, "a number", INT64_MAX, &value))
        return false;
    if (value < min || value > max) {
        Diagnostic *d = parser_error(parser, "WR1029", span, "type parameter out of range");
        diagnostic_label(d, "between %lld and %lld", (long long)min, (long long)max);
        return false;
    }
    *out = (int32_t)value;
    return parser_expect(parser, TOKEN_RIGHT_PAREN, "behind the type's parameter");
}

/* DECIMAL, DECIMAL(p), DECIMAL(p, s) */
static bool type_parse_decimal(Parser *parser, Type *type)
{
    if (!parser_accept(parser, TOKEN_LEFT_PAREN))
        return true;
    Span span = parser_peek(parser)->span;
    int64_t precision = 0, scale = 0;
    if (!parser_parse_count(parser, "a number of digits", INT64_MAX, &precision))
        return false;
    if (precision < 1 || precision > DECIMAL_PRECISION_MAX) {
        Diagnostic *d = parser_error(parser, "WR1029", span, "DECIMAL has 1 to %d digits",
                                     DECIMAL_PRECISION_MAX);
        diagnostic_help(d, "use STRING for numbers of more digits");
        return false;
    }
    if (parser_accept(parser, TOKEN_COMMA)) {
        span = parser_peek(parser)->span;
        if (!parser_parse_count(parser, "a number of digits", INT64_MAX, &scale))
            return false;
        if (scale > precision) {
            Diagnostic *d =
                parser_error(parser, "WR1029", span, "more digits behind the point than in all");
            diagnostic_label(d, "between 0 and %lld", (long long)precision);
            return false;
        }
    }
    type->precision = (int32_t)precision;
    type->scale = (int32_t)scale;
    return parser_expect(parser, TOKEN_RIGHT_PAREN, "behind the type's parameters");
}

/* WITHOUT TIME ZONE, WITH LOCAL TIME ZONE, WITH TIME ZONE; none of it with TIMESTAMP_LTZ. */
static bool type_parse_zone(Parser *parser, Type *type)
{
    Span start = parser_peek(parser)->span;
    bool is_without = parser_is_keyword(parser, KW_WITHOUT);
    bool is_with =
        parser_is_keyword(parser, KW_WITH) &&
        (parser_is_keyword_at(parser, 1, KW_LOCAL) || parser_is_keyword_at(parser, 1, KW_TIME));
    if ((!is_without && !is_with) || type->id == TYPE_TIMESTAMP_LTZ)
        return true;
    parser_next(parser);
    bool is_local = parser_accept_keyword(parser, KW_LOCAL);
    if (!parser_expect_keyword(parser, KW_TIME, "ZONE in the type") ||
        !parser_expect_keyword(parser, KW_ZONE, "behind TIME"))
        return false;
    if (is_without)
        return true;
    if (!is_local || type->id == TYPE_TIME) {
        Diagnostic *d = parser_error(parser, "WR1028", parser_span_from(parser, start),
                                     "a time with its own zone is not a type of Flink SQL");
        diagnostic_help(d, "TIMESTAMP_LTZ holds an instant and shows it in the session's zone");
        return false;
    }
    type->id = TYPE_TIMESTAMP_LTZ;
    return true;
}

/* ---- Nested types ---- */

static void type_set_children(Parser *parser, SqlType *out, const Str *names)
{
    int32_t count = out->children.count;
    Type *children = ARENA_ARRAY(parser->arena, Type, count > 0 ? count : 1);
    for (int32_t i = 0; i < count; i++)
        children[i] = LIST_AT(out->children, i, SqlType)->type;
    out->type.children = children;
    out->type.child_names = names;
    out->type.child_count = count;
}

/* ARRAY<t>, MULTISET<t>, MAP<k, v> */
static bool type_parse_elements(Parser *parser, SqlType *out)
{
    if (!parser_expect(parser, TOKEN_LESS, "and the element type"))
        return false;
    int32_t count = out->type.id == TYPE_MAP ? 2 : 1;
    for (int32_t i = 0; i < count; i++) {
        if (i > 0 && !parser_expect(parser, TOKEN_COMMA, "between key and value type"))
            return false;
        SqlType *child = parse_type(parser);
        if (child == NULL)
            return false;
        list_append(&out->children, parser->arena, child);
    }
    type_set_children(parser, out, NULL);
    return parser_expect(parser, TOKEN_GREATER, "behind the element type");
}

/* A field of ROW: name type ['comment'], or a type alone. */
static SqlType *type_parse_field(Parser *parser, Str *name)
{
    bool is_named = parser_is_name(parser) && (type_find(parser_peek(parser)) == NULL ||
                                               type_find(parser_peek_at(parser, 1)) != NULL);
    if (is_named) {
        SqlName parsed;
        if (!parser_parse_name(parser, "a field name", &parsed))
            return NULL;
        *name = parsed.text;
    }
    SqlType *field = parse_type(parser);
    if (field == NULL)
        return NULL;
    if (parser_is_string(parser)) {
        field->has_comment = true;
        if (!parser_parse_string(parser, "a comment", &field->comment, NULL))
            return NULL;
    }
    return field;
}

/* ROW<a INT, b STRING>, ROW(a INT, b STRING) */
static bool type_parse_row(Parser *parser, SqlType *out)
{
    TokenKind close = parser_is(parser, TOKEN_LEFT_PAREN) ? TOKEN_RIGHT_PAREN : TOKEN_GREATER;
    if (!parser_accept(parser, TOKEN_LEFT_PAREN) &&
        !parser_expect(parser, TOKEN_LESS, "and the fields behind ROW"))
        return false;
    List names = {0};
    do {
        Str *name = ARENA_NEW(parser->arena, Str);
        SqlType *field = type_parse_field(parser, name);
        if (field == NULL)
            return false;
        if (name->length == 0)
            *name = str_from(arena_printf(parser->arena, "f%d", out->children.count));
        list_append(&names, parser->arena, name);
        list_append(&out->children, parser->arena, field);
    } while (parser_accept(parser, TOKEN_COMMA));
    Str *child_names = ARENA_ARRAY(parser->arena, Str, names.count);
    for (int32_t i = 0; i < names.count; i++)
        child_names[i] = *LIST_AT(names, i, Str);
    type_set_children(parser, out, child_names);
    return parser_expect(parser, close, "or `,` behind the field");
}

/* ---- The type ---- */

static bool type_parse_details(Parser *parser, const TypeName *name, SqlType *out)
{
    Type *type = &out->type;
    if (name->has_length) {
        if (parser_accept_keyword(parser, KW_VARYING)) {
            *type = type_simple(type->id == TYPE_CHAR ? TYPE_VARCHAR : TYPE_VARBINARY);
            assert(type->precision == TYPE_LENGTH_MAX);
        }
        return type_parse_parameter(parser, 1, TYPE_LENGTH_MAX, &type->precision);
    }
    switch (type->id) {
    case TYPE_DOUBLE: parser_accept_keyword(parser, KW_PRECISION); return true;
    case TYPE_DECIMAL: return type_parse_decimal(parser, type);
    case TYPE_TIME:
    case TYPE_TIMESTAMP:
    case TYPE_TIMESTAMP_LTZ:
        return type_parse_parameter(parser, 0, TIMESTAMP_PRECISION_MAX, &type->precision) &&
               type_parse_zone(parser, type);
    case TYPE_ARRAY:
    case TYPE_MAP:
    case TYPE_MULTISET: return type_parse_elements(parser, out);
    case TYPE_ROW: return type_parse_row(parser, out);
    case TYPE_NULL:
    case TYPE_BOOLEAN:
    case TYPE_TINYINT:
    case TYPE_SMALLINT:
    case TYPE_INT:
    case TYPE_BIGINT:
    case TYPE_FLOAT:
    case TYPE_CHAR:
    case TYPE_VARCHAR:
    case TYPE_BINARY:
    case TYPE_VARBINARY:
    case TYPE_DATE:
    case TYPE_INTERVAL_MONTHS:
    case TYPE_INTERVAL_MILLIS: return true;
    }
    assert(!"unknown type");
    return false;
}

static void type_parse_nullability(Parser *parser, SqlType *out)
{
    if (parser_accept_keywords(parser, KW_NOT, KW_NULL))
        out->type.is_nullable = false;
    else if (!parser_is_keyword_at(parser, 1, KW_ON) && parser_accept_keyword(parser, KW_NULL))
        out->type.is_nullable = true; /* not the NULL of RETURNING INT NULL ON EMPTY */
}

/* INT ARRAY, INT MULTISET: the element type comes first. */
static SqlType *type_parse_suffixes(Parser *parser, SqlType *inner)
{
    while (parser_is_keyword(parser, KW_ARRAY) || parser_is_keyword(parser, KW_MULTISET)) {
        TypeId id = parser_next(parser)->keyword == KW_ARRAY ? TYPE_ARRAY : TYPE_MULTISET;
        if (!parser_grow(parser))
            return NULL;
        SqlType *outer = ARENA_NEW(parser->arena, SqlType);
        outer->type = type_simple(id);
        list_append(&outer->children, parser->arena, inner);
        type_set_children(parser, outer, NULL);
        outer->span = parser_span_from(parser, inner->span);
        type_parse_nullability(parser, outer);
        inner = outer;
    }
    return inner;
}

static SqlType *type_parse_inner(Parser *parser)
{
    const Token *token = parser_peek(parser);
    const TypeName *name = type_find(token);
    if (name == NULL) {
        SqlType *unknown = type_fail_unknown(parser);
        if (unknown != NULL)
            type_parse_nullability(parser, unknown);
        return unknown;
    }
    parser_next(parser);
    SqlType *out = ARENA_NEW(parser->arena, SqlType);
    out->type = type_simple(name->id);
    if (!type_parse_details(parser, name, out))
        return NULL;
    type_parse_nullability(parser, out);
    out->span = parser_span_from(parser, token->span);
    return type_parse_suffixes(parser, out);
}

SqlType *parse_type(Parser *parser)
{
    if (!parser_enter(parser))
        return NULL;
    int32_t outer_height = parser->height;
    parser->height = 0;
    SqlType *type = type_parse_inner(parser);
    if (parser->height < outer_height)
        parser->height = outer_height;
    parser_leave(parser);
    return type;
}
