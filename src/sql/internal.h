/* What the files of this folder share and nobody else sees: tokens, keywords and the parser.
 *
 * The lexer cuts the whole script into tokens first, so that the parser may look ahead as far
 * as it likes. A parse function returns NULL after it (or something it called) has added a
 * diagnostic; its callers return NULL in turn, up to the statement loop, which goes on behind
 * the next ';'. */
#ifndef WEIR_SQL_INTERNAL_H
#define WEIR_SQL_INTERNAL_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/str.h"
#include "sql/ast.h"
#include "sql/extension.h"
#include "sql/keywords.h"
#include "sql/sql.h"

typedef enum TokenKind {
    TOKEN_END,
    TOKEN_ERROR,          /* the lexer has added a diagnostic already */
    TOKEN_WORD,           /* name or keyword without quotes */
    TOKEN_QUOTED,         /* `name` */
    TOKEN_STRING,         /* '…' */
    TOKEN_UNICODE_STRING, /* U&'…' */
    TOKEN_ESCAPE_STRING,  /* E'…' */
    TOKEN_BINARY,         /* X'…' */
    TOKEN_EXACT,          /* 12, 1.5 */
    TOKEN_DOUBLE,         /* 1E3 */
    TOKEN_HINT,           /* the start of a hint: slash, star, plus */
    TOKEN_HINT_END,       /* its end: star, slash */
    TOKEN_LEFT_PAREN,
    TOKEN_RIGHT_PAREN,
    TOKEN_LEFT_BRACKET,
    TOKEN_RIGHT_BRACKET,
    TOKEN_COMMA,
    TOKEN_SEMICOLON,
    TOKEN_DOT,
    TOKEN_PLUS,
    TOKEN_MINUS,
    TOKEN_STAR,
    TOKEN_SLASH,
    TOKEN_PERCENT,
    TOKEN_CONCAT,
    TOKEN_EQUAL,
    TOKEN_NOT_EQUAL,
    TOKEN_LESS,
    TOKEN_LESS_EQUAL,
    TOKEN_GREATER,
    TOKEN_GREATER_EQUAL,
    TOKEN_ARROW,      /* => */
    TOKEN_LEFT_BRACE, /* the next five only in PATTERN */
    TOKEN_RIGHT_BRACE,
    TOKEN_QUESTION,
    TOKEN_PIPE,
    TOKEN_CARET,
    TOKEN_BANG_EQUAL, /* != and == are wrong, but the parser knows what was meant */
    TOKEN_DOUBLE_EQUAL,
    TOKEN_DOUBLE_QUOTED, /* "…" likewise */
} TokenKind;

typedef struct Token {
    uint8_t kind;     /* TokenKind */
    uint16_t keyword; /* of TOKEN_WORD: Keyword, or NO_KEYWORD */
    Span span;
} Token;

/* The whole script as tokens; the last one is TOKEN_END. */
typedef struct Tokens {
    Token *items;
    int32_t count;
} Tokens;

/* ERR_LIMIT, with a diagnostic, for a script that is too large. Wrong characters and unclosed
 * quotes give diagnostics and TOKEN_ERROR, not a failure. */
Status tokens_scan(const Source *source, Arena *arena, Diagnostics *diagnostics, Tokens *out);

typedef struct Parser {
    const Source *source;
    Arena *arena;
    Diagnostics *diagnostics;
    Token *tokens; /* the last is TOKEN_END */
    int32_t token_count;
    const Token *stand_in; /* read as if it were its keyword, see repair.c; or NULL */
    int32_t at;            /* index of the current token */
    int32_t depth;         /* nesting of what is being parsed */
    int32_t height;        /* of the tree built in the current scope */
} Parser;

/* ---- parser.c: tokens and names ---- */

const Token *parser_peek(const Parser *parser);
const Token *parser_peek_at(const Parser *parser, int32_t ahead);
const Token *parser_next(Parser *parser);
bool parser_is(const Parser *parser, TokenKind kind);
bool parser_is_keyword(const Parser *parser, Keyword keyword);
bool parser_is_keyword_at(const Parser *parser, int32_t ahead, Keyword keyword);
bool parser_accept(Parser *parser, TokenKind kind);
bool parser_accept_keyword(Parser *parser, Keyword keyword);
/* Two keywords in a row, or neither. */
bool parser_accept_keywords(Parser *parser, Keyword first, Keyword second);
Str parser_text(const Parser *parser, Span span);
/* From `first` to the token before the current one. */
Span parser_span_from(const Parser *parser, Span first);

/* False, with a diagnostic that says what stands there instead, if the token is another.
 * `where` completes "expected … ": "after the column list". */
bool parser_expect(Parser *parser, TokenKind kind, const char *where);
bool parser_expect_keyword(Parser *parser, Keyword keyword, const char *where);

/* "expected WHAT, found …" at the current token. `what` may be NULL-terminated prose. */
void parser_fail_expected(Parser *parser, const char *what);
/* Help for the token that is not what was expected; NULL if there is nothing to say. */
const char *parser_advice(const Parser *parser, const char *what);
/* The token before is a misspelt word of a clause: reports that. */
bool parser_fail_typo_before(Parser *parser);
/* The token was meant to be the keyword. */
void parser_fail_misspelt(Parser *parser, const Token *token, Keyword keyword);
/* script.c: false if the statement is not properly ended and the parser has not moved. */
bool script_parse_end(Parser *parser);
/* repair.c: the parser has given up the statement that began at token `first`, before which the
 * list stood at `mark`. If a misspelt keyword is the cause, that is what is reported, and the
 * parser stands behind the statement. */
bool script_repair(Parser *parser, int32_t first, DiagnosticsMark mark);
/* A diagnostic at a span of the current source; returned for label, help and fix. */
Diagnostic *parser_error(Parser *parser, const char *code, Span span, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
/* "X is not supported yet". */
Diagnostic *parser_fail_unsupported(Parser *parser, Span span, const char *what);

/* One level deeper; false, with a diagnostic, beyond SQL_DEPTH_MAX. Every true needs a leave. */
bool parser_enter(Parser *parser);
void parser_leave(Parser *parser);
/* The tree in this scope grows by a level; false, with a diagnostic, beyond SQL_HEIGHT_MAX. */
bool parser_grow(Parser *parser);

/* Can the current token be a name (quoted, or not reserved)? */
bool parser_is_name(const Parser *parser);
bool parser_is_name_at(const Parser *parser, int32_t ahead);
bool parser_parse_name(Parser *parser, const char *what, SqlName *out);
SqlName *parser_name_new(Parser *parser, const char *what);
SqlPath *parser_parse_path(Parser *parser, const char *what);
/* ( name, name, … ) into a list of SqlName. */
bool parser_parse_names(Parser *parser, const char *what, List *out);
/* A string literal's value. */
bool parser_parse_string(Parser *parser, const char *what, Str *out, Span *span);
bool parser_is_string(const Parser *parser);
/* The value of a token that parser_is_string accepts. */
bool parser_decode_string(Parser *parser, const Token *token, Str *out);
/* ('k' = 'v', …) into a list of SqlOption. */
bool parser_parse_options(Parser *parser, List *out);
/* COMMENT 'text', if it is there. */
bool parser_parse_comment(Parser *parser, SqlComment *out);
/* A whole number without sign. */
bool parser_parse_count(Parser *parser, const char *what, int64_t max, int64_t *out);

/* ---- error.c: what was probably meant ---- */

/* Add to a diagnostic at the current token what usually goes wrong there: a reserved word as
 * name, a misspelt keyword, a double-quoted name. */
void parser_explain_token(Parser *parser, Diagnostic *diagnostic, const char *what);
/* "`x`", "'text'", "end of file": how the current token is called in messages. */
const char *parser_describe_token(Parser *parser);

/* ---- expr.c, primary.c, call.c, literal.c ---- */

SqlExpr *parse_expr(Parser *parser);
SqlExpr *parse_primary(Parser *parser);
SqlExpr *parse_literal(Parser *parser);
SqlExpr *parse_interval(Parser *parser);
/* A call whose name is at the current token, which '(' follows. */
SqlExpr *parse_call(Parser *parser);
/* FILTER, OVER and the like behind the ')' of a call. */
bool parse_call_suffix(Parser *parser, SqlCall *call);
/* The special syntax of `name`, after '('. False if it failed; sets `is_special` when the call
 * was one of the special ones. */
bool parse_special_arguments(Parser *parser, SqlCall *call, bool *is_special);
bool parse_json_arguments(Parser *parser, SqlCall *call);
bool parse_unit(Parser *parser, bool is_for_extract, SqlExpr **out);
/* TABLE t, which may only be an argument of a call. */
SqlExpr *parse_table_argument(Parser *parser);
/* expr, expr, … */
bool parse_expr_list(Parser *parser, List *out);
SqlExpr *expr_new(Parser *parser, SqlExprKind kind, Span span);

/* ---- type.c ---- */

SqlType *parse_type(Parser *parser);

/* ---- query.c, select.c, table.c, window.c ---- */

SqlQuery *parse_query(Parser *parser);
bool parser_is_query_start(const Parser *parser);
/* After any number of '('. */
bool parser_is_nested_query(const Parser *parser);
SqlSelect *parse_select(Parser *parser);
/* A table by its name, with hints and FOR SYSTEM_TIME. */
SqlTable *parse_table_named(Parser *parser);
SqlTable *parse_from(Parser *parser);
bool parse_order_by(Parser *parser, List *out);
bool parse_hints(Parser *parser, List *out);
/* The parenthesised part of OVER and WINDOW. */
bool parse_window_specification(Parser *parser, SqlWindow *window);
SqlWindow *parse_over(Parser *parser);

/* ---- match.c ---- */

/* The table with MATCH_RECOGNIZE (…), which stands at the current token, around it. */
SqlTable *parse_match(Parser *parser, SqlTable *input);

/* ---- statement.c, create.c, column.c, alter.c, manage.c, show.c, insert.c ---- */

SqlStatement *parse_statement(Parser *parser);
bool parse_create(Parser *parser, SqlStatement *statement);
bool parse_create_table(Parser *parser, bool is_temporary, SqlStatement *statement);
bool parse_table_elements(Parser *parser, SqlCreateTable *table);
bool parse_table_element(Parser *parser, SqlCreateTable *table);
bool parse_distribution(Parser *parser, SqlDistribution **out);
bool parse_replace(Parser *parser, SqlStatement *statement);
bool parse_language(Parser *parser, Str *out);
bool parse_primary_key(Parser *parser, SqlPrimaryKey **out);
bool parse_if_not_exists(Parser *parser, bool *out);
bool parse_if_exists(Parser *parser, bool *out);
bool parse_alter(Parser *parser, SqlStatement *statement);
/* TABLE, VIEW, … behind ALTER and DROP. */
bool parse_object_kind(Parser *parser, SqlObjectKind *out);
/* PARTITION (k = v, …), and WITH (…) where options may follow. */
SqlPartition *parse_partition(Parser *parser, bool has_options);
bool parse_partition_values(Parser *parser, List *out);
bool parse_drop(Parser *parser, SqlStatement *statement);
bool parse_truncate(Parser *parser, SqlStatement *statement);
bool parse_use(Parser *parser, SqlStatement *statement);
bool parse_load_module(Parser *parser, SqlStatement *statement);
bool parse_unload_module(Parser *parser, SqlStatement *statement);
bool parse_add_jar(Parser *parser, SqlStatement *statement);
bool parse_remove_jar(Parser *parser, SqlStatement *statement);
/* QUIT, EXIT, CLEAR, HELP: a word alone. False, and nothing taken, if it is none of them. */
bool parse_client(Parser *parser, SqlStatement *statement);
bool parse_stop_job(Parser *parser, SqlStatement *statement);
bool parse_show(Parser *parser, SqlStatement *statement);
bool parse_describe(Parser *parser, SqlStatement *statement);
bool parse_insert(Parser *parser, SqlStatement *statement);
bool parse_statement_set(Parser *parser, SqlStatement *statement);
/* CREATE TABLE …, EXPLAIN …: the object names after the verb. */
SqlStatement *statement_new(Parser *parser, SqlStatementKind kind);

/* ---- print_*.c ---- */

void print_table(Buffer *out, const SqlTable *table);
void print_match(Buffer *out, const SqlMatch *match);

void print_path(Buffer *out, const SqlPath *path);
/* (`a`, `b`) */
void print_names(Buffer *out, List names);
/* In backticks if it was written so, else in upper case: functions, hints, argument names. */
void print_word(Buffer *out, const SqlName *name);
/* Keywords and words in ASCII upper case. */
void print_upper(Buffer *out, Str text);
void print_expr_list(Buffer *out, List exprs);
/* " ORDER BY …" */
void print_order_by(Buffer *out, List items);
/* (`base` PARTITION BY … ORDER BY … ROWS …) */
void print_window(Buffer *out, const SqlWindow *window);
/* A blank and the hints, if there are any. */
void print_hints(Buffer *out, List hints);
void print_literal(Buffer *out, const SqlLiteral *literal);
void print_call(Buffer *out, const SqlCall *call);
void print_sql_type(Buffer *out, const SqlType *type);
/* ('k' = 'v', …) on lines of their own. */
void print_options(Buffer *out, List options);
void print_table_elements(Buffer *out, const SqlCreateTable *table);
void print_create_table(Buffer *out, const SqlCreateTable *table);
void print_create_materialized(Buffer *out, const SqlCreateMaterializedTable *table);

/* How strong an expression binds; 10 for those that never need parentheses. */
int32_t expr_level(const SqlExpr *expr);
/* In parentheses if it binds weaker than `level_min`. */
void print_expr_at(Buffer *out, const SqlExpr *expr, int32_t level_min);

#endif
