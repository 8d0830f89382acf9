/* The loop over the statements of a script, and going on after an error. */
#include <assert.h>

#include "sql/internal.h"

/* Words that begin a statement and never stand inside of one at the start of a line. */
static bool script_is_verb(const Token *token)
{
    static const Keyword keywords[] = {KW_CREATE,  KW_INSERT, KW_DROP, KW_EXECUTE,
                                       KW_EXPLAIN, KW_ALTER,  KW_SHOW, KW_DESCRIBE};
    for (size_t i = 0; i < sizeof(keywords) / sizeof(keywords[0]); i++) {
        if (token->kind == TOKEN_WORD && token->keyword == keywords[i])
            return true;
    }
    return false;
}

static bool script_is_line_start(const Parser *parser, const Token *token)
{
    int32_t start = token->span.start - parser->source->base;
    return start == 0 || parser->source->text.data[start - 1] == '\n';
}

/* Skip what is left of a statement that began at token `first` and went wrong: up to its ';',
 * or to a line that clearly begins another. */
static void script_recover(Parser *parser, int32_t first)
{
    if (parser->at == first)
        parser_next(parser);
    while (!parser_is(parser, TOKEN_END)) {
        const Token *token = parser_peek(parser);
        if (token->kind == TOKEN_SEMICOLON) {
            parser_next(parser);
            return;
        }
        if (script_is_verb(token) && script_is_line_start(parser, token))
            return;
        parser_next(parser);
    }
}

static void script_fail_missing_semicolon(Parser *parser)
{
    int32_t end = parser->tokens[parser->at - 1].span.end;
    Diagnostic *d = parser_error(parser, "WR1011", span_make(end, end), "missing `;`");
    diagnostic_label(d, "the statement ends here");
    diagnostic_help(d, "statements of a file end with `;`");
    diagnostic_fix(d, span_make(end, end), ";");
}

bool script_parse_end(Parser *parser)
{
    if (parser_accept(parser, TOKEN_SEMICOLON))
        return true;
    const Token *token = parser_peek(parser);
    if (token->kind == TOKEN_END) {
        if (!parser->source->allows_open_end)
            script_fail_missing_semicolon(parser);
        return true;
    }
    bool begins_other = script_is_verb(token) || parser_is_keyword(parser, KW_SET) ||
                        parser_is_keyword(parser, KW_SELECT) || parser_is_keyword(parser, KW_USE) ||
                        parser_is_keyword(parser, KW_BEGIN) || parser_is_keyword(parser, KW_RESET);
    if (begins_other) {
        script_fail_missing_semicolon(parser);
        return true;
    }
    parser_fail_expected(parser, "`;` at the end of the statement");
    return false;
}

static void script_parse_statement(Parser *parser, SqlScript *script)
{
    int32_t first = parser->at;
    DiagnosticsMark mark = diagnostics_mark(parser->diagnostics);
    parser->depth = 0;
    parser->height = 0;
    SqlStatement *statement = parse_statement(parser);
    if (statement == NULL || !script_parse_end(parser)) {
        if (!script_repair(parser, first, mark))
            script_recover(parser, first);
        return;
    }
    /* `SELECT a FROM t UNOIN SELECT b FROM u` is two queries at first sight. */
    if (diagnostics_mistake_count(parser->diagnostics) > mark.mistake_count &&
        !parser_is(parser, TOKEN_END) && script_repair(parser, first, mark))
        return;
    if (diagnostics_mistake_count(parser->diagnostics) == mark.mistake_count)
        list_append(&script->statements, parser->arena, statement);
}

static Status script_begin(Parser *parser, const Source *source, Arena *arena,
                           Diagnostics *diagnostics)
{
    Tokens tokens;
    diagnostics_set_source(diagnostics, source);
    TRY(tokens_scan(source, arena, diagnostics, &tokens));
    *parser = (Parser){
        .source = source,
        .arena = arena,
        .diagnostics = diagnostics,
        .tokens = tokens.items,
        .token_count = tokens.count,
    };
    return OK;
}

Status sql_parse(const Source *source, Arena *arena, Diagnostics *diagnostics, SqlScript **out)
{
    int32_t errors = diagnostics_mistake_count(diagnostics);
    *out = ARENA_NEW(arena, SqlScript);
    Parser parser;
    TRY(script_begin(&parser, source, arena, diagnostics));
    for (;;) {
        while (parser_accept(&parser, TOKEN_SEMICOLON)) {
        }
        if (parser_is(&parser, TOKEN_END))
            break;
        script_parse_statement(&parser, *out);
    }
    return diagnostics_mistake_count(diagnostics) == errors ? OK : ERR_INVALID;
}

/* After a lone expression, type or query: nothing else may follow. */
static Status script_end(Parser *parser, bool is_good, int32_t errors)
{
    if (is_good && !parser_is(parser, TOKEN_END))
        parser_fail_expected(parser, "nothing else");
    return diagnostics_mistake_count(parser->diagnostics) == errors ? OK : ERR_INVALID;
}

Status sql_parse_expr(const Source *source, Arena *arena, Diagnostics *diagnostics, SqlExpr **out)
{
    int32_t errors = diagnostics_mistake_count(diagnostics);
    Parser parser;
    *out = NULL;
    TRY(script_begin(&parser, source, arena, diagnostics));
    *out = parse_expr(&parser);
    return script_end(&parser, *out != NULL, errors);
}

Status sql_parse_type(const Source *source, Arena *arena, Diagnostics *diagnostics, SqlType **out)
{
    int32_t errors = diagnostics_mistake_count(diagnostics);
    Parser parser;
    *out = NULL;
    TRY(script_begin(&parser, source, arena, diagnostics));
    *out = parse_type(&parser);
    return script_end(&parser, *out != NULL, errors);
}

Status sql_parse_query(const Source *source, Arena *arena, Diagnostics *diagnostics, SqlQuery **out)
{
    int32_t errors = diagnostics_mistake_count(diagnostics);
    Parser parser;
    *out = NULL;
    TRY(script_begin(&parser, source, arena, diagnostics));
    *out = parse_query(&parser);
    return script_end(&parser, *out != NULL, errors);
}
