/* Changes a SQL text token by token, for the fuzzers: what comes out is nearly SQL, so that it
 * reaches the binder and not only the lexer. Used as LLVMFuzzerCustomMutator. */
#ifndef WEIR_SQL_MUTATE_TESTING_H
#define WEIR_SQL_MUTATE_TESTING_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

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

/* One change to `data`, which has room for `limit` bytes; the new size. */
static size_t sql_mutate(uint8_t *data, size_t size, size_t limit, unsigned seed)
{
    enum { COPY_MAX = 4096 };
    static Mutation mutation;
    static uint8_t copy[COPY_MAX];
    mutation = (Mutation){.data = data, .size = size, .random = seed * 0x9e3779b97f4a7c15ULL + 1};
    mutate_scan(&mutation);
    uint64_t choice = mutate_next(&mutation) % 10;
    if (choice == 0 && size > 0) {
        data[mutate_next(&mutation) % size] = (uint8_t)mutate_next(&mutation);
        return size;
    }
    const char *snippet = mutate_snippets[mutate_next(&mutation) %
                                          (sizeof mutate_snippets / sizeof mutate_snippets[0])];
    if (mutation.count == 0)
        return mutate_splice(data, size, limit, (MutateToken){0, 0}, (const uint8_t *)snippet,
                             strlen(snippet));
    int a = (int)(mutate_next(&mutation) % (uint64_t)mutation.count);
    int b = (int)(mutate_next(&mutation) % (uint64_t)mutation.count);
    MutateToken from = {mutation.tokens[b].start,
                        mutation.tokens[mutate_group_end(&mutation, b) - 1].end};
    MutateToken group = {mutation.tokens[a].start,
                         mutation.tokens[mutate_group_end(&mutation, a) - 1].end};
    MutateToken behind = {mutation.tokens[a].end, mutation.tokens[a].end};
    size_t length = from.end - from.start < COPY_MAX ? from.end - from.start : COPY_MAX;
    memcpy(copy, data + from.start, length);
    switch (choice) {
    case 1: /* drop a token, or all in its parentheses */
        memmove(data + group.start, data + group.end, size - group.end);
        return size - (group.end - group.start);
    case 2:
    case 3: return mutate_splice(data, size, limit, group, copy, length);
    case 4:
    case 5: return mutate_splice(data, size, limit, behind, copy, length);
    case 6:
    case 7:
        return mutate_splice(data, size, limit, group, (const uint8_t *)snippet, strlen(snippet));
    default:
        return mutate_splice(data, size, limit, behind, (const uint8_t *)snippet, strlen(snippet));
    }
}

#endif
