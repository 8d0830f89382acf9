/* The client side of a connection: see client.h. */
#include "connect/mysql/client.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "connect/mysql/auth.h"

enum {
    CAPABILITY_LONG_PASSWORD = 1,
    CAPABILITY_LONG_FLAG = 4,
    CAPABILITY_PROTOCOL_41 = 0x200,
    CAPABILITY_TLS = 0x800,
    CAPABILITY_TRANSACTIONS = 0x2000,
    CAPABILITY_SECURE_CONNECTION = 0x8000,
    CAPABILITY_MULTI_RESULTS = 0x20000,
    CAPABILITY_PLUGIN_AUTH = 0x80000,
    CAPABILITY_PLUGIN_AUTH_LENENC = 0x200000,
};

enum {
    PACKET_OK = 0x00,
    PACKET_MORE = 0x01,
    PACKET_LOCAL_INFILE = 0xfb,
    PACKET_EOF = 0xfe,
    PACKET_ERROR = 0xff,
    COMMAND_QUERY = 3,
    COLLATION_UTF8MB4 = 45,
    SCRAMBLE_BYTES = 20,
    CLIENT_PACKET_BYTES = 1 << 30,
    AUTH_ROUNDS_MAX = 8,
    TLS_12_FIRST = 50700,
};

void mysql_client_init(MysqlClient *client, World *world, const MysqlEndpoint *endpoint)
{
    *client = (MysqlClient){.endpoint = endpoint};
    client->wire.socket = socket_new(world);
}

void mysql_client_free(MysqlClient *client)
{
    socket_free(client->wire.socket);
    wire_free(&client->wire);
    buffer_free(&client->out);
    *client = (MysqlClient){0};
}

void mysql_client_interrupt(MysqlClient *client)
{
    socket_interrupt(client->wire.socket);
}

void mysql_client_close(MysqlClient *client)
{
    socket_close(client->wire.socket);
    wire_reset(&client->wire);
}

bool mysql_client_is_open(const MysqlClient *client)
{
    return socket_is_open(client->wire.socket);
}

static Status client_lost(Error *error, const char *doing)
{
    Status status =
        fail(error, ERR_UNAVAILABLE, "WR3102", "the server did not answer in time while %s", doing);
    if (error != NULL)
        error->is_retriable = true;
    return status;
}

static Status client_broken(Error *error)
{
    Status status = fail(error, ERR_DECODE, "WR3104", "the server sent a packet that is malformed");
    error_hint(error, "check that host and port are those of a MySQL or MariaDB server");
    return status;
}

static Status client_read(MysqlClient *client, Str *packet, const char *doing, Error *error)
{
    Status status = wire_read(&client->wire, client->endpoint->query_timeout_us, packet, error);
    if (status == ERR_AGAIN)
        return client_lost(error, doing);
    if (status != OK)
        return status;
    return packet->length > 0 ? OK : client_broken(error);
}

static Status client_write(MysqlClient *client, Error *error)
{
    return wire_write(&client->wire, buffer_str(&client->out), client->endpoint->connect_timeout_us,
                      error);
}

static uint8_t packet_kind(Str packet)
{
    return (uint8_t)packet.data[0];
}

typedef struct ErrorMeaning {
    uint16_t number;
    Status status;
    const char *code;
    bool is_retriable;
} ErrorMeaning;

static const ErrorMeaning ERROR_MEANINGS[] = {
    {1040, ERR_UNAVAILABLE, "WR3101", true}, /* too many connections */
    {1053, ERR_UNAVAILABLE, "WR3101", true}, /* shutdown in progress */
    {1077, ERR_UNAVAILABLE, "WR3101", true}, /* normal shutdown */
    {1079, ERR_UNAVAILABLE, "WR3101", true}, /* shutdown complete */
    {1129, ERR_UNAVAILABLE, "WR3101", true}, /* host is blocked */
    {1152, ERR_UNAVAILABLE, "WR3101", true}, /* aborting connection */
    {1158, ERR_UNAVAILABLE, "WR3101", true}, /* network read */
    {1159, ERR_UNAVAILABLE, "WR3101", true}, /* network read timeout */
    {1160, ERR_UNAVAILABLE, "WR3101", true}, /* network write */
    {1161, ERR_UNAVAILABLE, "WR3101", true}, /* network write timeout */
    {1203, ERR_UNAVAILABLE, "WR3101", true}, /* too many connections of this user */
    {1205, ERR_UNAVAILABLE, "WR3101", true}, /* lock wait timeout */
    {1213, ERR_UNAVAILABLE, "WR3101", true}, /* deadlock */
    {1317, ERR_UNAVAILABLE, "WR3101", true}, /* query interrupted */
    {1412, ERR_UNAVAILABLE, "WR3101", true}, /* the table changed under the transaction */
    {1927, ERR_UNAVAILABLE, "WR3101", true}, /* connection was killed */
    {1044, ERR_PERMISSION, "WR3106", false}, /* database access denied */
    {1045, ERR_PERMISSION, "WR3106", false}, /* access denied */
    {1130, ERR_PERMISSION, "WR3106", false}, /* host not allowed */
    {1142, ERR_PERMISSION, "WR3107", false}, /* command denied on table */
    {1143, ERR_PERMISSION, "WR3107", false}, /* command denied on column */
    {1227, ERR_PERMISSION, "WR3107", false}, /* needs a privilege */
    {1698, ERR_PERMISSION, "WR3106", false}, /* access denied, no password */
    {4151, ERR_PERMISSION, "WR3106", false}, /* account is locked */
};

Status mysql_client_fail(MysqlClient *client, Str packet, Error *error)
{
    ByteReader reader = byte_reader(packet);
    (void)byte_reader_u8(&reader);
    uint16_t number = byte_reader_u16(&reader);
    if (byte_reader_left(&reader) >= 6 && reader.at[0] == '#')
        (void)byte_reader_take(&reader, 6);
    Str text = byte_reader_take(&reader, byte_reader_left(&reader));
    client->last_code = number;
    snprintf(client->last_message, sizeof client->last_message, "%.*s", STR_ARGS(text));
    ErrorMeaning meaning = {number, ERR_INVALID, "WR3108", false};
    for (size_t i = 0; i < sizeof ERROR_MEANINGS / sizeof *ERROR_MEANINGS; i++)
        if (ERROR_MEANINGS[i].number == number)
            meaning = ERROR_MEANINGS[i];
    Status status = fail(error, meaning.status, meaning.code, "the server refused (%d): %s",
                         (int)number, client->last_message);
    if (meaning.status == ERR_PERMISSION && error != NULL &&
        str_is(str_from(meaning.code), "WR3106"))
        error_hint(error, "check username, password and the host the account may come from");
    if (str_is(str_from(meaning.code), "WR3107"))
        error_hint(
            error, "run on the server: GRANT SELECT, REPLICATION SLAVE, %s ON *.* TO '%s'@'%%'",
            client->is_mariadb ? "BINLOG MONITOR" : "REPLICATION CLIENT", client->endpoint->user);
    if (error != NULL)
        error->is_retriable = meaning.is_retriable;
    return status;
}

/* ---- greeting ---- */

static void client_take_version(MysqlClient *client, Str version)
{
    client->is_mariadb = str_find(version, STR("MariaDB")) >= 0;
    if (client->is_mariadb && str_has_prefix(version, STR("5.5.5-")))
        version = str_make(version.data + 6, version.length - 6);
    snprintf(client->server_version, sizeof client->server_version, "%.*s", STR_ARGS(version));
    int32_t part[3] = {0};
    int32_t at = 0;
    for (int64_t i = 0; i < version.length && at < 3; i++) {
        char c = version.data[i];
        if (c >= '0' && c <= '9' && part[at] < 1000)
            part[at] = part[at] * 10 + (c - '0');
        else if (c == '.')
            at++;
        else
            break;
    }
    client->version = part[0] * 10000 + part[1] * 100 + part[2];
}

typedef struct Greeting {
    char scramble[SCRAMBLE_BYTES];
    char plugin[64];
} Greeting;

static Status client_take_greeting(MysqlClient *client, Str packet, Greeting *greeting,
                                   Error *error)
{
    if (packet_kind(packet) == PACKET_ERROR)
        return mysql_client_fail(client, packet, error);
    if (packet_kind(packet) != 10)
        return client_broken(error);
    ByteReader reader = byte_reader(packet);
    (void)byte_reader_u8(&reader);
    client_take_version(client, wire_terminated(&reader));
    client->connection_id = byte_reader_u32(&reader);
    Str part = byte_reader_take(&reader, 8);
    (void)byte_reader_u8(&reader);
    uint32_t low = byte_reader_u16(&reader);
    (void)byte_reader_take(&reader, 3);
    uint32_t high = byte_reader_u16(&reader);
    int32_t scramble_bytes = byte_reader_u8(&reader);
    (void)byte_reader_take(&reader, 10);
    int32_t rest = scramble_bytes - 8 > 13 ? scramble_bytes - 8 : 13;
    Str second = byte_reader_take(&reader, rest);
    if (reader.is_short)
        return client_broken(error);
    client->capabilities = low | high << 16;
    memcpy(greeting->scramble, part.data, 8);
    memcpy(greeting->scramble + 8, second.data, SCRAMBLE_BYTES - 8);
    Str plugin = STR("mysql_native_password");
    if ((client->capabilities & CAPABILITY_PLUGIN_AUTH) != 0)
        plugin = wire_terminated(&reader);
    if (reader.is_short)
        return client_broken(error);
    snprintf(greeting->plugin, sizeof greeting->plugin, "%.*s", STR_ARGS(plugin));
    if ((client->capabilities & CAPABILITY_PROTOCOL_41) == 0)
        return fail(error, ERR_INVALID, "WR3104", "the server `%s` is older than MySQL 4.1",
                    client->server_version);
    return OK;
}

static uint32_t client_flags(const MysqlClient *client, bool is_tls)
{
    uint32_t flags = CAPABILITY_LONG_PASSWORD | CAPABILITY_LONG_FLAG | CAPABILITY_PROTOCOL_41 |
                     CAPABILITY_TRANSACTIONS | CAPABILITY_SECURE_CONNECTION |
                     CAPABILITY_MULTI_RESULTS | CAPABILITY_PLUGIN_AUTH;
    if (is_tls)
        flags |= CAPABILITY_TLS;
    return flags & ((uint32_t)client->capabilities | CAPABILITY_LONG_PASSWORD);
}

static void client_begin_answer(MysqlClient *client, bool is_tls)
{
    static const char zeros[23] = {0};
    client->out.length = 0;
    buffer_append_u32(&client->out, client_flags(client, is_tls));
    buffer_append_u32(&client->out, CLIENT_PACKET_BYTES);
    buffer_append_u8(&client->out, COLLATION_UTF8MB4);
    buffer_append(&client->out, zeros, sizeof zeros);
}

static Status client_upgrade(MysqlClient *client, Error *error)
{
    const MysqlEndpoint *endpoint = client->endpoint;
    bool can = (client->capabilities & CAPABILITY_TLS) != 0;
    if (endpoint->tls == MYSQL_TLS_OFF || (endpoint->tls == MYSQL_TLS_PREFERRED && !can))
        return OK;
    if (!can) {
        Status status = fail(error, ERR_PERMISSION, "WR3109", "the server does not offer TLS");
        error_hint(error, "set ssl_cert and ssl_key on the server, or 'jdbc.properties.sslMode' = "
                          "'DISABLED' here if the network is trusted");
        return status;
    }
    client_begin_answer(client, true);
    TRY(client_write(client, error));
    Status status = socket_start_tls(client->wire.socket, &endpoint->tls_options,
                                     endpoint->connect_timeout_us, error);
    if (status != OK && !client->is_mariadb && client->version < TLS_12_FIRST && error != NULL &&
        error->hint[0] == '\0')
        error_hint(error, "MySQL before 5.7 may speak no TLS newer than 1.1, which is refused: set "
                          "'jdbc.properties.sslMode' = 'DISABLED' if the network is trusted");
    return status;
}

/* ---- authentication ---- */

static Status client_send_password(MysqlClient *client, const Greeting *greeting, Error *error)
{
    Str password = client->endpoint->password;
    bool is_private = socket_is_tls(client->wire.socket) || client->endpoint->target.path != NULL;
    client->out.length = 0;
    if (is_private) {
        buffer_append_str(&client->out, password);
        buffer_append_u8(&client->out, 0);
        return client_write(client, error);
    }
    buffer_append_u8(&client->out, 2);
    TRY(client_write(client, error));
    Str packet;
    TRY(client_read(client, &packet, "signing in", error));
    if (packet_kind(packet) == PACKET_ERROR)
        return mysql_client_fail(client, packet, error);
    if (packet_kind(packet) != PACKET_MORE)
        return client_broken(error);
    client->out.length = 0;
    Str pem = str_make(packet.data + 1, packet.length - 1);
    TRY(auth_encrypt(password, str_make(greeting->scramble, SCRAMBLE_BYTES), pem, &client->out,
                     error));
    return client_write(client, error);
}

static Status client_switch_plugin(MysqlClient *client, Str packet, Greeting *greeting,
                                   Error *error)
{
    ByteReader reader = byte_reader(packet);
    (void)byte_reader_u8(&reader);
    Str plugin = wire_terminated(&reader);
    Str scramble = byte_reader_take(&reader, byte_reader_left(&reader));
    if (reader.is_short)
        return client_broken(error);
    snprintf(greeting->plugin, sizeof greeting->plugin, "%.*s", STR_ARGS(plugin));
    if (scramble.length >= SCRAMBLE_BYTES)
        memcpy(greeting->scramble, scramble.data, SCRAMBLE_BYTES);
    client->out.length = 0;
    TRY(auth_answer(plugin, client->endpoint->password,
                    str_make(greeting->scramble, SCRAMBLE_BYTES), &client->out, error));
    return client_write(client, error);
}

static Status client_authenticate(MysqlClient *client, Greeting *greeting, Error *error)
{
    for (int32_t round = 0; round < AUTH_ROUNDS_MAX; round++) {
        Str packet;
        TRY(client_read(client, &packet, "signing in", error));
        switch (packet_kind(packet)) {
        case PACKET_OK: return OK;
        case PACKET_ERROR: return mysql_client_fail(client, packet, error);
        case PACKET_EOF: TRY(client_switch_plugin(client, packet, greeting, error)); break;
        case PACKET_MORE:
            /* caching_sha2_password: 3 is "known to the cache", 4 "send it in full". */
            if (packet.length >= 2 && packet.data[1] == 4)
                TRY(client_send_password(client, greeting, error));
            else if (packet.length < 2 || packet.data[1] != 3)
                return client_broken(error);
            break;
        default: return client_broken(error);
        }
    }
    return client_broken(error);
}

static Status client_sign_in(MysqlClient *client, Error *error)
{
    Str packet;
    Greeting greeting = {0};
    TRY(client_read(client, &packet, "greeting", error));
    TRY(client_take_greeting(client, packet, &greeting, error));
    TRY(client_upgrade(client, error));
    client_begin_answer(client, socket_is_tls(client->wire.socket));
    buffer_append_text(&client->out, client->endpoint->user);
    buffer_append_u8(&client->out, 0);
    Buffer answer = {0};
    Str scramble = str_make(greeting.scramble, SCRAMBLE_BYTES);
    Str plugin = str_from(greeting.plugin);
    if (!str_is(plugin, "caching_sha2_password"))
        plugin = STR("mysql_native_password");
    Status status = auth_answer(plugin, client->endpoint->password, scramble, &answer, error);
    if (status == OK) {
        buffer_append_u8(&client->out, (uint8_t)answer.length);
        buffer_append_str(&client->out, buffer_str(&answer));
        buffer_append_str(&client->out, plugin);
        buffer_append_u8(&client->out, 0);
        status = client_write(client, error);
    }
    buffer_free(&answer);
    TRY(status);
    return client_authenticate(client, &greeting, error);
}

Status mysql_client_open(MysqlClient *client, Error *error)
{
    assert(!mysql_client_is_open(client));
    wire_reset(&client->wire);
    const MysqlEndpoint *endpoint = client->endpoint;
    TRY(socket_connect(client->wire.socket, &endpoint->target, endpoint->connect_timeout_us,
                       error));
    Status status = client_sign_in(client, error);
    if (status == OK)
        status = mysql_client_execute(client,
                                      "SET NAMES utf8mb4, time_zone = '+00:00', "
                                      "sql_mode = '', net_write_timeout = 600",
                                      error);
    if (status != OK)
        mysql_client_close(client);
    return status;
}

/* ---- queries ---- */

Status mysql_client_command(MysqlClient *client, uint8_t command, Str body, Error *error)
{
    client->wire.sequence = 0;
    client->last_code = 0;
    client->out.length = 0;
    buffer_append_u8(&client->out, command);
    buffer_append_str(&client->out, body);
    return client_write(client, error);
}

Status mysql_client_expect_ok(MysqlClient *client, Error *error)
{
    Str packet;
    TRY(client_read(client, &packet, "taking a command", error));
    if (packet_kind(packet) == PACKET_ERROR)
        return mysql_client_fail(client, packet, error);
    return packet_kind(packet) == PACKET_OK ? OK : client_broken(error);
}

Status mysql_client_query(MysqlClient *client, Str sql, int32_t *column_count, Error *error)
{
    *column_count = 0;
    TRY(mysql_client_command(client, COMMAND_QUERY, sql, error));
    Str packet;
    TRY(client_read(client, &packet, "running a query", error));
    if (packet_kind(packet) == PACKET_ERROR)
        return mysql_client_fail(client, packet, error);
    if (packet_kind(packet) == PACKET_OK)
        return OK;
    if (packet_kind(packet) == PACKET_LOCAL_INFILE) {
        mysql_client_close(client);
        return fail(error, ERR_PERMISSION, "WR3110",
                    "the server asked for a local file, which is never sent");
    }
    ByteReader reader = byte_reader(packet);
    uint64_t count = wire_lenenc(&reader);
    if (reader.is_short || count == 0 || count > 4096)
        return client_broken(error);
    /* The descriptions of the columns say nothing that information_schema did not; skip them
     * and the packet that ends them. */
    for (uint64_t i = 0; i <= count; i++)
        TRY(client_read(client, &packet, "describing a result", error));
    if (packet_kind(packet) != PACKET_EOF)
        return client_broken(error);
    *column_count = (int32_t)count;
    return OK;
}

Status mysql_client_fetch(MysqlClient *client, Str *values, int32_t column_count, Error *error)
{
    Str packet;
    TRY(client_read(client, &packet, "sending rows", error));
    if (packet_kind(packet) == PACKET_EOF && packet.length < 9)
        return ERR_END;
    if (packet_kind(packet) == PACKET_ERROR)
        return mysql_client_fail(client, packet, error);
    ByteReader reader = byte_reader(packet);
    for (int32_t i = 0; i < column_count; i++) {
        if (reader.at < reader.end && (uint8_t)*reader.at == 0xfb) {
            (void)byte_reader_u8(&reader);
            values[i] = (Str){0};
            continue;
        }
        values[i] = wire_lenenc_bytes(&reader);
        if (values[i].data == NULL)
            values[i].data = "";
    }
    return reader.is_short ? client_broken(error) : OK;
}

static Status client_drain(MysqlClient *client, int32_t column_count, Error *error)
{
    Str packet;
    while (column_count > 0) {
        TRY(client_read(client, &packet, "sending rows", error));
        if (packet_kind(packet) == PACKET_EOF && packet.length < 9)
            break;
        if (packet_kind(packet) == PACKET_ERROR)
            return mysql_client_fail(client, packet, error);
    }
    return OK;
}

Status mysql_client_execute(MysqlClient *client, const char *sql, Error *error)
{
    int32_t column_count = 0;
    TRY(mysql_client_query(client, str_from(sql), &column_count, error));
    return client_drain(client, column_count, error);
}

Status mysql_client_row(MysqlClient *client, Arena *arena, const char *sql, Str *values,
                        int32_t column_count, Error *error)
{
    enum { COLUMNS_MAX = 64 };
    Str row[COLUMNS_MAX];
    int32_t found = 0;
    TRY(mysql_client_query(client, str_from(sql), &found, error));
    if (found < column_count || found > COLUMNS_MAX)
        return client_broken(error);
    Status status = mysql_client_fetch(client, row, found, error);
    if (status == ERR_END)
        return fail(error, ERR_NOT_FOUND, "WR3111", "the server gave no row for: %s", sql);
    TRY(status);
    for (int32_t i = 0; i < column_count; i++)
        values[i] = row[i].data == NULL ? row[i] : str_copy(arena, row[i]);
    return client_drain(client, found, error);
}

void mysql_append_literal(Buffer *out, Str text)
{
    static const char digits[] = "0123456789abcdef";
    buffer_append_text(out, "_utf8mb4 x'");
    for (int64_t i = 0; i < text.length; i++) {
        buffer_append_char(out, digits[(uint8_t)text.data[i] >> 4]);
        buffer_append_char(out, digits[(uint8_t)text.data[i] & 15]);
    }
    buffer_append_char(out, '\'');
}

void mysql_append_name(Buffer *out, Str name)
{
    buffer_append_char(out, '`');
    for (int64_t i = 0; i < name.length; i++) {
        if (name.data[i] == '`')
            buffer_append_char(out, '`');
        buffer_append_char(out, name.data[i]);
    }
    buffer_append_char(out, '`');
}
