/* The SQL front end: text to tree, and tree back to text.
 *
 * The dialect is Flink SQL 1.20 with what later versions and weir add; the grammar is
 * recursive descent, expressions by precedence climbing. All errors of a script are found in
 * one go: after an error the parser goes on behind the next ';', or behind END of a statement
 * set. Names mean nothing here; that is the planner's work. */
#ifndef WEIR_SQL_SQL_H
#define WEIR_SQL_SQL_H

#include "base/arena.h"
#include "base/buffer.h"
#include "base/status.h"
#include "sql/ast.h"
#include "sql/diagnostics.h"

enum {
    SQL_SCRIPT_BYTES_MAX = 16 * 1024 * 1024,
    SQL_TOKENS_MAX = 1024 * 1024,
    SQL_STRING_BYTES_MAX = 1024 * 1024, /* of one literal */
    SQL_NAME_BYTES_MAX = 1024,          /* of one identifier */
    SQL_DEPTH_MAX = 200,                /* parentheses, subqueries and types inside each other */
    SQL_HEIGHT_MAX = 1000,              /* of a tree, long chains of AND or UNION included */
};

/* Parse a script. `out` has the statements that are right, also when others are not; the
 * result is then ERR_INVALID and `diagnostics` has the errors. Nodes live in `arena`, some
 * texts in the source. */
Status sql_parse(const Source *source, Arena *arena, Diagnostics *diagnostics, SqlScript **out);

/* Parse a single expression, type or query that is the whole source, without ';'. */
Status sql_parse_expr(const Source *source, Arena *arena, Diagnostics *diagnostics, SqlExpr **out);
Status sql_parse_type(const Source *source, Arena *arena, Diagnostics *diagnostics, SqlType **out);
Status sql_parse_query(const Source *source, Arena *arena, Diagnostics *diagnostics,
                       SqlQuery **out);

/* Append canonical text: keywords in upper case, names in backticks, one line for queries and
 * expressions. Parsing the text again and printing it gives the same text. */
void sql_print_expr(Buffer *out, const SqlExpr *expr);
void sql_print_query(Buffer *out, const SqlQuery *query);
void sql_print_statement(Buffer *out, const SqlStatement *statement);
/* Each statement followed by ";\n". */
void sql_print_script(Buffer *out, const SqlScript *script);
/* A type as SQL: "DECIMAL(10, 2) NOT NULL", "ROW<`a` INT>". */
void sql_print_type(Buffer *out, Type type);
/* " BY HASH(`c`) INTO 4 BUCKETS" */
void sql_print_distribution(Buffer *out, const SqlDistribution *distribution);
/* `name` in backticks, inner ones doubled. */
void sql_print_name(Buffer *out, Str name);
/* 'text' with quotes doubled. */
void sql_print_string(Buffer *out, Str text);

const char *sql_unit_name(SqlUnit unit);

/* Bytes up to and with the last `;` that ends a statement; 0 if the text has none. A `;` in a
 * string, a name, a comment or a statement set ends nothing. */
int64_t sql_statements_end(Str text);
/* Nothing but blanks and comments. */
bool sql_is_blank(Str text);
/* The words of the language, in order; no data behind the last. */
Str sql_keyword_at(int32_t index);

/* True for words that need backticks as names; ASCII case ignored. */
bool sql_is_reserved(Str word);

#endif
