/* Statements of the binlog change the definitions in the book.
 *
 * A statement is worked off on drafts: its steps see what those before them did, and only when all
 * tables that are read can still be read does the book take the drafts over. Otherwise the source
 * stops in front of the statement, with the book as it was, and comes by it again when the user
 * has changed the declaration. A statement that is not understood leaves the tables it names
 * unknown; that matters when rows of them come whose columns the server does not name. */
#include <assert.h>
#include <string.h>

#include "base/log.h"
#include "connect/mysql/ddl.h"
#include "connect/mysql/source.h"

typedef struct Draft {
    Str database, name;
    SourceTable *table;      /* in the book; NULL: new */
    const MysqlTable *after; /* NULL: not known, or gone */
    Str why;                 /* it is not known */
    bool is_sequence, is_assumed, is_gone;
} Draft;

typedef struct Follower {
    MysqlSource *source;
    const QueryEvent *query;
    Arena *arena;
    Str sql;    /* in UTF-8 */
    Str unread; /* why the statement cannot be read; empty: it can */
    List drafts;
} Follower;

/* ---- drafts ---- */

static Draft *draft_open(Follower *follower, Str database, Str name)
{
    SourceTable *table = book_find(follower->source, database, name);
    for (int32_t i = 0; i < follower->drafts.count; i++) {
        Draft *draft = LIST_AT(follower->drafts, i, Draft);
        bool is_it = table != NULL
                         ? draft->table == table
                         : str_equal(draft->database, database) && str_equal(draft->name, name);
        if (is_it)
            return draft;
    }
    Draft *draft = ARENA_NEW(follower->arena, Draft);
    draft->table = table;
    draft->database = draft->table != NULL ? draft->table->schema->database : database;
    draft->name = draft->table != NULL ? draft->table->schema->name : name;
    draft->is_gone = draft->table == NULL;
    if (draft->table != NULL) {
        draft->why = draft->table->why;
        draft->after = draft->why.length == 0 ? draft->table->schema : NULL;
        draft->is_sequence = draft->table->is_sequence;
        draft->is_assumed = draft->table->is_assumed;
    }
    list_append(&follower->drafts, follower->arena, draft);
    return draft;
}

static void draft_set(Draft *draft, const MysqlTable *after)
{
    draft->after = after;
    draft->why = (Str){0};
    draft->is_sequence = draft->is_assumed = draft->is_gone = false;
}

/* "why: ALTER TABLE … (behind binlog.000001:4711)" */
static void draft_set_unknown(Follower *follower, Draft *draft, const char *why)
{
    enum { STATEMENT_BYTES_SHOWN = 300 };
    const BinlogPosition *safe = &follower->source->stream.safe;
    Str sql = follower->sql;
    bool is_long = sql.length > STATEMENT_BYTES_SHOWN;
    draft_set(draft, NULL);
    draft->why =
        str_from(arena_printf(follower->arena, "%s: %.*s%s (behind %s:%llu)", why,
                              is_long ? STATEMENT_BYTES_SHOWN : (int)sql.length, sql.data,
                              is_long ? " …" : "", safe->file, (unsigned long long)safe->offset));
}

static void draft_remove(Draft *draft)
{
    draft_set(draft, NULL);
    draft->is_gone = true;
}

/* The draft's definition under another name. */
static void draft_move(Follower *follower, Draft *from, Draft *to)
{
    if (from == to)
        return;
    if (from->is_gone) {
        draft_set_unknown(follower, to, "it was renamed from a table that is not known");
        return;
    }
    Str database = to->database, name = to->name;
    SourceTable *table = to->table;
    *to = *from;
    to->database = database;
    to->name = name;
    to->table = table;
    if (to->after != NULL) {
        MysqlTable *renamed = mysql_table_copy(follower->arena, to->after);
        renamed->database = database;
        renamed->name = name;
        to->after = renamed;
    }
    draft_remove(from);
}

/* ---- what statements do ---- */

static void follow_create(Follower *follower, const DdlChange *change)
{
    Draft *draft = draft_open(follower, change->database, change->name);
    if (change->is_optional && !draft->is_gone && !draft->is_assumed)
        return;
    MysqlTable *after = change->after;
    if (change->kind == DDL_COPIED) {
        const Draft *model = draft_open(follower, change->other_database, change->other_name);
        if (model->after == NULL) {
            draft_set_unknown(follower, draft, "it was made like a table that is not known");
            return;
        }
        after = mysql_table_copy(follower->arena, model->after);
        after->database = draft->database;
        after->name = draft->name;
        bool is_assumed = model->is_assumed;
        draft_set(draft, after);
        draft->is_assumed = is_assumed;
        return;
    }
    if (after == NULL) {
        draft_set_unknown(follower, draft, "the statement is beyond what weir follows");
        return;
    }
    ddl_settle(after, book_charset(follower->source, change->database));
    for (int32_t i = 0; i < after->count; i++)
        if (mysql_column_is_text(&after->columns[i]) &&
            after->columns[i].charset_name.data == NULL) {
            draft_set_unknown(follower, draft,
                              "the default character set of its database is not known");
            return;
        }
    draft_set(draft, after);
}

static bool columns_are_same(const MysqlTable *a, const MysqlTable *b)
{
    if (a->count != b->count)
        return false;
    for (int32_t i = 0; i < a->count; i++)
        if (!str_equal(a->columns[i].name, b->columns[i].name) ||
            !str_equal(a->columns[i].declared, b->columns[i].declared) ||
            !str_equal(a->columns[i].charset_name, b->columns[i].charset_name))
            return false;
    return true;
}

static void follow_alter(Follower *follower, const DdlChange *change)
{
    Draft *draft = draft_open(follower, change->database, change->name);
    if (draft->after == NULL)
        return; /* it is not known and stays so */
    MysqlTable *after = ddl_alter(follower->arena, draft->after, follower->sql,
                                  book_charset(follower->source, change->database));
    if (after == NULL) {
        draft_set_unknown(follower, draft,
                          draft->is_assumed
                              ? "its definition was read at a later position, behind a change"
                              : "the statement is beyond what weir follows");
        return;
    }
    bool is_same = columns_are_same(draft->after, after);
    if (draft->is_assumed && !is_same) {
        draft_set_unknown(follower, draft,
                          "its definition was read at a later position, behind a change");
        return;
    }
    Str database = after->database, name = after->name;
    bool is_renamed = !str_equal(name, draft->name) || !str_equal(database, draft->database);
    bool is_assumed = draft->is_assumed;
    after->database = draft->database;
    after->name = draft->name;
    draft_set(draft, after);
    draft->is_assumed = is_assumed;
    if (is_renamed)
        draft_move(follower, draft, draft_open(follower, database, name));
}

static void follow_rename(Follower *follower, const DdlChange *change)
{
    Draft *from = draft_open(follower, change->database, change->name);
    Draft *to = draft_open(follower, change->other_database, change->other_name);
    /* What was read later under the new name is the table's definition then. */
    if (to->is_assumed && !to->is_gone && from->is_gone)
        return;
    draft_move(follower, from, to);
}

static void follow_drop_database(Follower *follower, Str database)
{
    const MysqlSource *source = follower->source;
    for (int32_t i = 0; i < source->table_count; i++) {
        const MysqlTable *schema = source->tables[i]->schema;
        if (str_equal(schema->database, database))
            draft_remove(draft_open(follower, database, schema->name));
    }
}

static void tell_emptied(const Follower *follower, const DdlChange *change)
{
    if (table_filter_matches(follower->source->filter, change->database, change->name))
        log_event(LOG_WARN, "mysql-cdc",
                  "table %.*s.%.*s was %s: the binlog holds no deletes for its rows, they stay "
                  "where they were delivered: %.*s",
                  STR_ARGS(change->database), STR_ARGS(change->name),
                  change->kind == DDL_DROPPED ? "dropped" : "emptied",
                  (int)(follower->sql.length < 200 ? follower->sql.length : 200),
                  follower->sql.data);
}

static void follow_change(Follower *follower, const DdlChange *change)
{
    switch (change->kind) {
    case DDL_CREATED:
    case DDL_COPIED: follow_create(follower, change); break;
    case DDL_CHANGED: follow_alter(follower, change); break;
    case DDL_RENAMED: follow_rename(follower, change); break;
    case DDL_DROPPED:
        tell_emptied(follower, change);
        draft_remove(draft_open(follower, change->database, change->name));
        break;
    case DDL_EMPTIED: tell_emptied(follower, change); break;
    case DDL_SEQUENCE: {
        Draft *draft = draft_open(follower, change->database, change->name);
        draft_set(draft, NULL);
        draft->is_sequence = true;
        break;
    }
    case DDL_DATABASE_DROPPED: follow_drop_database(follower, change->database); break;
    case DDL_DATABASE: break; /* see follow_database */
    }
}

/* A statement that cannot be read makes what it may have changed unknown. */
static void follow_unread(Follower *follower, const DdlChange *change)
{
    if (change->kind == DDL_DROPPED || change->kind == DDL_EMPTIED ||
        change->kind == DDL_DATABASE || change->kind == DDL_DATABASE_DROPPED) {
        follow_change(follower, change);
        return;
    }
    const char *why = str_terminated(follower->arena, follower->unread);
    draft_set_unknown(follower, draft_open(follower, change->database, change->name), why);
    if (change->kind == DDL_RENAMED)
        draft_set_unknown(follower,
                          draft_open(follower, change->other_database, change->other_name), why);
}

static void follow_database(MysqlSource *source, const QueryEvent *query, const DdlChange *change)
{
    bool is_known = book_charset(source, change->database).data != NULL;
    if ((change->is_optional && is_known) ||
        !table_filter_matches_database(source->filter, change->database))
        return;
    Str charset = change->charset;
    if (charset.data == NULL)
        charset = charset_name_of_collation(query->server_collation);
    if (charset.data != NULL)
        book_set_charset(source, change->database, charset);
}

/* ---- judging and keeping ---- */

/* "- `v` varchar(20)" for what goes, "+ `w` varchar(20)" for what comes. */
static void print_difference(Buffer *out, const MysqlTable *before, const MysqlTable *after)
{
    const MysqlTable *tables[2] = {before, after};
    for (int32_t which = 0; which < 2; which++)
        for (int32_t i = 0; i < tables[which]->count; i++) {
            const MysqlColumn *column = &tables[which]->columns[i];
            const MysqlTable *other = tables[1 - which];
            int32_t at = mysql_table_find(other, column->name);
            if (at >= 0 && str_equal(column->declared, other->columns[at].declared) &&
                str_equal(column->charset_name, other->columns[at].charset_name))
                continue;
            buffer_printf(out, "\n     %c `%.*s` %.*s", which == 0 ? '-' : '+',
                          STR_ARGS(column->name), STR_ARGS(column->declared));
            bool is_told = str_find(column->declared, STR("char")) >= 0;
            if (mysql_column_is_text(column) && !is_told && column->charset == CHARSET_OTHER)
                buffer_printf(out, " character set %.*s", STR_ARGS(column->charset_name));
        }
}

static Status draft_check(const Follower *follower, const Draft *draft, Error *error)
{
    const MysqlTable *before = draft->table != NULL ? draft->table->schema : NULL;
    if (before == NULL || draft->after == NULL || !draft->table->is_wanted ||
        draft->table->why.length > 0)
        return OK;
    Error first = {0};
    Status status = book_check(follower->source, draft->after, &first);
    if (status == OK)
        return OK;
    /* What could not be read before either does not stop it now: no row may ever come. */
    if (book_check(follower->source, before, &(Error){0}) != OK)
        return OK;
    Buffer difference = {0};
    print_difference(&difference, before, draft->after);
    const BinlogPosition *safe = &follower->source->stream.safe;
    status = fail(error, first.status, first.code, "%s, from behind %s:%llu on: %.*s%s", first.text,
                  safe->file, (unsigned long long)safe->offset,
                  (int)(follower->sql.length < 500 ? follower->sql.length : 500),
                  follower->sql.data, difference.length > 0 ? buffer_terminated(&difference) : "");
    buffer_free(&difference);
    bool is_missing = strcmp(first.code, "WR3140") == 0;
    error_hint(error,
               "%s; then run again with the same data folder: all in front of the statement is "
               "delivered, and the pipeline goes on from there",
               is_missing ? "take the column out of CREATE TABLE, or declare what took its place"
                          : first.hint);
    error->is_in_place = true;
    return status;
}

static void draft_keep(MysqlSource *source, const Draft *draft)
{
    SourceTable *table = draft->table;
    bool is_known = draft->after != NULL || draft->why.length > 0 || draft->is_sequence;
    /* Which of its rows the snapshot has seen still matters for one made anew. */
    bool is_needed = table != NULL && table->is_snapshotted && source->stream.is_filtering;
    if (draft->is_gone || !is_known) {
        if (table != NULL && is_needed)
            book_set_unknown(table, STR("it was dropped"));
        else if (table != NULL)
            book_remove(source, table);
        return;
    }
    if (table != NULL && draft->after == table->schema)
        return;
    MysqlTable nothing = {.database = draft->database, .name = draft->name};
    const MysqlTable *after = draft->after != NULL ? draft->after : &nothing;
    if (table == NULL)
        table = book_add(source, after);
    else
        book_set(table, after);
    if (draft->why.length > 0)
        book_set_unknown(table, draft->why);
    table->is_sequence = draft->is_sequence;
    table->is_assumed = draft->is_assumed;
}

/* ---- reading ---- */

/* The statement in UTF-8, as far as its session's settings let it be read. */
static void follower_read_text(Follower *follower)
{
    const QueryEvent *query = follower->query;
    bool is_ascii = true, has_backslash = false;
    for (int64_t i = 0; i < query->sql.length; i++) {
        is_ascii = is_ascii && (uint8_t)query->sql.data[i] < 0x80;
        has_backslash = has_backslash || query->sql.data[i] == '\\';
    }
    follower->sql = query->sql;
    if (query->is_backslash_plain && has_backslash)
        follower->unread = STR("a backslash in a session with NO_BACKSLASH_ESCAPES is not read");
    Charset charset = query->client_collation == 0
                          ? CHARSET_UTF8
                          : charset_from_collation(query->client_collation);
    if (is_ascii || charset == CHARSET_UTF8)
        return;
    if (charset != CHARSET_LATIN1) {
        follower->unread = STR("the character set of the statement is not read");
        return;
    }
    Buffer text = {0};
    charset_convert(charset, query->sql, &text);
    follower->sql = str_copy(follower->arena, buffer_str(&text));
    buffer_free(&text);
}

static void fold_names(Follower *follower, DdlChange *change)
{
    if (follower->source->name_case != NAMES_LOWER)
        return;
    Str *names[] = {&change->database, &change->name, &change->other_database, &change->other_name};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        *names[i] = str_to_lower(follower->arena, *names[i]);
    if (change->after != NULL) {
        change->after->database = change->database;
        change->after->name = change->name;
    }
}

static bool is_ddl(Str sql)
{
    static const char *const words[] = {"CREATE", "ALTER", "RENAME", "DROP", "TRUNCATE"};
    SqlLexer lexer = sql_lexer(sql);
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (sql_lexer_take(&lexer, words[i]))
            return true;
    return false;
}

Status follow_statement(MysqlSource *source, const QueryEvent *query, Error *error)
{
    if (!is_ddl(query->sql))
        return OK;
    Follower follower = {.source = source, .query = query, .arena = arena_new(0)};
    follower_read_text(&follower);
    List changes = ddl_read(follower.arena, query->database, follower.sql);
    for (int32_t i = 0; i < changes.count; i++) {
        DdlChange *change = LIST_AT(changes, i, DdlChange);
        fold_names(&follower, change);
        if (change->kind == DDL_DATABASE)
            follow_database(source, query, change);
        else if (follower.unread.length > 0)
            follow_unread(&follower, change);
        else
            follow_change(&follower, change);
    }
    Status status = OK;
    for (int32_t i = 0; i < follower.drafts.count && status == OK; i++)
        status = draft_check(&follower, LIST_AT(follower.drafts, i, Draft), error);
    for (int32_t i = 0; i < follower.drafts.count && status == OK; i++) {
        const Draft *draft = LIST_AT(follower.drafts, i, Draft);
        if (draft->table != NULL || table_filter_matches_database(source->filter, draft->database))
            draft_keep(source, draft);
    }
    arena_free(follower.arena);
    return status;
}
