/* XA transactions: prepared at one place of the binlog, committed or rolled back at another.
 *
 * MySQL 5.7 and MariaDB 10.5 write the rows when the transaction is prepared, which may come to
 * nothing. So the events are kept, as bytes, and given to the stream where the XA COMMIT stands, as
 * if they were its own; a checkpoint holds those that are open. A prepared transaction keeps its
 * locks on the tables, so that their definitions are at the XA COMMIT what they were before.
 *
 * What was prepared in front of the place where the stream begins is not there to be kept: the
 * snapshot waits until nothing is (xa_wait), and an XA COMMIT of one that is not known stops the
 * source. Reference: MySQL 8.4 Reference Manual, "XA Transaction States" and "XA RECOVER"; MariaDB
 * Knowledge Base, "XA Transactions" and "Gtid_event". */
#include <assert.h>

#include "base/log.h"
#include "base/memory.h"
#include "connect/mysql/source.h"

enum {
    MEMORY_SHARE = 4, /* of weir.memory.limit, for what is held */
    HELD_BYTES = 256 * 1024 * 1024,
    HELD_BYTES_MAX = 1024 * 1024 * 1024,
    HELD_COUNT_MAX = 1000000,
    WAIT_US = 10000000,
    WAIT_STEP_US = 100000,
    ERROR_XA_RIGHT = 1401, /* XA RECOVER without the right to it */
    SIZE_AT = 9,           /* of the header */
};

static void prepared_free(PreparedXa *prepared)
{
    buffer_free(&prepared->id);
    buffer_free(&prepared->events);
}

void xa_free(MysqlSource *source)
{
    SourceXa *xa = &source->xa;
    for (int32_t i = 0; i < xa->count; i++)
        prepared_free(&xa->held[i]);
    memory_free(xa->held);
    buffer_free(&xa->taken);
    *xa = (SourceXa){0};
}

void xa_break(MysqlSource *source)
{
    source->xa.is_taking = source->xa.is_giving = false;
    source->xa.taken.length = 0;
}

/* ---- what is held ---- */

/* As the server prints it: X'67',X'62',1 */
static void print_id(Buffer *out, uint32_t format, Str gtrid, Str bqual)
{
    Str parts[2] = {gtrid, bqual};
    for (int32_t i = 0; i < 2; i++) {
        buffer_append_text(out, "X'");
        for (int64_t j = 0; j < parts[i].length; j++)
            buffer_printf(out, "%02x", (uint8_t)parts[i].data[j]);
        buffer_append_text(out, "',");
    }
    buffer_printf(out, "%u", format);
}

/* The id of a statement in the same form. */
static void read_id(Buffer *out, Str text)
{
    for (int64_t i = 0; i < text.length; i++) {
        char c = text.data[i];
        bool is_digit = c >= 'A' && c <= 'F';
        if (c != ' ')
            buffer_append_char(out, is_digit ? (char)(c - 'A' + 'a') : c == 'x' ? 'X' : c);
    }
}

static PreparedXa *xa_add(SourceXa *xa)
{
    if (xa->count == xa->capacity) {
        xa->capacity = xa->capacity > 0 ? xa->capacity * 2 : 8;
        xa->held = memory_resize(xa->held, xa->capacity * (int64_t)sizeof *xa->held);
    }
    PreparedXa *prepared = &xa->held[xa->count++];
    *prepared = (PreparedXa){0};
    return prepared;
}

static int32_t xa_find(const SourceXa *xa, Str id)
{
    for (int32_t i = 0; i < xa->count; i++)
        if (str_equal(buffer_str(&xa->held[i].id), id))
            return i;
    return -1;
}

static void xa_remove(SourceXa *xa, int32_t index)
{
    assert(index >= 0 && index < xa->count);
    xa->bytes -= xa->held[index].events.length;
    prepared_free(&xa->held[index]);
    xa->count--;
    memmove(xa->held + index, xa->held + index + 1, (size_t)(xa->count - index) * sizeof *xa->held);
}

/* ---- preparing ---- */

void xa_begin(MysqlSource *source)
{
    source->xa.is_taking = true;
    source->xa.taken.length = 0;
}

/* Whether there is room for `more` bytes. */
static Status xa_check_limit(MysqlSource *source, int64_t more, Error *error)
{
    const SourceXa *xa = &source->xa;
    int64_t limit = source->reader.memory_bytes > 0 ? source->reader.memory_bytes / MEMORY_SHARE
                                                    : (int64_t)HELD_BYTES;
    limit = limit < HELD_BYTES_MAX ? limit : (int64_t)HELD_BYTES_MAX;
    if (xa->bytes + xa->taken.length + more <= limit && xa->count < HELD_COUNT_MAX)
        return OK;
    Status status = fail(error, ERR_LIMIT, "WR3145",
                         "%d XA transactions that are prepared and not committed hold more than "
                         "%lld MiB of changes",
                         xa->count + 1, (long long)(limit >> 20));
    error_hint(error, "raise weir.memory.limit, a quarter of which they may take, and run again");
    error->is_in_place = true;
    return status;
}

Status xa_take(MysqlSource *source, Error *error)
{
    SourceStream *stream = &source->stream;
    Buffer *taken = &source->xa.taken;
    const Event *event = &stream->event;
    Binding *binding = NULL;
    if (event->type == EVENT_TABLE_MAP) {
        TRY(binding_make(source, event, &binding, error));
    } else {
        uint64_t id = 0; /* stands at the same place in both */
        TRY(tablemap_read_id(&stream->format, event, &id, error));
        binding = binding_find(source, id);
    }
    if (binding == NULL || !binding->is_wanted)
        return OK;
    TRY(xa_check_limit(source, EVENT_HEADER_BYTES + event->body.length, error));
    buffer_append_u32(taken, event->timestamp);
    buffer_append_u8(taken, event->type);
    buffer_append_u32(taken, event->server_id);
    buffer_append_u32(taken, (uint32_t)(EVENT_HEADER_BYTES + event->body.length));
    buffer_append_u32(taken, event->next_position);
    buffer_append_u16(taken, event->flags);
    buffer_append_str(taken, event->body);
    return OK;
}

static void xa_give(MysqlSource *source, int32_t index)
{
    SourceXa *xa = &source->xa;
    xa->is_taking = false;
    xa->is_giving = true;
    xa->giving = index;
    xa->at = 0;
    xa->commit = source->stream.event;
    source->stream.is_in_transaction = true;
}

Status xa_prepare(MysqlSource *source, bool *gives, Error *error)
{
    const Event *event = &source->stream.event;
    SourceXa *xa = &source->xa;
    ByteReader reader = byte_reader(event->body);
    *gives = byte_reader_u8(&reader) != 0;
    uint32_t format = byte_reader_u32(&reader);
    uint32_t gtrid_bytes = byte_reader_u32(&reader), bqual_bytes = byte_reader_u32(&reader);
    Str gtrid = byte_reader_take(&reader, gtrid_bytes);
    Str bqual = byte_reader_take(&reader, bqual_bytes);
    if (reader.is_short)
        return event_fail(event, "an XA PREPARE is cut short", error);
    TRY(xa_check_limit(source, 0, error));
    Buffer id = {0};
    print_id(&id, format, gtrid, bqual);
    int32_t before = xa_find(xa, buffer_str(&id));
    if (before >= 0) /* its end was not written; the name is free again, so it is over */
        xa_remove(xa, before);
    PreparedXa *prepared = xa_add(xa);
    prepared->id = id;
    prepared->events = xa->taken;
    xa->bytes += xa->taken.length;
    xa->taken = (Buffer){0};
    xa->is_taking = false;
    if (*gives)
        xa_give(source, xa->count - 1);
    return OK;
}

/* ---- committing ---- */

/* What was prepared in front of the stream's start. */
static Status xa_miss(MysqlSource *source, Str id, Error *error)
{
    const SourceStream *stream = &source->stream;
    bool is_seen = source->segments.count > 0 &&
                   segment_has_seen(source, LIST_AT(source->segments, 0, Segment));
    if (is_seen)
        return OK;
    if (source->xa.may_miss) {
        log_event(LOG_WARN, "mysql-cdc",
                  "the XA transaction %.*s, committed behind %s:%llu, was prepared in front of the "
                  "position where reading began: its changes are not read",
                  STR_ARGS(id), stream->safe.file, (unsigned long long)stream->safe.offset);
        return OK;
    }
    Status status =
        fail(error, ERR_LOST, "WR3144",
             "the XA transaction %.*s, committed behind %s:%llu, was prepared before the "
             "snapshot began: its changes are neither in the snapshot nor behind it",
             STR_ARGS(id), stream->safe.file, (unsigned long long)stream->safe.offset);
    error_hint(error, "start over with --fresh");
    return status;
}

Status xa_commit(MysqlSource *source, Str id, bool *gives, Error *error)
{
    SourceXa *xa = &source->xa;
    Buffer wanted = {0};
    read_id(&wanted, id);
    int32_t index = xa_find(xa, buffer_str(&wanted));
    buffer_free(&wanted);
    *gives = index >= 0;
    if (*gives)
        xa_give(source, index);
    return *gives ? OK : xa_miss(source, id, error);
}

void xa_roll_back(MysqlSource *source, Str id)
{
    SourceXa *xa = &source->xa;
    Buffer wanted = {0};
    read_id(&wanted, id);
    int32_t index = xa_find(xa, buffer_str(&wanted));
    buffer_free(&wanted);
    if (index >= 0)
        xa_remove(xa, index);
}

Status xa_next(MysqlSource *source, Event *out, Error *error)
{
    SourceXa *xa = &source->xa;
    const Buffer *events = &xa->held[xa->giving].events;
    int64_t left = events->length - xa->at;
    *out = xa->commit;
    out->type = EVENT_XID;
    out->body = (Str){.data = ""};
    if (left == 0)
        return OK;
    uint32_t size = 0;
    if (left >= EVENT_HEADER_BYTES)
        memcpy(&size, events->data + xa->at + SIZE_AT, sizeof size);
    if (size < EVENT_HEADER_BYTES || size > left)
        return fail(error, ERR_CORRUPT, "WR3136", "an XA transaction in the checkpoint is damaged");
    TRY(event_parse_inner(str_make(events->data + xa->at, size), out, error));
    xa->at += size;
    out->next_position = xa->commit.next_position; /* it counts where the XA COMMIT stands */
    return OK;
}

void xa_end(MysqlSource *source)
{
    SourceXa *xa = &source->xa;
    if (xa->is_giving)
        xa_remove(xa, xa->giving);
    xa_break(source);
}

/* ---- checkpoints ---- */

void xa_write_state(const MysqlSource *source, Buffer *out)
{
    const SourceXa *xa = &source->xa;
    buffer_append_u8(out, xa->may_miss);
    buffer_append_u32(out, (uint32_t)xa->count);
    for (int32_t i = 0; i < xa->count; i++) {
        buffer_append_bytes(out, buffer_str(&xa->held[i].id));
        const Buffer *events = &xa->held[i].events;
        buffer_append_bytes(out, events->length > 0 ? buffer_str(events) : (Str){.data = ""});
    }
}

void xa_read_state(MysqlSource *source, ByteReader *reader)
{
    SourceXa *xa = &source->xa;
    xa->may_miss = byte_reader_u8(reader) != 0;
    uint32_t count = byte_reader_u32(reader);
    for (uint32_t i = 0; i < count && i < HELD_COUNT_MAX && !reader->is_short; i++) {
        PreparedXa *prepared = xa_add(xa);
        buffer_append_str(&prepared->id, byte_reader_bytes(reader));
        buffer_append_str(&prepared->events, byte_reader_bytes(reader));
        xa->bytes += prepared->events.length;
    }
}

/* ---- before the snapshot ---- */

/* The ids (Str *) of what is prepared now; none where the account may not ask. */
static Status xa_recover(MysqlSource *source, Arena *arena, List *out, Error *error)
{
    enum { FORMAT, GTRID_BYTES, BQUAL_BYTES, DATA, FIELDS };
    MysqlClient *client = &source->client;
    int32_t columns = 0;
    Str row[FIELDS];
    Error own = {0};
    *out = (List){0};
    Status status = mysql_client_query(client, STR("XA RECOVER"), &columns, &own);
    if (status != OK && (client->last_code == ERROR_XA_RIGHT || status == ERR_PERMISSION))
        return OK;
    while (status == OK && (status = mysql_client_fetch(client, row, FIELDS, &own)) == OK) {
        Buffer text = {0};
        int64_t format = 0, gtrid = 0;
        (void)str_parse_int64(row[FORMAT], &format);
        if (str_parse_int64(row[GTRID_BYTES], &gtrid) && gtrid >= 0 && gtrid <= row[DATA].length) {
            Str data = row[DATA];
            print_id(&text, (uint32_t)format, str_make(data.data, gtrid),
                     str_make(data.data + gtrid, data.length - gtrid));
            Str *id = ARENA_NEW(arena, Str);
            *id = str_copy(arena, buffer_str(&text));
            list_append(out, arena, id);
        }
        buffer_free(&text);
    }
    if (status == ERR_END)
        return OK;
    *error = own;
    return status;
}

/* One that is in both lists. */
static const Str *lists_share(const List *a, const List *b)
{
    for (int32_t i = 0; i < a->count; i++)
        for (int32_t j = 0; j < b->count; j++)
            if (str_equal(*LIST_AT(*a, i, Str), *LIST_AT(*b, j, Str)))
                return LIST_AT(*b, j, Str);
    return NULL;
}

static Status xa_wait_for(MysqlSource *source, const List *first, Error *error)
{
    World *world = source->reader.world;
    int64_t until_us = world_monotonic_us(world) + WAIT_US;
    for (bool is_told = false;; is_told = true) {
        List now;
        Arena *arena = arena_new(0);
        Status status = xa_recover(source, arena, &now, error);
        const Str *open = status == OK ? lists_share(first, &now) : NULL;
        bool is_late = open != NULL && world_monotonic_us(world) > until_us;
        if (open != NULL && !is_told)
            log_event(LOG_INFO, "mysql-cdc",
                      "XA transactions are prepared, such as %.*s: the snapshot waits until they "
                      "are committed or rolled back",
                      STR_ARGS(*open));
        if (is_late) {
            status = fail(error, ERR_INVALID, "WR3144",
                          "the XA transaction %.*s is prepared and neither committed nor rolled "
                          "back: a snapshot would not have its changes, nor would what comes "
                          "behind it",
                          STR_ARGS(*open));
            error_hint(error,
                       "run XA RECOVER FORMAT='SQL' on the server (MySQL: XA RECOVER CONVERT "
                       "XID), then XA COMMIT or XA ROLLBACK, and run again");
        }
        arena_free(arena);
        if (status != OK || open == NULL)
            return status;
        if (socket_pause(source->client.wire.socket, WAIT_STEP_US) != OK)
            return fail(error, ERR_CANCELLED, "WR5106", "waiting was interrupted to stop");
    }
}

/* Older servers write the rows where the XA COMMIT is: nothing needs to be waited for. */
static bool logs_prepared(const MysqlClient *client)
{
    enum { MYSQL_FIRST = 50707, MARIADB_FIRST = 100500 };
    return client->version >= (client->is_mariadb ? MARIADB_FIRST : MYSQL_FIRST);
}

Status xa_wait(MysqlSource *source, Error *error)
{
    if (!logs_prepared(&source->client))
        return OK;
    List first;
    Arena *arena = arena_new(0);
    Status status = xa_recover(source, arena, &first, error);
    if (status == OK && first.count > 0)
        status = xa_wait_for(source, &first, error);
    arena_free(arena);
    return status;
}
