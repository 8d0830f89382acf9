/* Questions to the server: see catalog.h. */
#include "connect/mysql/catalog.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "connect/mysql/ddl.h"

/* ---- settings ---- */

Status mysql_catalog_server(MysqlClient *client, ServerInfo *out, Error *error)
{
    Arena *arena = arena_new(0);
    Str row[3];
    int64_t id = 0;
    *out = (ServerInfo){.has_gtids = client->is_mariadb};
    Status status = mysql_client_row(
        client, arena, "SELECT @@server_id, @@global.binlog_checksum, @@lower_case_table_names",
        row, 3, error);
    if (status == OK) {
        out->name_case = str_is(row[2], "0")   ? NAMES_EXACT
                         : str_is(row[2], "1") ? NAMES_LOWER
                                               : NAMES_FOLDED;
        if (str_parse_int64(row[0], &id))
            out->server_id = (uint32_t)id;
        out->has_checksums = row[1].data != NULL && !str_is(row[1], "NONE");
    }
    if (status == OK && !client->is_mariadb) {
        status = mysql_client_row(client, arena, "SELECT @@global.gtid_mode", row, 1, error);
        out->has_gtids = status == OK && str_is(row[0], "ON");
    }
    arena_free(arena);
    return status;
}

static const char *monitor_privilege(const MysqlClient *client)
{
    return client->is_mariadb && client->version >= 100502 ? "BINLOG MONITOR"
                                                           : "REPLICATION CLIENT";
}

/* 'user'@'host' of the account that the server took us for. */
static Status catalog_account(MysqlClient *client, Arena *arena, const char **out, Error *error)
{
    Str row[1];
    TRY(mysql_client_row(client, arena, "SELECT CURRENT_USER()", row, 1, error));
    Str host, user = str_split(row[0], '@', &host);
    *out = arena_printf(arena, "'%.*s'@'%.*s'", STR_ARGS(user), STR_ARGS(host));
    return OK;
}

static Status catalog_fail_privilege(MysqlClient *client, Arena *arena, const char *what,
                                     Error *error)
{
    const char *account = "";
    TRY(catalog_account(client, arena, &account, error));
    Status status =
        fail(error, ERR_PERMISSION, "WR3107", "the account %s lacks the right %s", account, what);
    error_hint(error, "run on the server: GRANT SELECT, REPLICATION SLAVE, %s ON *.* TO %s",
               monitor_privilege(client), account);
    return status;
}

static bool grants_have(const List *grants, const char *privilege)
{
    for (int32_t i = 0; i < grants->count; i++) {
        Str grant = *LIST_AT(*grants, i, Str);
        bool is_global = str_find(grant, STR(" ON *.* ")) >= 0;
        bool is_role = !is_global && str_find(grant, STR(" ON ")) < 0;
        if (is_role) /* what a role brings is found out on use */
            return true;
        if (is_global && (str_find(grant, STR("ALL PRIVILEGES")) >= 0 ||
                          str_find(grant, str_from(privilege)) >= 0))
            return true;
    }
    return false;
}

static Status catalog_check_rights(MysqlClient *client, Arena *arena, Error *error)
{
    int32_t columns = 0;
    List grants = {0};
    Str value;
    TRY(mysql_client_query(client, STR("SHOW GRANTS"), &columns, error));
    if (columns != 1)
        return OK;
    Status status;
    while ((status = mysql_client_fetch(client, &value, 1, error)) == OK) {
        Str *grant = ARENA_NEW(arena, Str);
        *grant = str_copy(arena, value);
        list_append(&grants, arena, grant);
    }
    if (status != ERR_END)
        return status;
    if (!grants_have(&grants, "REPLICATION SLAVE"))
        return catalog_fail_privilege(client, arena, "REPLICATION SLAVE", error);
    bool can_monitor = grants_have(&grants, "BINLOG MONITOR") ||
                       grants_have(&grants, "REPLICATION CLIENT") || grants_have(&grants, "SUPER");
    if (!can_monitor)
        return catalog_fail_privilege(client, arena, monitor_privilege(client), error);
    return OK;
}

static Status catalog_check_settings(MysqlClient *client, Arena *arena, Error *error)
{
    Str row[3];
    TRY(mysql_client_row(client, arena,
                         "SELECT @@global.log_bin, @@global.binlog_format, "
                         "@@global.binlog_row_image",
                         row, 3, error));
    if (!str_is(row[0], "1")) {
        Status status =
            fail(error, ERR_INVALID, "WR3126", "the server writes no binlog (log_bin is off)");
        error_hint(error, "set log_bin and server_id in the server's configuration and restart "
                          "it, or read once with 'scan.startup.mode' = 'snapshot'");
        return status;
    }
    if (!str_is(row[1], "ROW")) {
        Status status = fail(error, ERR_INVALID, "WR3127",
                             "binlog_format is %.*s, and only ROW holds the rows that changed",
                             STR_ARGS(row[1]));
        error_hint(error, "run SET GLOBAL binlog_format = 'ROW', set it in the server's "
                          "configuration too, and let applications connect again");
        return status;
    }
    if (!str_is(row[2], "FULL") && !str_is(row[2], "FULL_NODUP")) {
        Status status =
            fail(error, ERR_INVALID, "WR3128",
                 "binlog_row_image is %.*s, and only FULL holds whole rows", STR_ARGS(row[2]));
        error_hint(error, "run SET GLOBAL binlog_row_image = 'FULL', set it in the server's "
                          "configuration too, and let applications connect again");
        return status;
    }
    return OK;
}

static Status catalog_check_partial(MysqlClient *client, Arena *arena, Error *error)
{
    if (client->is_mariadb || client->version < 80003)
        return OK;
    Str row[1];
    TRY(mysql_client_row(client, arena, "SELECT @@global.binlog_row_value_options", row, 1, error));
    if (row[0].length == 0)
        return OK;
    Status status = fail(error, ERR_INVALID, "WR3129",
                         "binlog_row_value_options is %.*s: JSON columns are logged as differences",
                         STR_ARGS(row[0]));
    error_hint(error, "run SET GLOBAL binlog_row_value_options = ''");
    return status;
}

Status mysql_catalog_check_binlog(MysqlClient *client, Error *error)
{
    Arena *arena = arena_new(0);
    Status status = catalog_check_settings(client, arena, error);
    if (status == OK)
        status = catalog_check_partial(client, arena, error);
    if (status == OK)
        status = catalog_check_rights(client, arena, error);
    arena_free(arena);
    return status;
}

/* ---- positions ---- */

Status mysql_catalog_end(MysqlClient *client, Arena *arena, BinlogPosition *position, Str *gtids,
                         Error *error)
{
    bool is_renamed = !client->is_mariadb && client->version >= 80200;
    Str row[5] = {0};
    int64_t offset = 0;
    *gtids = (Str){.data = ""};
    Status status = mysql_client_row(client, arena,
                                     is_renamed ? "SHOW BINARY LOG STATUS" : "SHOW MASTER STATUS",
                                     row, client->is_mariadb ? 4 : 5, error);
    if (status == ERR_PERMISSION)
        return catalog_fail_privilege(client, arena, monitor_privilege(client), error);
    TRY(status);
    if (!str_parse_int64(row[1], &offset) || row[0].length >= (int64_t)sizeof position->file)
        return fail(error, ERR_DECODE, "WR3104", "the server's binlog position is malformed");
    snprintf(position->file, sizeof position->file, "%.*s", STR_ARGS(row[0]));
    position->offset = (uint64_t)offset;
    if (!client->is_mariadb) {
        if (row[4].data != NULL)
            *gtids = row[4];
        return OK;
    }
    return mysql_catalog_gtids_at(client, arena, position, gtids, error);
}

Status mysql_catalog_gtids_at(MysqlClient *client, Arena *arena, const BinlogPosition *position,
                              Str *gtids, Error *error)
{
    Str row[1];
    const char *sql = arena_printf(arena, "SELECT BINLOG_GTID_POS('%s', %llu)", position->file,
                                   (unsigned long long)position->offset);
    TRY(mysql_client_row(client, arena, sql, row, 1, error));
    *gtids = row[0].data != NULL ? row[0] : (Str){.data = ""};
    return OK;
}

Status mysql_catalog_files(MysqlClient *client, Arena *arena, List *files, Error *error)
{
    enum { COLUMNS_MAX = 4 };
    int32_t columns = 0;
    Str row[COLUMNS_MAX];
    Status status = mysql_client_query(client, STR("SHOW BINARY LOGS"), &columns, error);
    if (status == ERR_PERMISSION)
        return catalog_fail_privilege(client, arena, monitor_privilege(client), error);
    TRY(status);
    if (columns < 1 || columns > COLUMNS_MAX)
        return fail(error, ERR_DECODE, "WR3104", "the server's list of binlogs is malformed");
    while ((status = mysql_client_fetch(client, row, columns, error)) == OK)
        list_append(files, arena, (void *)str_terminated(arena, row[0]));
    if (status != ERR_END)
        return status;
    if (files->count == 0)
        return fail(error, ERR_LOST, "WR3130", "the server has no binlog file");
    return OK;
}

/* ---- tables ---- */

/* Tables and columns are asked for apart: the server joins its own lists row by row. */
enum { TABLE_SCHEMA, TABLE_NAME, TABLE_TYPE, TABLE_COLLATION, TABLE_ROWS, TABLE_FIELDS };

static const char TABLES_SQL[] =
    "SELECT TABLE_SCHEMA, TABLE_NAME, TABLE_TYPE, TABLE_COLLATION, TABLE_ROWS "
    "FROM information_schema.TABLES "
    "WHERE TABLE_TYPE IN ('BASE TABLE', 'SEQUENCE') AND TABLE_SCHEMA %s AND TABLE_NAME %s";

enum {
    COLUMN_SCHEMA,
    COLUMN_TABLE,
    COLUMN_NAME,
    COLUMN_TYPE,
    COLUMN_CHARSET,
    COLUMN_NULLABLE,
    COLUMN_EXTRA,
    COLUMN_COLLATION,
    COLUMN_FIELDS,
};

static const char COLUMNS_SQL[] =
    "SELECT TABLE_SCHEMA, TABLE_NAME, COLUMN_NAME, COLUMN_TYPE, CHARACTER_SET_NAME, IS_NULLABLE, "
    "EXTRA, COLLATION_NAME FROM information_schema.COLUMNS "
    "WHERE TABLE_SCHEMA %s AND TABLE_NAME %s "
    "ORDER BY BINARY TABLE_SCHEMA, BINARY TABLE_NAME, ORDINAL_POSITION";

static const char OF_USERS[] =
    "NOT IN ('information_schema', 'performance_schema', 'sys', 'mysql')";

static void catalog_take_column(Arena *arena, const Str *row, MysqlColumn *column)
{
    column->name = str_copy(arena, row[COLUMN_NAME]);
    Str charset =
        row[COLUMN_CHARSET].data != NULL ? str_copy(arena, row[COLUMN_CHARSET]) : (Str){0};
    Str text = str_copy(arena, row[COLUMN_TYPE]);
    bool is_known = mysql_type_parse(arena, &text, charset, column);
    if (!is_known || column->declared.length == 0) {
        column->declared = str_copy(arena, row[COLUMN_TYPE]);
        column->type = is_known ? column->type : MYSQL_NULL;
    }
    if (row[COLUMN_COLLATION].data != NULL)
        column->collation = str_copy(arena, row[COLUMN_COLLATION]);
    column->is_nullable = str_is(row[COLUMN_NULLABLE], "YES");
    column->is_virtual = str_find(row[COLUMN_EXTRA], STR("VIRTUAL")) >= 0;
}

static int compare_names(const void *a, const void *b)
{
    const MysqlTable *left = *(MysqlTable *const *)a, *right = *(MysqlTable *const *)b;
    int order = str_compare(left->database, right->database);
    return order != 0 ? order : str_compare(left->name, right->name);
}

static MysqlTable *list_find(const List *list, Str database, Str name)
{
    MysqlTable wanted = {.database = database, .name = name};
    MysqlTable *key = &wanted;
    MysqlTable **found = list->count == 0 ? NULL
                                          : bsearch(&key, list->items, (size_t)list->count,
                                                    sizeof(void *), compare_names);
    return found != NULL ? *found : NULL;
}

static void list_sort(List *list)
{
    if (list->count > 1)
        qsort(list->items, (size_t)list->count, sizeof(void *), compare_names);
}

/* Tables and sequences, without columns so far, in order of their names. */
static Status catalog_read_list(MysqlClient *client, Arena *arena, const char *sql,
                                const TableFilter *filter, MysqlCatalog *out, Error *error)
{
    int32_t columns = 0;
    Str row[TABLE_FIELDS];
    TRY(mysql_client_query(client, str_from(sql), &columns, error));
    Status status;
    while ((status = mysql_client_fetch(client, row, TABLE_FIELDS, error)) == OK) {
        if (filter != NULL && !table_filter_matches_database(filter, row[TABLE_SCHEMA]))
            continue;
        MysqlTable *table = ARENA_NEW(arena, MysqlTable);
        table->database = str_copy(arena, row[TABLE_SCHEMA]);
        table->name = str_copy(arena, row[TABLE_NAME]);
        if (row[TABLE_COLLATION].data != NULL)
            table->charset_name = str_copy(arena, charset_of_collation(row[TABLE_COLLATION]));
        (void)str_parse_int64(row[TABLE_ROWS], &table->rows_estimate);
        bool is_table = str_is(row[TABLE_TYPE], "BASE TABLE");
        list_append(is_table ? &out->tables : &out->sequences, arena, table);
    }
    list_sort(&out->tables);
    list_sort(&out->sequences);
    return status == ERR_END ? OK : status;
}

/* Rows come table by table: the columns of one are gathered until the next begins. */
static void finish_columns(Arena *arena, MysqlTable *table, List *gathered)
{
    if (table != NULL) {
        table->columns = ARENA_ARRAY(arena, MysqlColumn, gathered->count + 1);
        table->count = gathered->count;
        for (int32_t i = 0; i < table->count; i++)
            table->columns[i] = *LIST_AT(*gathered, i, MysqlColumn);
    }
    gathered->count = 0;
}

static Status catalog_read_columns(MysqlClient *client, Arena *arena, const char *sql,
                                   const List *tables, Error *error)
{
    int32_t columns = 0;
    Str row[COLUMN_FIELDS];
    TRY(mysql_client_query(client, str_from(sql), &columns, error));
    MysqlTable *table = NULL;
    List gathered = {0};
    Status status;
    while ((status = mysql_client_fetch(client, row, COLUMN_FIELDS, error)) == OK) {
        bool is_next = table == NULL || !str_equal(table->name, row[COLUMN_TABLE]) ||
                       !str_equal(table->database, row[COLUMN_SCHEMA]);
        if (is_next) {
            finish_columns(arena, table, &gathered);
            table = list_find(tables, row[COLUMN_SCHEMA], row[COLUMN_TABLE]);
        }
        if (table == NULL) /* of a view, or of a database that does not match */
            continue;
        MysqlColumn *column = ARENA_NEW(arena, MysqlColumn);
        catalog_take_column(arena, row, column);
        list_append(&gathered, arena, column);
    }
    finish_columns(arena, table, &gathered);
    return status == ERR_END ? OK : status;
}

/* The primary key, else the first unique key whose columns are all NOT NULL. */
static Status catalog_read_key(MysqlClient *client, Arena *arena, MysqlTable *table, Error *error)
{
    Buffer sql = {0};
    buffer_append_text(&sql, "SELECT INDEX_NAME, COLUMN_NAME, NULLABLE, SUB_PART FROM "
                             "information_schema.STATISTICS WHERE NON_UNIQUE = 0 AND "
                             "TABLE_SCHEMA = ");
    mysql_append_literal(&sql, table->database);
    buffer_append_text(&sql, " AND TABLE_NAME = ");
    mysql_append_literal(&sql, table->name);
    buffer_append_text(&sql, " ORDER BY INDEX_NAME <> 'PRIMARY', INDEX_NAME, SEQ_IN_INDEX");
    int32_t columns = 0;
    Str row[4];
    Status status = mysql_client_query(client, buffer_str(&sql), &columns, error);
    buffer_free(&sql);
    TRY(status);
    int32_t *key = ARENA_ARRAY(arena, int32_t, table->count);
    int32_t count = 0;
    bool is_usable = true, is_done = false;
    Str index = {0};
    while ((status = mysql_client_fetch(client, row, 4, error)) == OK) {
        if (!is_done && index.data != NULL && !str_equal(index, row[0])) {
            is_done = is_usable;
            if (!is_usable)
                count = 0;
            is_usable = true;
        }
        if (is_done)
            continue;
        index = str_copy(arena, row[0]);
        int32_t column = mysql_table_find(table, row[1]);
        if (column < 0 || str_is(row[2], "YES") || row[3].data != NULL)
            is_usable = false;
        else if (count < table->count)
            key[count++] = column;
    }
    if (status != ERR_END)
        return status;
    table->key = key;
    table->key_count = is_usable ? count : 0;
    return OK;
}

/* What is asked for: two conditions in SQL, and the filter that databases must match, or NULL. */
typedef struct TableQuery {
    const char *database, *name;
    const TableFilter *filter;
} TableQuery;

/* Tables and sequences of the query. Those that come or go in between have no columns and are left
 * out. */
static Status catalog_read_tables(MysqlClient *client, Arena *arena, const TableQuery *query,
                                  MysqlCatalog *out, Error *error)
{
    MysqlCatalog found = {0};
    const char *sql = arena_printf(arena, TABLES_SQL, query->database, query->name);
    TRY(catalog_read_list(client, arena, sql, query->filter, &found, error));
    sql = arena_printf(arena, COLUMNS_SQL, query->database, query->name);
    TRY(catalog_read_columns(client, arena, sql, &found.tables, error));
    out->sequences = found.sequences;
    for (int32_t i = 0; i < found.tables.count; i++) {
        MysqlTable *table = LIST_AT(found.tables, i, MysqlTable);
        if (table->count == 0)
            continue;
        list_append(&out->tables, arena, table);
        if (query->filter == NULL ||
            table_filter_matches(query->filter, table->database, table->name))
            TRY(catalog_read_key(client, arena, table, error));
    }
    return OK;
}

static Status catalog_read_databases(MysqlClient *client, Arena *arena, const TableFilter *filter,
                                     List *out, Error *error)
{
    int32_t columns = 0;
    Str row[2];
    const char *sql = arena_printf(arena,
                                   "SELECT SCHEMA_NAME, DEFAULT_CHARACTER_SET_NAME FROM "
                                   "information_schema.SCHEMATA WHERE SCHEMA_NAME %s",
                                   OF_USERS);
    TRY(mysql_client_query(client, str_from(sql), &columns, error));
    Status status;
    while ((status = mysql_client_fetch(client, row, 2, error)) == OK) {
        if (!table_filter_matches_database(filter, row[0]))
            continue;
        MysqlTable *database = ARENA_NEW(arena, MysqlTable);
        database->database = database->name = str_copy(arena, row[0]);
        database->charset_name = str_copy(arena, row[1]);
        list_append(out, arena, database);
    }
    list_sort(out);
    return status == ERR_END ? OK : status;
}

Status mysql_catalog_read(MysqlClient *client, Arena *arena, const TableFilter *filter,
                          MysqlCatalog *out, Error *error)
{
    *out = (MysqlCatalog){0};
    TableQuery query = {.database = OF_USERS, .name = "<> ''", .filter = filter};
    TRY(catalog_read_tables(client, arena, &query, out, error));
    return catalog_read_databases(client, arena, filter, &out->databases, error);
}

bool mysql_tables_equal(const MysqlTable *a, const MysqlTable *b)
{
    bool is_equal = str_equal(a->database, b->database) && str_equal(a->name, b->name) &&
                    str_equal(a->charset_name, b->charset_name) && a->count == b->count &&
                    a->key_count == b->key_count;
    for (int32_t i = 0; i < a->count && is_equal; i++) {
        const MysqlColumn *one = &a->columns[i], *other = &b->columns[i];
        is_equal = str_equal(one->name, other->name) && str_equal(one->declared, other->declared) &&
                   str_equal(one->charset_name, other->charset_name) &&
                   str_equal(one->collation, other->collation);
    }
    for (int32_t i = 0; i < a->key_count && is_equal; i++)
        is_equal = a->key[i] == b->key[i];
    return is_equal;
}

/* What is the same in both, in `out`; false when something that matches the filter is not. */
static bool list_join(Arena *arena, const TableFilter *filter, const List *a, const List *b,
                      List *out)
{
    bool is_good = true;
    for (int32_t i = 0; i < a->count; i++) {
        MysqlTable *table = LIST_AT(*a, i, MysqlTable);
        const MysqlTable *other = list_find(b, table->database, table->name);
        if (other != NULL && mysql_tables_equal(table, other))
            list_append(out, arena, mysql_table_copy(arena, table));
        else
            is_good = is_good && !table_filter_matches(filter, table->database, table->name);
    }
    for (int32_t i = 0; i < b->count; i++) {
        const MysqlTable *table = LIST_AT(*b, i, MysqlTable);
        is_good = is_good && (list_find(a, table->database, table->name) != NULL ||
                              !table_filter_matches(filter, table->database, table->name));
    }
    return is_good;
}

bool mysql_catalog_join(Arena *arena, const TableFilter *filter, const MysqlCatalog *a,
                        const MysqlCatalog *b, MysqlCatalog *out)
{
    *out = (MysqlCatalog){0};
    bool is_good = list_join(arena, filter, &a->tables, &b->tables, &out->tables);
    is_good = list_join(arena, filter, &a->sequences, &b->sequences, &out->sequences) && is_good;
    (void)list_join(arena, filter, &a->databases, &b->databases, &out->databases);
    return is_good;
}

Status mysql_catalog_table(MysqlClient *client, Arena *arena, Str database, Str name,
                           MysqlTable **out, Error *error)
{
    Buffer first = {0}, second = {0};
    buffer_append_text(&first, "= ");
    mysql_append_literal(&first, database);
    buffer_append_text(&second, "= ");
    mysql_append_literal(&second, name);
    MysqlCatalog found = {0};
    *out = NULL;
    TableQuery query = {.database = buffer_terminated(&first), .name = buffer_terminated(&second)};
    Status status = catalog_read_tables(client, arena, &query, &found, error);
    buffer_free(&first);
    buffer_free(&second);
    if (status == OK && found.tables.count > 0)
        *out = LIST_AT(found.tables, 0, MysqlTable);
    return status;
}

Status mysql_catalog_fail_unknown(MysqlClient *client, Arena *arena, Str database, Str name,
                                  Error *error)
{
    enum { DISTANCE_MAX = 4 };
    int32_t columns = 0, best = DISTANCE_MAX + 1;
    Str row[2];
    const char *nearest = NULL;
    const char *wanted = arena_printf(arena, "%.*s.%.*s", STR_ARGS(database), STR_ARGS(name));
    TRY(mysql_client_query(
        client,
        STR("SELECT TABLE_SCHEMA, TABLE_NAME FROM information_schema.TABLES WHERE TABLE_TYPE = "
            "'BASE TABLE' AND TABLE_SCHEMA NOT IN ('information_schema', 'performance_schema', "
            "'sys', 'mysql')"),
        &columns, error));
    Status status;
    while ((status = mysql_client_fetch(client, row, 2, error)) == OK) {
        const char *found = arena_printf(arena, "%.*s.%.*s", STR_ARGS(row[0]), STR_ARGS(row[1]));
        int32_t distance = str_edit_distance(str_from(found), str_from(wanted), DISTANCE_MAX);
        if (distance < best) {
            best = distance;
            nearest = found;
        }
    }
    if (status != ERR_END)
        return status;
    const char *account = "";
    TRY(catalog_account(client, arena, &account, error));
    status = fail(error, ERR_NOT_FOUND, "WR3123",
                  "no table matches `%s` (database-name.table-name), or the account %s may not "
                  "read it",
                  wanted, account);
    if (nearest != NULL)
        error_hint(error, "did you mean `%s`? Or run: GRANT SELECT ON %.*s.* TO %s", nearest,
                   STR_ARGS(database), account);
    else
        error_hint(error, "check both names, or run: GRANT SELECT ON %.*s.* TO %s",
                   STR_ARGS(database), account);
    return status;
}
