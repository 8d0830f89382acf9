/* Tokens: see lexer.h. */
#include "connect/mysql/lexer.h"

#include <assert.h>

static bool is_space(char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_word(char c)
{
    return is_digit(c) || c == '_' || c == '$' || (c >= 'a' && c <= 'z') ||
           (c >= 'A' && c <= 'Z') || (unsigned char)c >= 0x80;
}

static void lexer_skip_line(SqlLexer *lexer)
{
    while (lexer->at < lexer->end && *lexer->at != '\n')
        lexer->at++;
}

static bool lexer_sees(const SqlLexer *lexer, char a, char b)
{
    return lexer->end - lexer->at >= 2 && lexer->at[0] == a && lexer->at[1] == b;
}

/* At "/ *": go behind the comment, or only behind "/ *!50000 " so that its body is read. */
static void lexer_skip_comment(SqlLexer *lexer)
{
    lexer->at += 2;
    bool is_mariadb = lexer_sees(lexer, 'M', '!');
    if (is_mariadb || (lexer->at < lexer->end && *lexer->at == '!')) {
        lexer->at += is_mariadb ? 2 : 1;
        while (lexer->at < lexer->end && is_digit(*lexer->at))
            lexer->at++;
        return;
    }
    while (lexer->at < lexer->end && !lexer_sees(lexer, '*', '/'))
        lexer->at++;
    lexer->at = lexer->end - lexer->at >= 2 ? lexer->at + 2 : lexer->end;
}

static void lexer_skip_space(SqlLexer *lexer)
{
    while (lexer->at < lexer->end) {
        if (is_space(*lexer->at))
            lexer->at++;
        else if (*lexer->at == '#' || lexer_sees(lexer, '-', '-'))
            lexer_skip_line(lexer);
        else if (lexer_sees(lexer, '/', '*'))
            lexer_skip_comment(lexer);
        else if (lexer_sees(lexer, '*', '/'))
            lexer->at += 2;
        else
            return;
    }
}

/* Behind the closing quote; a doubled quote or, in strings, a backslash does not close. */
static void lexer_skip_quoted(SqlLexer *lexer, char quote)
{
    lexer->at++;
    while (lexer->at < lexer->end) {
        char c = *lexer->at++;
        if (c == '\\' && quote != '`' && lexer->at < lexer->end)
            lexer->at++;
        else if (c == quote && (lexer->at == lexer->end || *lexer->at != quote))
            return;
        else if (c == quote)
            lexer->at++;
    }
}

void sql_lexer_next(SqlLexer *lexer)
{
    lexer_skip_space(lexer);
    const char *start = lexer->at;
    lexer->kind = SQL_END;
    if (start < lexer->end) {
        char c = *start;
        if (c == '`' || c == '\'' || c == '"') {
            lexer_skip_quoted(lexer, c);
            lexer->kind = c == '\'' ? SQL_STRING : c == '`' ? SQL_NAME : SQL_STRING;
        } else if (is_word(c)) {
            bool is_number = true;
            while (lexer->at < lexer->end && is_word(*lexer->at))
                is_number &= is_digit(*lexer->at++);
            lexer->kind = is_number ? SQL_NUMBER : SQL_WORD;
        } else {
            lexer->at++;
            lexer->kind = SQL_SIGN;
        }
    }
    lexer->token = str_make(start, lexer->at - start);
}

SqlLexer sql_lexer(Str text)
{
    SqlLexer lexer = {.at = text.data, .end = text.data + text.length};
    sql_lexer_next(&lexer);
    return lexer;
}

bool sql_lexer_take(SqlLexer *lexer, const char *word)
{
    if ((lexer->kind != SQL_WORD && lexer->kind != SQL_SIGN) ||
        !str_equal_ignoring_case(lexer->token, str_from(word)))
        return false;
    sql_lexer_next(lexer);
    return true;
}

/* The text between the quotes, escapes resolved. */
static Str lexer_unquote(Str token, Arena *arena)
{
    if (token.length < 2)
        return (Str){.data = ""};
    char quote = token.data[0];
    char *out = arena_allocate(arena, token.length);
    int64_t length = 0;
    for (int64_t i = 1; i < token.length - 1; i++) {
        char c = token.data[i];
        if (c == '\\' && quote != '`' && i + 1 < token.length - 1) {
            c = token.data[++i];
            c = c == 'n' ? '\n' : c == 't' ? '\t' : c == 'r' ? '\r' : c == '0' ? '\0' : c;
        } else if (c == quote) {
            i++;
        }
        out[length++] = c;
    }
    return str_make(out, length);
}

bool sql_lexer_take_name(SqlLexer *lexer, Arena *arena, Str *out)
{
    bool is_quoted =
        lexer->kind == SQL_NAME || (lexer->kind == SQL_STRING && lexer->token.data[0] == '"');
    if (!is_quoted && lexer->kind != SQL_WORD && lexer->kind != SQL_NUMBER)
        return false;
    *out = is_quoted ? lexer_unquote(lexer->token, arena) : str_copy(arena, lexer->token);
    sql_lexer_next(lexer);
    return true;
}

bool sql_lexer_take_string(SqlLexer *lexer, Arena *arena, Str *out)
{
    if (lexer->kind != SQL_STRING)
        return false;
    *out = lexer_unquote(lexer->token, arena);
    sql_lexer_next(lexer);
    return true;
}

bool sql_lexer_take_number(SqlLexer *lexer, int64_t *out)
{
    if (lexer->kind != SQL_NUMBER || !str_parse_int64(lexer->token, out))
        return false;
    sql_lexer_next(lexer);
    return true;
}

void sql_lexer_skip_item(SqlLexer *lexer)
{
    int32_t depth = 0;
    while (lexer->kind != SQL_END) {
        char c = lexer->kind == SQL_SIGN ? lexer->token.data[0] : '\0';
        if (depth == 0 && (c == ',' || c == ')'))
            return;
        depth += c == '(' ? 1 : c == ')' ? -1 : 0;
        sql_lexer_next(lexer);
    }
}

Str sql_lexer_rest(const SqlLexer *lexer)
{
    return str_make(lexer->token.data, lexer->end - lexer->token.data);
}
