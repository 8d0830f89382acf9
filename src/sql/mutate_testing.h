/* Changes a SQL text by its structure, for the fuzzers: what comes out is nearly SQL, so that it
 * reaches the binder and not only the lexer. A fuzzer has these by the line MUTATE_SQL.
 *
 *   sql_mutate   drops, copies, moves or replaces a piece of the text
 *   sql_cross    puts a piece of one text where another has one of its kind
 *
 * A piece is a token, a group in parentheses, an item between commas, a clause or a statement. */
#ifndef WEIR_SQL_MUTATE_TESTING_H
#define WEIR_SQL_MUTATE_TESTING_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <strings.h>

enum { MUTATE_TOKENS_MAX = 4096 };

typedef struct MutateToken {
    size_t start, end;
} MutateToken;

typedef struct Mutation {
    const uint8_t *data;
    size_t size;
    MutateToken tokens[MUTATE_TOKENS_MAX];
    int count;
    uint64_t random;
} Mutation;

static const char *const mutate_snippets[] = {
    "SELECT",
    "FROM",
    "WHERE",
    "GROUP BY",
    "HAVING",
    "ORDER BY",
    "LIMIT 3",
    "OFFSET 1",
    "DISTINCT",
    "UNION ALL",
    "UNION",
    "INTERSECT ALL",
    "EXCEPT",
    "WITH c AS (SELECT * FROM t)",
    "JOIN",
    "LEFT JOIN",
    "RIGHT JOIN",
    "FULL JOIN",
    "CROSS JOIN",
    "NATURAL JOIN",
    "ON a.id = b.id",
    "USING (id)",
    "LATERAL (SELECT 1)",
    "CROSS JOIN UNNEST(arr) AS u (x)",
    "FOR SYSTEM_TIME AS OF o.ts",
    "VALUES (1, 'a'), (2, NULL)",
    "(SELECT MAX(id) FROM t)",
    "IN (SELECT id FROM t)",
    "EXISTS (SELECT 1)",
    "NOT",
    "AND",
    "OR",
    "IS NULL",
    "IS NOT DISTINCT FROM",
    "BETWEEN 1 AND 2",
    "LIKE 'a%' ESCAPE '!'",
    "CASE WHEN a THEN b ELSE c END",
    "CAST(a AS DECIMAL(10, 2))",
    "TRY_CAST(a AS INT)",
    "COUNT(*)",
    "SUM(id)",
    "COUNT(DISTINCT id) FILTER (WHERE id > 0)",
    "LISTAGG(s, ',')",
    "ARRAY_AGG(id)",
    "ROW_NUMBER() OVER (PARTITION BY id ORDER BY ts DESC) AS rn",
    "WHERE rn <= 3",
    "WHERE rn = 1",
    "SUM(id) OVER (ORDER BY ts ROWS BETWEEN 3 PRECEDING AND CURRENT ROW)",
    "SUM(id) OVER w",
    "WINDOW w AS (PARTITION BY id ORDER BY ts)",
    "QUALIFY",
    "LAG(id, 1)",
    "TABLE(TUMBLE(TABLE t, DESCRIPTOR(ts), INTERVAL '1' MINUTE))",
    "TABLE(HOP(TABLE t, DESCRIPTOR(ts), INTERVAL '1' MINUTE, INTERVAL '5' MINUTES))",
    "TABLE(CUMULATE(TABLE t, DESCRIPTOR(ts), INTERVAL '1' MINUTE, INTERVAL '5' MINUTES))",
    "TABLE(SESSION(TABLE t PARTITION BY id, DESCRIPTOR(ts), INTERVAL '1' MINUTE))",
    "GROUP BY window_start, window_end",
    "GROUP BY TUMBLE(ts, INTERVAL '1' HOUR)",
    "window_time",
    "GROUPING SETS ((id), ())",
    "ROLLUP (id, s)",
    "CUBE (id, s)",
    "GROUPING_ID(id)",
    "ARRAY[1, 2, 3]",
    "MAP['a', 1]",
    "ROW(1, 'a')",
    "arr[1]",
    "m['a']",
    "r.f",
    "CARDINALITY(arr)",
    "JSON_VALUE(s, '$.a')",
    "JSON_OBJECT('k' VALUE id)",
    "EXTRACT(DAY FROM ts)",
    "FLOOR(ts TO HOUR)",
    "INTERVAL '1' DAY",
    "TIMESTAMP '2024-01-01 00:00:00'",
    "DATE '2024-01-01'",
    "X'00ff'",
    "1e300",
    "99999999999999999999999999999999999999",
    "-9223372036854775808",
    "0.000000000000000000000001",
    "''",
    "U&'\\00e9'",
    "NULL",
    "TRUE",
    "CURRENT_TIMESTAMP",
    "PROCTIME()",
    "CURRENT_WATERMARK(ts)",
    "DECIMAL(38, 18)",
    "TIMESTAMP_LTZ(3)",
    "TIMESTAMP(9) NOT NULL",
    "ARRAY<ROW<a INT, b STRING>>",
    "MAP<STRING, INT>",
    "BIGINT",
    "BYTES",
    "PRIMARY KEY (id) NOT ENFORCED",
    "WATERMARK FOR ts AS ts - INTERVAL '5' SECOND",
    "x AS id + 1",
    "m TIMESTAMP_LTZ(3) METADATA FROM 'timestamp' VIRTUAL",
    "ROW<a INT, b ARRAY<STRING>>",
    "PARTITIONED BY (id)",
    "WITH ('connector' = 'blackhole')",
    "LIKE t (EXCLUDING ALL)",
    "AS SELECT * FROM t",
    "CREATE TABLE",
    "CREATE VIEW v AS",
    "INSERT INTO",
    "ALTER TABLE t ADD",
    "DROP TABLE IF EXISTS",
    "USE",
    "SHOW TABLES",
    "DESCRIBE t",
    "EXPLAIN PLAN FOR",
    "SET 'a' = 'b';",
    "SET 'execution.runtime-mode' = 'batch';",
    "SET 'table.exec.state.ttl' = '1 h';",
    "SET 'table.exec.mini-batch.enabled' = 'true';",
    "EXECUTE STATEMENT SET BEGIN",
    "/*+ OPTIONS('a' = 'b') */",
    "/*+ STATE_TTL('t' = '1 d') */",
    "-- c\n",
    "/* c */",
    ";",
    "MATCH_RECOGNIZE (ORDER BY ts MEASURES LAST(A.id) AS x PATTERN (A B+ C) DEFINE A AS A.id > 0)",
};

static uint64_t mutate_next(Mutation *mutation)
{
    mutation->random ^= mutation->random << 13;
    mutation->random ^= mutation->random >> 7;
    mutation->random ^= mutation->random << 17;
    return mutation->random;
}

static int mutate_is_word(uint8_t c)
{
    return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '_' ||
           c >= 0x80;
}

static size_t mutate_token_end(const uint8_t *data, size_t size, size_t at)
{
    uint8_t c = data[at++];
    if (mutate_is_word(c)) {
        while (at < size && mutate_is_word(data[at]))
            at++;
    } else if (c == '\'' || c == '`' || c == '"') {
        while (at < size && data[at] != c)
            at++;
        at += at < size;
    }
    return at;
}

static void mutate_scan(Mutation *mutation)
{
    for (size_t at = 0; at < mutation->size && mutation->count < MUTATE_TOKENS_MAX;) {
        size_t end = mutate_token_end(mutation->data, mutation->size, at);
        uint8_t c = mutation->data[at];
        if (c != ' ' && c != '\n' && c != '\t')
            mutation->tokens[mutation->count++] = (MutateToken){at, end};
        at = end;
    }
}

/* Behind the token that closes what the token opens, or behind the token itself. */
static int mutate_group_end(const Mutation *mutation, int token)
{
    int depth = 0;
    for (int i = token; i < mutation->count; i++) {
        uint8_t c = mutation->data[mutation->tokens[i].start];
        depth += (c == '(') + (c == '[');
        depth -= (c == ')') + (c == ']');
        if (depth <= 0)
            return i + 1;
    }
    return mutation->count;
}

/* Put `length` bytes in place of those from `start` to `end`; the new size. */
static size_t mutate_splice(uint8_t *data, size_t size, size_t limit, MutateToken place,
                            const uint8_t *bytes, size_t length)
{
    size_t removed = place.end - place.start;
    if (size - removed + length + 2 > limit)
        return size;
    memmove(data + place.start + length + 2, data + place.end, size - place.end);
    data[place.start] = ' ';
    memcpy(data + place.start + 1, bytes, length);
    data[place.start + length + 1] = ' ';
    return size - removed + length + 2;
}

/* ---- Pieces ---- */

typedef enum MutatePiece {
    PIECE_TOKEN,
    PIECE_GROUP,
    PIECE_ITEM,
    PIECE_CLAUSE,
    PIECE_STATEMENT,
    PIECE_COUNT
} MutatePiece;

static int mutate_is(const Mutation *mutation, int token, const char *word)
{
    const MutateToken *t = &mutation->tokens[token];
    size_t length = strlen(word);
    return t->end - t->start == length &&
           strncasecmp((const char *)mutation->data + t->start, word, length) == 0;
}

static int mutate_begins_clause(const Mutation *mutation, int token)
{
    static const char *const words[] = {
        "SELECT", "FROM",   "WHERE",     "GROUP", "HAVING",      "ORDER",   "LIMIT",    "OFFSET",
        "UNION",  "EXCEPT", "INTERSECT", "JOIN",  "LEFT",        "RIGHT",   "FULL",     "CROSS",
        "ON",     "USING",  "WINDOW",    "WITH",  "QUALIFY",     "FOR",     "OVER",     "FILTER",
        "VALUES", "AS",     "PARTITION", "LIKE",  "PARTITIONED", "PATTERN", "MEASURES", "DEFINE",
    };
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        if (mutate_is(mutation, token, words[i]))
            return 1;
    }
    return 0;
}

static int mutate_ends_piece(const Mutation *mutation, MutatePiece piece, int token)
{
    uint8_t c = mutation->data[mutation->tokens[token].start];
    if (c == ';' || piece == PIECE_STATEMENT)
        return c == ';';
    return c == ')' || c == ']' || (piece == PIECE_ITEM && c == ',') ||
           mutate_begins_clause(mutation, token);
}

/* The piece that begins at or around token `first`, as tokens [first, end). */
static void mutate_find_piece(const Mutation *mutation, MutatePiece piece, int *first, int *end)
{
    if (piece == PIECE_TOKEN) {
        *end = *first + 1;
        return;
    }
    if (piece == PIECE_GROUP) {
        *end = mutate_group_end(mutation, *first);
        return;
    }
    while (*first > 0 && !(piece == PIECE_CLAUSE && mutate_begins_clause(mutation, *first))) {
        uint8_t before = mutation->data[mutation->tokens[*first - 1].start];
        if (before == ';' || (piece == PIECE_ITEM && (before == ',' || before == '(' ||
                                                      mutate_begins_clause(mutation, *first - 1))))
            break;
        --*first;
    }
    *end = mutate_group_end(mutation, *first);
    while (*end < mutation->count && !mutate_ends_piece(mutation, piece, *end))
        *end = mutate_group_end(mutation, *end);
}

/* A piece of the kind somewhere in the text, as bytes. There must be a token. */
static MutateToken mutate_pick(Mutation *mutation, MutatePiece piece)
{
    int first = (int)(mutate_next(mutation) % (uint64_t)mutation->count), end;
    mutate_find_piece(mutation, piece, &first, &end);
    return (MutateToken){mutation->tokens[first].start, mutation->tokens[end - 1].end};
}

static MutatePiece mutate_pick_kind(Mutation *mutation)
{
    return (MutatePiece)(mutate_next(mutation) % PIECE_COUNT);
}

static void mutate_begin(Mutation *mutation, const uint8_t *data, size_t size, unsigned seed)
{
    *mutation = (Mutation){.data = data, .size = size, .random = seed * 0x9e3779b97f4a7c15ULL + 1};
    mutate_scan(mutation);
}

/* ---- Changes ---- */

enum { MUTATE_COPY_MAX = 4096 };

/* One piece of the text in the place of another, or behind it. */
static size_t mutate_copy_piece(Mutation *mutation, uint8_t *data, size_t limit)
{
    static uint8_t copy[MUTATE_COPY_MAX];
    MutatePiece piece = mutate_pick_kind(mutation);
    MutateToken from = mutate_pick(mutation, piece), to = mutate_pick(mutation, piece);
    size_t length = from.end - from.start;
    if (length > MUTATE_COPY_MAX)
        return mutation->size;
    memcpy(copy, data + from.start, length);
    if (mutate_next(mutation) % 2 == 0)
        to.start = to.end;
    return mutate_splice(data, mutation->size, limit, to, copy, length);
}

/* One change to `data`, which has room for `limit` bytes; the new size. */
static size_t sql_mutate(uint8_t *data, size_t size, size_t limit, unsigned seed)
{
    static Mutation mutation;
    mutate_begin(&mutation, data, size, seed);
    uint64_t choice = mutate_next(&mutation) % 16;
    if (choice == 0 && size > 0) {
        data[mutate_next(&mutation) % size] = (uint8_t)mutate_next(&mutation);
        return size;
    }
    enum { SNIPPETS = sizeof mutate_snippets / sizeof mutate_snippets[0] };
    const char *snippet = mutate_snippets[mutate_next(&mutation) % SNIPPETS];
    MutateToken place = {0, 0};
    if (mutation.count > 0)
        place = mutate_pick(&mutation, choice < 12 ? PIECE_TOKEN : mutate_pick_kind(&mutation));
    if (mutation.count == 0 || choice >= 9) {
        if (choice % 2 == 0)
            place.start = place.end;
        return mutate_splice(data, size, limit, place, (const uint8_t *)snippet, strlen(snippet));
    }
    if (choice > 2)
        return mutate_copy_piece(&mutation, data, limit);
    place = mutate_pick(&mutation, mutate_pick_kind(&mutation));
    memmove(data + place.start, data + place.end, size - place.end);
    return size - (place.end - place.start);
}

/* `a` with a piece of `b` in the place of one of the same kind, or behind it; its size in `out`,
 * which has room for `limit` bytes. */
static size_t sql_cross(const uint8_t *a, size_t a_size, const uint8_t *b, size_t b_size,
                        uint8_t *out, size_t limit, unsigned seed)
{
    static Mutation into, source;
    mutate_begin(&into, a, a_size, seed);
    mutate_begin(&source, b, b_size, seed + 1);
    size_t size = a_size < limit ? a_size : limit;
    memcpy(out, a, size);
    if (size < a_size || into.count == 0 || source.count == 0)
        return size;
    MutatePiece piece = mutate_pick_kind(&into);
    MutateToken from = mutate_pick(&source, piece), to = mutate_pick(&into, piece);
    if (mutate_next(&into) % 3 == 0)
        to.start = to.end;
    return mutate_splice(out, size, limit, to, b + from.start, from.end - from.start);
}

/* What libFuzzer calls, as it declares it. */
#define MUTATE_SQL                                                                                 \
    size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t limit, unsigned seed);       \
    size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t limit, unsigned seed)        \
    {                                                                                              \
        return sql_mutate(data, size, limit, seed);                                                \
    }                                                                                              \
    size_t LLVMFuzzerCustomCrossOver(const uint8_t *a, size_t a_size, const uint8_t *b,            \
                                     size_t b_size, uint8_t *out, size_t limit, unsigned seed);    \
    size_t LLVMFuzzerCustomCrossOver(const uint8_t *a, size_t a_size, const uint8_t *b,            \
                                     size_t b_size, uint8_t *out, size_t limit, unsigned seed)     \
    {                                                                                              \
        return sql_cross(a, a_size, b, b_size, out, limit, seed);                                  \
    }

#endif
