/* What look-ups have in common, whatever the server. */
#include <stdatomic.h>
#include <sys/socket.h>

#include "connect/jdbc/jdbc.h"
#include "data/value.h"

enum { LETTER_TEXT_MAX = 200 };

typedef struct JdbcLookup {
    LookupReader base;
    JdbcUrl url;
    JdbcSession session;
    const JdbcDriver *driver;
    bool is_open;
} JdbcLookup;

bool jdbc_put(JdbcSession *session, Batch *batch, int32_t row, int32_t column, Str text)
{
    Column *into = &batch->columns[column];
    if (text.data == NULL) {
        column_set_null(into, batch->arena, row, LOOKUP_ROWS_CAPACITY);
        return true;
    }
    Type type = session->reader->node->lookup_join.fetched.fields[column].type;
    Value value;
    if (!jdbc_value(session->url->kind, text, type, &session->text, &value))
        return false;
    value_set(into, batch->arena, row, LOOKUP_ROWS_CAPACITY, &value);
    return true;
}

static void letter_key(Buffer *out, const Batch *keys, int32_t key)
{
    for (int32_t i = 0; i < keys->column_count; i++) {
        Value value = value_get(&keys->columns[i], key);
        buffer_append_text(out, i == 0 ? "" : ", ");
        value_print(out, &value, VALUE_PLAIN, NULL);
    }
}

void jdbc_reject_key(JdbcSession *session, const Batch *keys, int32_t key, const char *reason)
{
    Buffer bytes = {0};
    letter_key(&bytes, keys, key);
    DeadLetter letter = {.table = session->reader->node->lookup_join.table->name,
                         .stage = STAGE_DECODE,
                         .code = "WR3306",
                         .reason = reason,
                         .bytes = buffer_str(&bytes)};
    deadletters_add(session->reader->dead_letters, &letter);
    buffer_free(&bytes);
}

void jdbc_reject_row(JdbcSession *session, LookupRows *rows, const Batch *keys, int32_t key,
                     int32_t column, Str text)
{
    const PlanNode *node = session->reader->node;
    Buffer reason = {0}, type = {0};
    type_print(&type, type_nullable(node->lookup_join.fetched.fields[column].type));
    int64_t shown = text.length < LETTER_TEXT_MAX ? text.length : LETTER_TEXT_MAX;
    buffer_printf(&reason, "column `%.*s`: '%.*s' is no %.*s",
                  STR_ARGS(node->lookup_join.fetched.fields[column].name), (int)shown, text.data,
                  STR_ARGS(buffer_str(&type)));
    jdbc_reject_key(session, keys, key, buffer_terminated(&reason));
    buffer_free(&reason);
    buffer_free(&type);
    lookup_rows_drop(rows);
}

void jdbc_columns(const JdbcSession *session, Buffer *out, void (*quote)(Buffer *out, Str name))
{
    const Schema *fetched = &session->reader->node->lookup_join.fetched;
    for (int32_t i = 0; i < fetched->count; i++) {
        buffer_append_text(out, i == 0 ? "" : ", ");
        quote(out, fetched->fields[i].name);
    }
}

void jdbc_table(const JdbcSession *session, Buffer *out, void (*quote)(Buffer *out, Str name))
{
    Str rest = session->table_name;
    for (bool is_first = true; rest.length > 0; is_first = false) {
        buffer_append_text(out, is_first ? "" : ".");
        quote(out, str_split(rest, '.', &rest));
    }
}

static void lookup_prepare(JdbcLookup *self)
{
    LookupReader *reader = &self->base;
    const OptionSet *options = reader->node->lookup_join.table->options.options;
    const char *mistake = jdbc_url_parse(reader->arena, options_text(options, "url"), &self->url);
    assert(mistake == NULL); /* or the check would have refused it */
    (void)mistake;
    self->driver = jdbc_driver(self->url.kind);
    self->session.reader = reader;
    self->session.table = reader->node->lookup_join.table;
    self->session.world = reader->world;
    int64_t silence_us = self->url.silence_us;
    bool is_shorter = silence_us > 0 && silence_us < reader->timeout_us;
    self->session.silence_us = is_shorter ? silence_us : reader->timeout_us;
    self->session.url = &self->url;
    self->session.table_name = options_text(options, "table-name");
    self->session.values = ARENA_ARRAY(reader->arena, const char *, reader->key_count);
    self->session.starts = ARENA_ARRAY(reader->arena, int64_t, reader->key_count);
    if (options_has(options, "username"))
        self->session.user = options_terminated(options, "username");
    if (options_has(options, "password"))
        self->session.password = options_terminated(options, "password");
    atomic_store(&self->session.socket, -1);
}

static void lookup_drop(JdbcLookup *self)
{
    atomic_store(&self->session.socket, -1);
    self->driver->close(&self->session);
    self->is_open = false;
}

static Status lookup_connect(JdbcLookup *self, Error *error)
{
    lookup_drop(self);
    Status status = self->driver->open(&self->session, error);
    self->is_open = status == OK;
    if (status != OK)
        lookup_drop(self);
    return status;
}

/* The first connection is tried once, so that a wrong host or password ends the start with a
 * message and not a job in silence. */
static Status lookup_open(LookupReader *reader, Error *error)
{
    JdbcLookup *self = (JdbcLookup *)reader;
    if (self->driver == NULL)
        lookup_prepare(self);
    Status status = lookup_connect(self, error);
    if (status != OK)
        error->is_retriable = false;
    return status;
}

static Status lookup_find(LookupReader *reader, const Batch *keys, LookupRows *rows, Error *error)
{
    JdbcLookup *self = (JdbcLookup *)reader;
    Status status = OK;
    if (!self->is_open)
        status = lookup_connect(self, error);
    if (status == OK)
        status = self->driver->find(&self->session, keys, rows, error);
    if (status != OK)
        lookup_drop(self);
    return status;
}

static void lookup_interrupt(LookupReader *reader)
{
    JdbcLookup *self = (JdbcLookup *)reader;
    atomic_store(&self->session.is_interrupted, true);
    int32_t socket = self->driver == NULL ? -1 : atomic_load(&self->session.socket);
    if (socket >= 0)
        shutdown(socket, SHUT_RDWR);
}

static void lookup_close(LookupReader *reader)
{
    JdbcLookup *self = (JdbcLookup *)reader;
    if (self->driver == NULL)
        return;
    lookup_drop(self);
    buffer_free(&self->session.statement);
    buffer_free(&self->session.text);
    buffer_free(&self->session.reason);
}

const LookupKind jdbc_lookup = {
    .size = sizeof(JdbcLookup),
    .keys_max = 256,
    .open = lookup_open,
    .find = lookup_find,
    .interrupt = lookup_interrupt,
    .close = lookup_close,
};
