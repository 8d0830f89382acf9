/* Materialized tables: a skip list in key order, a list in order of last change for the TTL,
 * and a ring of the latest changes for followers.
 *
 *     key order     head ─> row ─> row ─> row          (levels above skip ahead)
 *     change order  oldest <─> … <─> newest            (expiry eats from the oldest)
 *     changes       [seq 41][seq 42] … [seq n]         (a ring; older ones are gone)
 *
 * Readers share a lock, the writer takes it alone for one batch at a time, so what they see
 * is the state after a whole batch. */
#include "state/served.h"

#include <assert.h>
#include <pthread.h>
#include <string.h>

#include "base/ceiling.h"
#include "base/json.h"
#include "base/memory.h"
#include "data/rowcode.h"
#include "state/served_key.h"

enum {
    SKIP_LEVELS = 20,
    CHANGES_BYTES_MAX = 64 << 20,
    CHANGES_PART = 16, /* of the limit of memory */
};

typedef struct Row {
    struct Row *older, *newer; /* by last change */
    int64_t updated_us;
    int32_t key_bytes;
    int32_t row_bytes;
    char *row; /* rowcode, own allocation */
    char *key; /* behind next[] */
    int32_t level_count;
    struct Row *next[]; /* by key */
} Row;

typedef struct Change {
    RowKind kind;
    int32_t bytes;
    char *row;
} Change;

struct ServedTable {
    World *world;
    Arena *arena;
    ServedSpec spec;
    Schema schema;

    pthread_rwlock_t lock;
    Row *head; /* SKIP_LEVELS levels, no key */
    Row *oldest, *newest;
    int64_t row_count;
    int64_t next_row_number; /* append-only tables */
    int64_t updated_us;
    Timestamp watermark;
    Buffer pending_key; /* key of a -U whose +U has not come yet; empty if none */
    uint64_t random;

    pthread_mutex_t change_mutex;
    Change *changes;                       /* ring: sequence s is at s % SERVED_CHANGES_MAX */
    int64_t first_sequence, last_sequence; /* kept: first … last; none if first > last */
    int64_t change_bytes;
};

static Row *row_new(int32_t levels, Str key)
{
    int64_t links = levels * (int64_t)sizeof(Row *);
    Row *row = memory_allocate_zeroed((int64_t)sizeof(Row) + links + key.length);
    row->level_count = levels;
    row->key = (char *)row + sizeof(Row) + links;
    row->key_bytes = (int32_t)key.length;
    if (key.length > 0)
        memcpy(row->key, key.data, (size_t)key.length);
    return row;
}

static void row_free(Row *row)
{
    memory_free(row->row);
    memory_free(row);
}

static void copy_spec(ServedTable *table, const ServedSpec *spec)
{
    Arena *arena = table->arena;
    int32_t count = spec->schema->count;
    Field *fields = ARENA_ARRAY(arena, Field, count);
    for (int32_t i = 0; i < count; i++)
        fields[i] = (Field){.name = str_copy(arena, spec->schema->fields[i].name),
                            .type = spec->schema->fields[i].type};
    table->schema = (Schema){.fields = fields, .count = count};
    table->spec = *spec;
    table->spec.name = arena_printf(arena, "%s", spec->name);
    table->spec.comment = arena_printf(arena, "%s", spec->comment != NULL ? spec->comment : "");
    table->spec.schema = &table->schema;
    table->spec.key = arena_copy(arena, spec->key, spec->key_count * (int64_t)sizeof(spec->key[0]));
}

ServedTable *served_new(World *world, const ServedSpec *spec)
{
    ServedTable *table = memory_allocate_zeroed(sizeof *table);
    table->world = world;
    table->arena = arena_new(0);
    copy_spec(table, spec);
    pthread_rwlock_init(&table->lock, NULL);
    pthread_mutex_init(&table->change_mutex, NULL);
    table->head = row_new(SKIP_LEVELS, (Str){0});
    table->watermark = TIMESTAMP_MIN;
    table->random = 0x9e3779b97f4a7c15ULL;
    table->first_sequence = 1;
    return table;
}

static void changes_drop_first(ServedTable *table)
{
    Change *change = &table->changes[table->first_sequence % SERVED_CHANGES_MAX];
    table->change_bytes -= change->bytes;
    memory_free(change->row);
    change->row = NULL;
    table->first_sequence++;
}

void served_free(ServedTable *table)
{
    if (table == NULL)
        return;
    for (Row *row = table->head; row != NULL;) {
        Row *next = row->next[0];
        row_free(row);
        row = next;
    }
    while (table->first_sequence <= table->last_sequence)
        changes_drop_first(table);
    memory_free(table->changes);
    buffer_free(&table->pending_key);
    pthread_mutex_destroy(&table->change_mutex);
    pthread_rwlock_destroy(&table->lock);
    arena_free(table->arena);
    memory_free(table);
}

const ServedSpec *served_spec(const ServedTable *table)
{
    return &table->spec;
}

/* ---- The skip list ---------------------------------------------------------------------- */

/* The last row before `key` on each level (into `path` unless NULL); returns the first row whose
 * key is not below it, or NULL. */
static Row *skip_seek(const ServedTable *table, Str key, Row **path)
{
    Row *at = table->head;
    for (int32_t level = SKIP_LEVELS - 1; level >= 0; level--) {
        while (at->next[level] != NULL &&
               str_compare(str_make(at->next[level]->key, at->next[level]->key_bytes), key) < 0)
            at = at->next[level];
        if (path != NULL)
            path[level] = at;
    }
    return at->next[0];
}

static bool row_has_key(const Row *row, Str key)
{
    return row != NULL && str_equal(str_make(row->key, row->key_bytes), key);
}

/* Geometric with p = 1/4. The seed is fixed: the shape does not matter to anyone outside. */
static int32_t skip_random_levels(ServedTable *table)
{
    table->random ^= table->random << 13;
    table->random ^= table->random >> 7;
    table->random ^= table->random << 17;
    int32_t levels = 1 + __builtin_ctzll(table->random | (uint64_t)1 << 62) / 2;
    return levels < SKIP_LEVELS ? levels : SKIP_LEVELS;
}

static void age_unlink(ServedTable *table, Row *row)
{
    if (row->older != NULL)
        row->older->newer = row->newer;
    else
        table->oldest = row->newer;
    if (row->newer != NULL)
        row->newer->older = row->older;
    else
        table->newest = row->older;
    row->older = row->newer = NULL;
}

static void age_append(ServedTable *table, Row *row)
{
    row->older = table->newest;
    row->newer = NULL;
    if (table->newest != NULL)
        table->newest->newer = row;
    else
        table->oldest = row;
    table->newest = row;
}

/* ---- Changes ------------------------------------------------------------------------------ */

static void changes_add(ServedTable *table, RowKind kind, const char *row, int32_t bytes)
{
    pthread_mutex_lock(&table->change_mutex);
    int64_t most = ceiling_share(CHANGES_PART, CHANGES_BYTES_MAX);
    if (table->changes == NULL)
        table->changes =
            memory_allocate_zeroed(SERVED_CHANGES_MAX * (int64_t)sizeof(table->changes[0]));
    while (table->first_sequence <= table->last_sequence &&
           (table->last_sequence - table->first_sequence + 1 >= SERVED_CHANGES_MAX ||
            table->change_bytes + bytes > most))
        changes_drop_first(table);
    table->last_sequence++;
    Change *change = &table->changes[table->last_sequence % SERVED_CHANGES_MAX];
    *change = (Change){.kind = kind, .bytes = bytes, .row = memory_allocate(bytes)};
    memcpy(change->row, row, (size_t)bytes);
    table->change_bytes += bytes;
    pthread_mutex_unlock(&table->change_mutex);
}

/* ---- Writing, under the exclusive lock ------------------------------------------------------ */

static void table_put(ServedTable *table, Str key, Str bytes, int64_t now_us)
{
    Row *path[SKIP_LEVELS];
    Row *row = skip_seek(table, key, path);
    bool is_update = row_has_key(row, key);
    if (is_update) {
        memory_free(row->row);
        age_unlink(table, row);
    } else {
        row = row_new(skip_random_levels(table), key);
        for (int32_t level = 0; level < row->level_count; level++) {
            row->next[level] = path[level]->next[level];
            path[level]->next[level] = row;
        }
        table->row_count++;
    }
    row->row = memory_allocate(bytes.length);
    memcpy(row->row, bytes.data, (size_t)bytes.length);
    row->row_bytes = (int32_t)bytes.length;
    row->updated_us = now_us;
    age_append(table, row);
    changes_add(table, is_update ? ROW_UPDATE_AFTER : ROW_INSERT, row->row, row->row_bytes);
}

static void table_remove(ServedTable *table, Str key)
{
    Row *path[SKIP_LEVELS];
    Row *row = skip_seek(table, key, path);
    if (!row_has_key(row, key))
        return;
    for (int32_t level = 0; level < row->level_count; level++)
        path[level]->next[level] = row->next[level];
    age_unlink(table, row);
    table->row_count--;
    changes_add(table, ROW_DELETE, row->row, row->row_bytes);
    row_free(row);
}

static void key_of_row(ServedTable *table, const Batch *batch, int32_t row, Buffer *out)
{
    out->length = 0;
    for (int32_t i = 0; i < table->spec.key_count; i++) {
        Value value = value_get(&batch->columns[table->spec.key[i]], row);
        served_key_append(out, &value);
    }
}

static void pending_resolve(ServedTable *table, Str key)
{
    if (table->pending_key.length > 0 && !str_equal(buffer_str(&table->pending_key), key))
        table_remove(table, buffer_str(&table->pending_key));
    table->pending_key.length = 0;
}

static void apply_keyed(ServedTable *table, const Batch *batch, int64_t now_us)
{
    Buffer key = {0};
    Buffer bytes = {0};
    for (int32_t i = 0; i < batch->selection.count; i++) {
        int32_t row = selection_row(batch->selection, i);
        key_of_row(table, batch, row, &key);
        pending_resolve(table, buffer_str(&key));
        switch (batch_kind(batch, row)) {
        case ROW_INSERT:
        case ROW_UPDATE_AFTER:
            bytes.length = 0;
            rowcode_write(&bytes, batch, row, NULL, batch->column_count);
            table_put(table, buffer_str(&key), buffer_str(&bytes), now_us);
            break;
        case ROW_UPDATE_BEFORE: buffer_append_str(&table->pending_key, buffer_str(&key)); break;
        case ROW_DELETE: table_remove(table, buffer_str(&key)); break;
        }
    }
    buffer_free(&key);
    buffer_free(&bytes);
}

static void apply_appended(ServedTable *table, const Batch *batch, int64_t now_us)
{
    Buffer key = {0};
    Buffer bytes = {0};
    for (int32_t i = 0; i < batch->selection.count; i++) {
        int32_t row = selection_row(batch->selection, i);
        Value number = {.type = type_simple(TYPE_BIGINT), .integer = ++table->next_row_number};
        key.length = bytes.length = 0;
        served_key_append(&key, &number);
        rowcode_write(&bytes, batch, row, NULL, batch->column_count);
        table_put(table, buffer_str(&key), buffer_str(&bytes), now_us);
    }
    buffer_free(&key);
    buffer_free(&bytes);
}

void served_apply(ServedTable *table, const Batch *batch)
{
    assert(batch->column_count == table->schema.count);
    int64_t now_us = world_now_us(table->world);
    pthread_rwlock_wrlock(&table->lock);
    if (table->spec.key_count > 0)
        apply_keyed(table, batch, now_us);
    else
        apply_appended(table, batch, now_us);
    table->updated_us = now_us;
    pthread_rwlock_unlock(&table->lock);
}

void served_expire(ServedTable *table, int64_t now_us)
{
    pthread_rwlock_wrlock(&table->lock);
    pending_resolve(table, (Str){0});
    while (table->spec.ttl_us > 0 && table->oldest != NULL &&
           now_us - table->oldest->updated_us > table->spec.ttl_us)
        table_remove(table, str_make(table->oldest->key, table->oldest->key_bytes));
    pthread_rwlock_unlock(&table->lock);
}

void served_set_watermark(ServedTable *table, Timestamp watermark)
{
    pthread_rwlock_wrlock(&table->lock);
    table->watermark = watermark;
    pthread_rwlock_unlock(&table->lock);
}

/* ---- Reading -------------------------------------------------------------------------------- */

Timestamp served_watermark(ServedTable *table)
{
    pthread_rwlock_rdlock(&table->lock);
    Timestamp watermark = table->watermark;
    pthread_rwlock_unlock(&table->lock);
    return watermark;
}

int64_t served_row_count(ServedTable *table)
{
    pthread_rwlock_rdlock(&table->lock);
    int64_t count = table->row_count;
    pthread_rwlock_unlock(&table->lock);
    return count;
}

int64_t served_updated_us(ServedTable *table)
{
    pthread_rwlock_rdlock(&table->lock);
    int64_t updated_us = table->updated_us;
    pthread_rwlock_unlock(&table->lock);
    return updated_us;
}

int64_t served_sequence(ServedTable *table)
{
    pthread_mutex_lock(&table->change_mutex);
    int64_t sequence = table->last_sequence;
    pthread_mutex_unlock(&table->change_mutex);
    return sequence;
}

int64_t served_version(ServedTable *table)
{
    return served_sequence(table);
}

/* Numbers and booleans bare, arrays and objects as such, everything else quoted. Decimals keep
 * their scale: 10.50. */
static void append_json_value(Buffer *out, const Value *value)
{
    if (value->is_null) {
        buffer_append_text(out, "null");
        return;
    }
    bool is_finite = (value->type.id != TYPE_FLOAT && value->type.id != TYPE_DOUBLE) ||
                     __builtin_isfinite(value->real);
    bool is_bare = (type_is_numeric(value->type) && is_finite) || value->type.id == TYPE_BOOLEAN ||
                   type_is_nested(value->type);
    if (is_bare) {
        value_print(out, value, VALUE_PLAIN, NULL);
        return;
    }
    Buffer text = {0};
    value_print(&text, value, VALUE_PLAIN, NULL);
    json_append_quoted(out, buffer_str(&text));
    buffer_free(&text);
}

static void append_json_row(const ServedTable *table, Str bytes, Value *values, Buffer *out)
{
    bool is_whole = served_row_values(bytes, &table->schema, values);
    assert(is_whole);
    buffer_append_char(out, '{');
    for (int32_t i = 0; i < table->schema.count; i++) {
        if (i > 0)
            buffer_append_char(out, ',');
        json_append_quoted(out, table->schema.fields[i].name);
        buffer_append_char(out, ':');
        append_json_value(out, &values[i]);
    }
    buffer_append_char(out, '}');
}

bool served_find_json(ServedTable *table, const Value *key, Buffer *out)
{
    Buffer bytes = {0};
    for (int32_t i = 0; i < table->spec.key_count; i++)
        served_key_append(&bytes, &key[i]);
    Value *values = memory_allocate(table->schema.count * (int64_t)sizeof(Value));
    pthread_rwlock_rdlock(&table->lock);
    const Row *row = skip_seek(table, buffer_str(&bytes), NULL);
    bool is_found = row_has_key(row, buffer_str(&bytes));
    if (is_found)
        append_json_row(table, str_make(row->row, row->row_bytes), values, out);
    pthread_rwlock_unlock(&table->lock);
    memory_free(values);
    buffer_free(&bytes);
    return is_found;
}

static bool filter_holds(const ServedFilter *filter, const Value *values)
{
    const Value *value = &values[filter->column];
    if (value->is_null || filter->value.is_null)
        return false;
    int order = served_value_compare(value, &filter->value);
    switch (filter->op) {
    case FILTER_EQ: return order == 0;
    case FILTER_NE: return order != 0;
    case FILTER_LT: return order < 0;
    case FILTER_LE: return order <= 0;
    case FILTER_GT: return order > 0;
    case FILTER_GE: return order >= 0;
    }
    return false;
}

/* The longest prefix of the key that equality filters fix: only rows beginning with it count. */
static void filter_prefix(const ServedTable *table, const ServedFilter *filters, int32_t count,
                          Buffer *prefix)
{
    for (int32_t k = 0; k < table->spec.key_count; k++) {
        const ServedFilter *fixed = NULL;
        for (int32_t i = 0; i < count; i++)
            if (filters[i].column == table->spec.key[k] && filters[i].op == FILTER_EQ)
                fixed = &filters[i];
        if (fixed == NULL)
            return;
        served_key_append(prefix, &fixed->value);
    }
}

static const char hex_digits[] = "0123456789abcdef";

static bool cursor_decode(Str cursor, Buffer *key)
{
    if (cursor.length % 2 != 0)
        return false;
    for (int64_t i = 0; i < cursor.length; i += 2) {
        const char *high = memchr(hex_digits, cursor.data[i], 16);
        const char *low = memchr(hex_digits, cursor.data[i + 1], 16);
        if (high == NULL || low == NULL)
            return false;
        buffer_append_u8(key, (uint8_t)((high - hex_digits) << 4 | (low - hex_digits)));
    }
    return true;
}

static void cursor_encode(const Row *row, Buffer *out)
{
    for (int32_t i = 0; i < row->key_bytes; i++) {
        buffer_append_char(out, hex_digits[(uint8_t)row->key[i] >> 4]);
        buffer_append_char(out, hex_digits[(uint8_t)row->key[i] & 15]);
    }
}

/* Where a page's scan begins and ends. */
typedef struct Scan {
    Buffer start;  /* begin behind this key, or at it when it is only a prefix */
    Buffer prefix; /* rows must begin with it */
    bool is_behind_start;
} Scan;

/* Rows are visited in key order, so the scan ends at the first key without the prefix. */
static void page_fill(ServedTable *table, const ServedPage *page, const Scan *scan, Buffer *out,
                      Buffer *next_cursor)
{
    Value *values = memory_allocate(table->schema.count * (int64_t)sizeof(Value));
    const Row *row = skip_seek(table, buffer_str(&scan->start), NULL);
    if (scan->is_behind_start && row_has_key(row, buffer_str(&scan->start)))
        row = row->next[0];
    const Row *last = NULL;
    int32_t found = 0;
    for (; row != NULL; row = row->next[0]) {
        if (!str_has_prefix(str_make(row->key, row->key_bytes), buffer_str(&scan->prefix)))
            break;
        Str bytes = str_make(row->row, row->row_bytes);
        bool is_whole = served_row_values(bytes, &table->schema, values);
        assert(is_whole);
        bool holds = true;
        for (int32_t i = 0; holds && i < page->filter_count; i++)
            holds = filter_holds(&page->filters[i], values);
        if (!holds)
            continue;
        if (found == page->limit) {
            cursor_encode(last, next_cursor);
            break;
        }
        if (found++ > 0)
            buffer_append_char(out, ',');
        append_json_row(table, bytes, values, out);
        last = row;
    }
    memory_free(values);
}

Status served_page_json(ServedTable *table, const ServedPage *page, Buffer *out,
                        Buffer *next_cursor, Error *error)
{
    assert(page->limit > 0);
    Scan scan = {0};
    Status status = OK;
    filter_prefix(table, page->filters, page->filter_count, &scan.prefix);
    if (page->cursor.length == 0) {
        buffer_append_str(&scan.start, buffer_str(&scan.prefix));
    } else if (cursor_decode(page->cursor, &scan.start)) {
        scan.is_behind_start = true;
    } else {
        status = fail(error, ERR_INVALID, "WR6003", "the cursor is not one that this table gave");
        error_hint(error, "use next_cursor of the previous page, or leave cursor out");
    }
    if (status == OK) {
        pthread_rwlock_rdlock(&table->lock);
        page_fill(table, page, &scan, out, next_cursor);
        pthread_rwlock_unlock(&table->lock);
    }
    buffer_free(&scan.start);
    buffer_free(&scan.prefix);
    return status;
}

/* ---- Followers --------------------------------------------------------------------------------
 */

Status served_changes_json(ServedTable *table, int64_t sequence, int32_t limit, Buffer *out,
                           int64_t *next, Error *error)
{
    pthread_mutex_lock(&table->change_mutex);
    Status status = OK;
    bool is_kept = sequence >= table->first_sequence - 1 && sequence <= table->last_sequence;
    *next = sequence < 0 ? table->last_sequence : sequence;
    if (sequence >= 0 && !is_kept) {
        status = fail(error, ERR_LOST, "WR6004",
                      "changes are kept from %lld to %lld; the one asked for is not among them",
                      (long long)table->first_sequence, (long long)table->last_sequence);
        error_hint(error, "read the rows again and follow from the new sequence number");
    } else if (sequence >= 0) {
        Value *values = memory_allocate(table->schema.count * (int64_t)sizeof(Value));
        for (int32_t i = 0; i < limit && *next < table->last_sequence; i++) {
            const Change *change = &table->changes[++*next % SERVED_CHANGES_MAX];
            buffer_printf(out, "{\"op\":\"%s\",\"seq\":%lld,\"row\":", row_kind_text(change->kind),
                          (long long)*next);
            append_json_row(table, str_make(change->row, change->bytes), values, out);
            buffer_append_text(out, "}\n");
        }
        memory_free(values);
    }
    pthread_mutex_unlock(&table->change_mutex);
    return status;
}

/* ---- Snapshots ----------------------------------------------------------------------------------
 */

enum { SERVED_SNAPSHOT_VERSION = 1 };

void served_save(ServedTable *table, Buffer *out)
{
    pthread_rwlock_rdlock(&table->lock);
    buffer_append_u8(out, SERVED_SNAPSHOT_VERSION);
    buffer_append_u64(out, (uint64_t)served_sequence(table));
    buffer_append_u64(out, (uint64_t)table->next_row_number);
    buffer_append_u64(out, (uint64_t)table->watermark);
    buffer_append_u64(out, (uint64_t)table->row_count);
    /* Oldest change first, so that loading rebuilds the order of expiry. */
    for (const Row *row = table->oldest; row != NULL; row = row->newer) {
        buffer_append_u64(out, (uint64_t)row->updated_us);
        buffer_append_bytes(out, str_make(row->key, row->key_bytes));
        buffer_append_bytes(out, str_make(row->row, row->row_bytes));
    }
    buffer_append_bytes(out, buffer_str(&table->pending_key));
    pthread_rwlock_unlock(&table->lock);
}

static bool load_rows(ServedTable *table, ByteReader *reader, int64_t count)
{
    Value *values = memory_allocate(table->schema.count * (int64_t)sizeof(Value));
    bool is_right = true;
    for (int64_t i = 0; is_right && i < count; i++) {
        int64_t updated_us = (int64_t)byte_reader_u64(reader);
        Str key = byte_reader_bytes(reader);
        Str row = byte_reader_bytes(reader);
        is_right = !reader->is_short && served_row_values(row, &table->schema, values);
        if (is_right)
            table_put(table, key, row, updated_us);
    }
    memory_free(values);
    return is_right;
}

Status served_load(ServedTable *table, Str bytes, Error *error)
{
    ByteReader reader = byte_reader(bytes);
    pthread_rwlock_wrlock(&table->lock);
    uint8_t version = byte_reader_u8(&reader);
    int64_t sequence = (int64_t)byte_reader_u64(&reader);
    table->next_row_number = (int64_t)byte_reader_u64(&reader);
    table->watermark = (Timestamp)byte_reader_u64(&reader);
    int64_t count = (int64_t)byte_reader_u64(&reader);
    bool is_right =
        version == SERVED_SNAPSHOT_VERSION && !reader.is_short && load_rows(table, &reader, count);
    table->pending_key.length = 0;
    buffer_append_str(&table->pending_key, byte_reader_bytes(&reader));
    is_right = is_right && !reader.is_short && byte_reader_left(&reader) == 0;
    pthread_rwlock_unlock(&table->lock);
    if (!is_right)
        return fail(error, ERR_CORRUPT, "WR4290",
                    "the saved rows of materialized table `%s` are damaged", table->spec.name);
    /* Loading is not a change: followers go on from where the numbers stood. */
    pthread_mutex_lock(&table->change_mutex);
    while (table->first_sequence <= table->last_sequence)
        changes_drop_first(table);
    table->last_sequence = sequence;
    table->first_sequence = sequence + 1;
    pthread_mutex_unlock(&table->change_mutex);
    return OK;
}
