/* Tokens of MySQL's own SQL, as far as DDL statements in the binlog need it: words, quoted
 * names, strings, numbers, single characters. Comments are white space, except that the body of
 * version comments (with an exclamation mark) is read. */
#ifndef WEIR_CONNECT_MYSQL_LEXER_H
#define WEIR_CONNECT_MYSQL_LEXER_H

#include "base/arena.h"
#include "base/str.h"

typedef enum SqlToken { SQL_END, SQL_WORD, SQL_NAME, SQL_STRING, SQL_NUMBER, SQL_SIGN } SqlToken;

/* One token ahead of the text. `token` is empty at the end. */
typedef struct SqlLexer {
    const char *at; /* behind the token */
    const char *end;
    SqlToken kind;
    Str token; /* as written, quotes included */
} SqlLexer;

SqlLexer sql_lexer(Str text);
void sql_lexer_next(SqlLexer *lexer);

/* If the token is this keyword (case folded) or sign, go behind it. */
bool sql_lexer_take(SqlLexer *lexer, const char *word);

/* A name, quoted or not; a string; a whole number. */
bool sql_lexer_take_name(SqlLexer *lexer, Arena *arena, Str *out);
bool sql_lexer_take_string(SqlLexer *lexer, Arena *arena, Str *out);
bool sql_lexer_take_number(SqlLexer *lexer, int64_t *out);

/* Go to the next comma or closing parenthesis on this level, or to the end. */
void sql_lexer_skip_item(SqlLexer *lexer);

/* What is not taken yet. */
Str sql_lexer_rest(const SqlLexer *lexer);

#endif
