/* The elements in the parentheses of CREATE TABLE: columns, watermark, primary key. */
#include <assert.h>

#include "sql/internal.h"

static const char column_enforced_note[] =
    "Flink doesn't support ENFORCED mode for PRIMARY KEY constraint; weir likewise does not own\n"
    "the data and trusts that the key is unique";

/* NOT ENFORCED behind a primary key. Its absence is an error, but not a reason to stop. */
static void column_parse_enforced(Parser *parser, Span key)
{
    if (parser_accept_keywords(parser, KW_NOT, KW_ENFORCED))
        return;
    Span span = parser_span_from(parser, key);
    Diagnostic *d = parser_error(parser, "WR1023", span, "PRIMARY KEY without NOT ENFORCED");
    if (parser_is_keyword(parser, KW_ENFORCED)) {
        Span enforced = parser_next(parser)->span;
        diagnostic_fix(d, enforced, "NOT ENFORCED");
    } else {
        diagnostic_fix(d, span_make(span.end, span.end), " NOT ENFORCED");
    }
    Str text = parser_text(parser, span);
    diagnostic_help(d, "write %.*s NOT ENFORCED", STR_ARGS(text));
    diagnostic_note(d, "%s", column_enforced_note);
}

static bool column_fail_constraint(Parser *parser, const char *what)
{
    Diagnostic *d =
        parser_error(parser, "WR1024", parser_peek(parser)->span, "%s is not supported", what);
    diagnostic_note(d, "the only constraints are NOT NULL and PRIMARY KEY ... NOT ENFORCED");
    return false;
}

/* [CONSTRAINT n] PRIMARY KEY (c, …) NOT ENFORCED */
bool parse_primary_key(Parser *parser, SqlPrimaryKey **out)
{
    Span start = parser_peek(parser)->span;
    SqlPrimaryKey *key = ARENA_NEW(parser->arena, SqlPrimaryKey);
    if (parser_accept_keyword(parser, KW_CONSTRAINT)) {
        key->constraint = parser_name_new(parser, "a constraint name");
        if (key->constraint == NULL)
            return false;
    }
    if (parser_is_keyword(parser, KW_UNIQUE))
        return column_fail_constraint(parser, "a UNIQUE constraint");
    if (!parser_is_keyword(parser, KW_PRIMARY)) {
        parser_fail_expected(parser, "PRIMARY KEY");
        return false;
    }
    Span words = parser_next(parser)->span;
    if (!parser_expect_keyword(parser, KW_KEY, "behind PRIMARY") ||
        !parser_parse_names(parser, "a column name", &key->columns))
        return false;
    column_parse_enforced(parser, words);
    key->span = parser_span_from(parser, start);
    if (*out != NULL) {
        parser_error(parser, "WR1030", key->span, "duplicate primary key definition");
        return false;
    }
    *out = key;
    return true;
}

/* WATERMARK FOR c AS expr */
static bool column_parse_watermark(Parser *parser, SqlCreateTable *table)
{
    Span start = parser_next(parser)->span;
    SqlWatermark *watermark = ARENA_NEW(parser->arena, SqlWatermark);
    if (!parser_expect_keyword(parser, KW_FOR, "behind WATERMARK"))
        return false;
    watermark->column = parser_parse_path(parser, "a column name");
    if (watermark->column == NULL ||
        !parser_expect_keyword(parser, KW_AS, "and an expression behind the watermark's column"))
        return false;
    watermark->expr = parse_expr(parser);
    if (watermark->expr == NULL)
        return false;
    watermark->span = parser_span_from(parser, start);
    if (table->watermark != NULL) {
        parser_error(parser, "WR1030", watermark->span,
                     "multiple watermark definitions are not supported yet");
        return false;
    }
    table->watermark = watermark;
    return true;
}

/* ---- Columns ---- */

static bool column_parse_metadata(Parser *parser, SqlColumnDefinition *column)
{
    Span start = parser_next(parser)->span;
    column->kind = SQL_COLUMN_METADATA;
    if (parser_accept_keyword(parser, KW_FROM)) {
        column->has_metadata_key = true;
        if (!parser_parse_string(parser, "the metadata key in single quotes", &column->metadata_key,
                                 NULL))
            return false;
    }
    column->is_virtual = parser_accept_keyword(parser, KW_VIRTUAL);
    column->metadata_span = parser_span_from(parser, start);
    return true;
}

/* PRIMARY KEY NOT ENFORCED at a column: the table's key then has this one column. */
static bool column_parse_own_key(Parser *parser, SqlCreateTable *table, SqlColumnDefinition *column)
{
    Span start = parser_next(parser)->span;
    if (!parser_expect_keyword(parser, KW_KEY, "behind PRIMARY"))
        return false;
    column_parse_enforced(parser, start);
    Span span = parser_span_from(parser, start);
    if (table->primary_key != NULL) {
        parser_error(parser, "WR1030", span, "duplicate primary key definition");
        return false;
    }
    SqlName *name = ARENA_NEW(parser->arena, SqlName);
    *name = column->name;
    table->primary_key = ARENA_NEW(parser->arena, SqlPrimaryKey);
    table->primary_key->span = span;
    list_append(&table->primary_key->columns, parser->arena, name);
    column->is_primary_key = true;
    return true;
}

/* What other databases allow behind a column's type. */
static bool column_refuse_foreign(Parser *parser)
{
    const Token *token = parser_peek(parser);
    if (parser_is_keyword(parser, KW_UNIQUE))
        return column_fail_constraint(parser, "a UNIQUE constraint");
    if (parser_is_keyword(parser, KW_CHECK))
        return column_fail_constraint(parser, "a CHECK constraint");
    if (parser_is_keyword(parser, KW_REFERENCES))
        return column_fail_constraint(parser, "a foreign key");
    if (parser_is_keyword(parser, KW_DEFAULT))
        return column_fail_constraint(parser, "a DEFAULT value");
    if (token->kind == TOKEN_WORD &&
        str_equal_ignoring_case(parser_text(parser, token->span), STR("AUTO_INCREMENT")))
        return column_fail_constraint(parser, "AUTO_INCREMENT");
    return true;
}

static bool column_parse_physical(Parser *parser, SqlCreateTable *table,
                                  SqlColumnDefinition *column)
{
    column->type = parse_type(parser);
    if (column->type == NULL)
        return false;
    for (;;) {
        if (parser_is_keyword(parser, KW_METADATA) && column->kind == SQL_COLUMN_PHYSICAL) {
            if (!column_parse_metadata(parser, column))
                return false;
        } else if (parser_is_keyword(parser, KW_PRIMARY)) {
            if (!column_parse_own_key(parser, table, column))
                return false;
        } else if (parser_accept_keywords(parser, KW_NOT, KW_NULL)) {
            column->type->type.is_nullable = false;
        } else if (parser_accept_keyword(parser, KW_NULL)) {
            column->type->type.is_nullable = true;
        } else {
            break;
        }
    }
    return column_refuse_foreign(parser);
}

/* A reserved word is reported and then taken for the name, so that a table with several such
 * columns is mended in one go. */
static bool column_parse_name(Parser *parser, SqlName *out)
{
    const Token *token = parser_peek(parser);
    bool is_word = token->kind == TOKEN_WORD && parser_peek_at(parser, 1)->kind == TOKEN_WORD;
    if (parser_is_name(parser) || !is_word)
        return parser_parse_name(parser, "a column name", out);
    parser_fail_expected(parser, "a column name");
    *out = (SqlName){.text = parser_text(parser, token->span), .span = token->span};
    parser_next(parser);
    return true;
}

/* FIRST, AFTER column */
static bool column_parse_place(Parser *parser, SqlColumnDefinition *column)
{
    column->is_first = parser_accept_keyword(parser, KW_FIRST);
    if (column->is_first || !parser_accept_keyword(parser, KW_AFTER))
        return true;
    column->after = parser_name_new(parser, "a column name");
    return column->after != NULL;
}

static bool column_parse(Parser *parser, SqlCreateTable *table)
{
    SqlColumnDefinition *column = ARENA_NEW(parser->arena, SqlColumnDefinition);
    Span start = parser_peek(parser)->span;
    if (!column_parse_name(parser, &column->name))
        return false;
    if (parser_accept_keyword(parser, KW_AS)) {
        column->kind = SQL_COLUMN_COMPUTED;
        column->computed = parse_expr(parser);
        if (column->computed == NULL)
            return false;
    } else if (!column_parse_physical(parser, table, column)) {
        return false;
    }
    if (!parser_parse_comment(parser, &column->comment) ||
        (table->is_change && !column_parse_place(parser, column)))
        return false;
    column->span = parser_span_from(parser, start);
    list_append(&table->columns, parser->arena, column);
    return true;
}

bool parse_table_element(Parser *parser, SqlCreateTable *table)
{
    if (parser_is_keyword(parser, KW_WATERMARK))
        return column_parse_watermark(parser, table);
    if (parser_is_keyword(parser, KW_PRIMARY) || parser_is_keyword(parser, KW_CONSTRAINT))
        return parse_primary_key(parser, &table->primary_key);
    if (parser_is_keyword(parser, KW_UNIQUE))
        return column_fail_constraint(parser, "a UNIQUE constraint");
    if (parser_is_keyword(parser, KW_FOREIGN))
        return column_fail_constraint(parser, "a foreign key");
    if (parser_is_keyword(parser, KW_CHECK))
        return column_fail_constraint(parser, "a CHECK constraint");
    return column_parse(parser, table);
}

bool parse_table_elements(Parser *parser, SqlCreateTable *table)
{
    if (!parser_expect(parser, TOKEN_LEFT_PAREN, "before the columns"))
        return false;
    do {
        if (!parse_table_element(parser, table))
            return false;
    } while (parser_accept(parser, TOKEN_COMMA));
    return parser_expect(parser, TOKEN_RIGHT_PAREN, "or `,` behind the column");
}
