/* The connection; and two requests: where the coordinator is, and to end the transaction. All in
 * the oldest versions that Kafka 4 still takes, which are the simplest. */
#include "connect/kafka/coordinator.h"

#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/bigendian.h"
#include "connect/kafka/kafka.h"

enum {
    KEY_FIND_COORDINATOR = 10,
    KEY_END_TRANSACTION = 26,
    OF_TRANSACTIONS = 1,
    TIMEOUT_US = 10 * 1000 * 1000,
    ANSWER_BYTES_MAX = 1024 * 1024,
    ERROR_LOADING = 14,
    ERROR_NOT_AVAILABLE = 15,
    ERROR_NOT_COORDINATOR = 16,
    ERROR_CONCURRENT = 51,
    PORT_DEFAULT = 9092,
};

/* ---- The wire ------------------------------------------------------------------------------ */

static void put16(Buffer *out, int32_t value)
{
    store_be16(buffer_reserve(out, 2), (uint16_t)value);
    out->length += 2;
}

static void put32(Buffer *out, int32_t value)
{
    store_be32(buffer_reserve(out, 4), (uint32_t)value);
    out->length += 4;
}

static void put64(Buffer *out, int64_t value)
{
    store_be64(buffer_reserve(out, 8), (uint64_t)value);
    out->length += 8;
}

void kafka_wire_put_text(Buffer *out, Str text)
{
    put16(out, (int32_t)text.length);
    buffer_append_str(out, text);
}

static bool take(Str *body, int64_t bytes, const char **at)
{
    if (bytes < 0 || body->length < bytes)
        return false;
    *at = body->data;
    *body = str_make(body->data + bytes, body->length - bytes);
    return true;
}

bool kafka_wire_take16(Str *body, int16_t *out)
{
    const char *at;
    bool is_there = take(body, 2, &at);
    *out = is_there ? (int16_t)load_be16(at) : 0;
    return is_there;
}

bool kafka_wire_take32(Str *body, int32_t *out)
{
    const char *at;
    bool is_there = take(body, 4, &at);
    *out = is_there ? (int32_t)load_be32(at) : 0;
    return is_there;
}

bool kafka_wire_take_text(Str *body, Str *out)
{
    int16_t length;
    *out = (Str){0};
    if (!kafka_wire_take16(body, &length))
        return false;
    if (length < 0)
        return true;
    out->length = length;
    return take(body, length, &out->data);
}

bool kafka_wire_take_bytes(Str *body, Str *out)
{
    int32_t length;
    *out = (Str){0};
    if (!kafka_wire_take32(body, &length))
        return false;
    if (length < 0)
        return true;
    out->length = length;
    return take(body, length, &out->data);
}

void kafka_wire_begin(KafkaWire *wire, int16_t key, int16_t version)
{
    wire->out.length = 0;
    put32(&wire->out, 0); /* the length */
    put16(&wire->out, key);
    put16(&wire->out, version);
    put32(&wire->out, ++wire->correlation);
    kafka_wire_put_text(&wire->out, STR("weir"));
}

static Status pair_failed(Error *error)
{
    return fail(error, ERR_UNAVAILABLE, "WR3423", "the hub of this process does not answer");
}

static Status wire_send(KafkaWire *wire, Error *error)
{
    if (wire->pair < 0)
        return socket_write(wire->socket, wire->out.data, wire->out.length, TIMEOUT_US, error);
    for (int64_t at = 0; at < wire->out.length;) {
        ssize_t count =
            send(wire->pair, wire->out.data + at, (size_t)(wire->out.length - at), MSG_NOSIGNAL);
        if (count <= 0)
            return pair_failed(error);
        at += count;
    }
    return OK;
}

static Status wire_receive(KafkaWire *wire, char *into, int64_t bytes, Error *error)
{
    if (wire->pair < 0)
        return socket_read_full(wire->socket, into, bytes, TIMEOUT_US, error);
    ssize_t count = recv(wire->pair, into, (size_t)bytes, MSG_WAITALL);
    return count == bytes ? OK : pair_failed(error);
}

Status kafka_wire_ask(KafkaWire *wire, Str *body, Error *error)
{
    store_be32(wire->out.data, (uint32_t)(wire->out.length - 4));
    TRY(wire_send(wire, error));
    char head[4];
    TRY(wire_receive(wire, head, sizeof head, error));
    uint32_t length = load_be32(head);
    if (length < 4 || length > ANSWER_BYTES_MAX)
        return fail(error, ERR_DECODE, "WR3429", "what answers is no Kafka broker");
    wire->in.length = 0;
    buffer_reserve(&wire->in, length);
    TRY(wire_receive(wire, wire->in.data, length, error));
    wire->in.length = length;
    *body = str_make(wire->in.data + 4, (int64_t)length - 4);
    return OK;
}

/* ---- Connecting ---------------------------------------------------------------------------- */

static bool security_has(const OptionSet *options, const char *part)
{
    Str protocol = kafka_property(options, "security.protocol");
    return str_find(protocol, str_from(part)) >= 0;
}

static Str mechanism_of(const OptionSet *options)
{
    Str mechanism = kafka_property(options, "sasl.mechanism");
    return mechanism.data != NULL ? mechanism : kafka_property(options, "sasl.mechanisms");
}

const char *kafka_end_refuse(const OptionSet *options, const char **key)
{
    static const char *const unknown[] = {"ssl.keystore.location",
                                          "ssl.keystore.certificate.chain",
                                          "ssl.truststore.certificates",
                                          "ssl.ca.pem",
                                          "ssl.certificate.pem",
                                          "ssl.key.pem",
                                          "ssl.key.password"};
    for (size_t i = 0; i < sizeof unknown / sizeof unknown[0]; i++) {
        if (kafka_property(options, unknown[i]).data == NULL)
            continue;
        *key = unknown[i];
        return "exactly once takes certificates and keys from PEM files, without a password";
    }
    *key = "sasl.mechanism";
    Str mechanism = mechanism_of(options);
    bool is_known = str_is(mechanism, "PLAIN") || str_is(mechanism, "SCRAM-SHA-256") ||
                    str_is(mechanism, "SCRAM-SHA-512");
    return security_has(options, "SASL") && !is_known
               ? "exactly once knows PLAIN, SCRAM-SHA-256 and SCRAM-SHA-512"
               : NULL;
}

static const char *file_of(Arena *arena, const OptionSet *options, const char *ours,
                           const char *java)
{
    Str path = kafka_property(options, ours);
    if (path.data == NULL && java != NULL)
        path = kafka_property(options, java);
    return path.data == NULL ? NULL : str_terminated(arena, path);
}

static Status wire_encrypt(KafkaWire *wire, const char *host, Error *error)
{
    const OptionSet *options = wire->options;
    Arena *arena = wire->arena;
    Str check = kafka_property(options, "ssl.endpoint.identification.algorithm");
    bool checks_host = check.data == NULL || str_is(check, "https");
    TlsOptions tls = {
        .verify = str_is(kafka_property(options, "enable.ssl.certificate.verification"), "false")
                      ? TLS_VERIFY_NONE
                  : checks_host ? TLS_VERIFY_FULL
                                : TLS_VERIFY_CA,
        .host = host,
        .ca_file = file_of(arena, options, "ssl.ca.location", "ssl.truststore.location"),
        .cert_file = file_of(arena, options, "ssl.certificate.location", NULL),
        .key_file = file_of(arena, options, "ssl.key.location", NULL),
    };
    return socket_start_tls(wire->socket, &tls, TIMEOUT_US, error);
}

static Status wire_connect(KafkaWire *wire, Str host, int32_t port, Error *error)
{
    const OptionSet *options = wire->options;
    const char *name = str_terminated(wire->arena, host);
    SocketTarget target = {.host = name, .port = port};
    socket_close(wire->socket);
    TRY(socket_connect(wire->socket, &target, TIMEOUT_US, error));
    if (security_has(options, "SSL"))
        TRY(wire_encrypt(wire, name, error));
    if (!security_has(options, "SASL"))
        return OK;
    Str username, password;
    kafka_credentials(wire->arena, options, &username, &password);
    return kafka_sasl(wire, mechanism_of(options), username, password, error);
}

/* ---- The requests -------------------------------------------------------------------------- */

Status kafka_answer_malformed(Error *error)
{
    return fail(error, ERR_DECODE, "WR3429", "a Kafka broker gave an answer that makes no sense");
}

static bool is_passing(int16_t code)
{
    return code == ERROR_LOADING || code == ERROR_NOT_AVAILABLE || code == ERROR_NOT_COORDINATOR ||
           code == ERROR_CONCURRENT;
}

static Status find_coordinator(KafkaWire *wire, const TransactionEnd *end, Str *host, int32_t *port,
                               int32_t *code, Error *error)
{
    kafka_wire_begin(wire, KEY_FIND_COORDINATOR, 1);
    kafka_wire_put_text(&wire->out, str_from(end->id));
    buffer_append_u8(&wire->out, OF_TRANSACTIONS);
    Str body, message;
    TRY(kafka_wire_ask(wire, &body, error));
    int32_t throttle, node;
    int16_t answer;
    if (!kafka_wire_take32(&body, &throttle) || !kafka_wire_take16(&body, &answer) ||
        !kafka_wire_take_text(&body, &message) || !kafka_wire_take32(&body, &node) ||
        !kafka_wire_take_text(&body, host) || !kafka_wire_take32(&body, port))
        return kafka_answer_malformed(error);
    *code = is_passing(answer) ? KAFKA_END_AGAIN : answer;
    return OK;
}

static Status ask_to_end(KafkaWire *wire, const TransactionEnd *end, int32_t *code, Error *error)
{
    kafka_wire_begin(wire, KEY_END_TRANSACTION, 1);
    kafka_wire_put_text(&wire->out, str_from(end->id));
    put64(&wire->out, end->producer_id);
    put16(&wire->out, end->producer_epoch);
    buffer_append_u8(&wire->out, 1); /* commit */
    Str body;
    TRY(kafka_wire_ask(wire, &body, error));
    int32_t throttle;
    int16_t answer;
    if (!kafka_wire_take32(&body, &throttle) || !kafka_wire_take16(&body, &answer))
        return kafka_answer_malformed(error);
    *code = is_passing(answer) ? KAFKA_END_AGAIN : answer;
    return OK;
}

/* `host:port`, perhaps with the protocol in front: PLAINTEXT://host:port, and [::1]:9092. */
static bool address_parse(Str text, Str *host, int32_t *port)
{
    int64_t scheme = str_find(text, STR("://"));
    if (scheme >= 0)
        text = str_make(text.data + scheme + 3, text.length - scheme - 3);
    int64_t colon = text.length;
    while (colon > 0 && text.data[colon - 1] != ':' && text.data[colon - 1] != ']')
        colon--;
    int64_t number = PORT_DEFAULT;
    bool has_port = colon > 0 && text.data[colon - 1] == ':';
    if (has_port && !str_parse_int64(str_make(text.data + colon, text.length - colon), &number))
        return false;
    *host = has_port ? str_make(text.data, colon - 1) : text;
    if (host->length > 1 && host->data[0] == '[' && host->data[host->length - 1] == ']')
        *host = str_make(host->data + 1, host->length - 2);
    *port = (int32_t)number;
    return host->length > 0 && number > 0 && number <= UINT16_MAX;
}

/* ---- Whom to ask --------------------------------------------------------------------------- */

static Status wire_reach(KafkaWire *wire, Str server, Error *error)
{
    Str host;
    int32_t port;
    if (!address_parse(server, &host, &port))
        return fail(error, ERR_INVALID, "WR3422", "'%.*s' is no HOST:PORT", STR_ARGS(server));
    return wire_connect(wire, host, port, error);
}

static Status use_in_process(KafkaWire *wire, EmbeddedHub *hub, KafkaWireUse use, void *context,
                             Error *error)
{
    wire->pair = embedded_hub_connect(hub);
    if (wire->pair < 0)
        return pair_failed(error);
    Status status = use(wire, context, error);
    close(wire->pair);
    return status;
}

Status kafka_wire_use(World *world, const OptionSet *options, EmbeddedHub *hub, KafkaWireUse use,
                      void *context, Error *error)
{
    KafkaWire wire = {.world = world,
                      .arena = arena_new(0),
                      .options = options,
                      .socket = socket_new(world),
                      .pair = -1};
    Status status = ERR_INVALID;
    Str rest = {0};
    if (hub != NULL)
        status = use_in_process(&wire, hub, use, context, error);
    else
        rest = options_text(options, "properties.bootstrap.servers");
    while (rest.data != NULL && status != OK) {
        Str server = str_trim(str_split(rest, ',', &rest));
        if (server.length == 0)
            continue;
        status = wire_reach(&wire, server, error);
        if (status == OK)
            status = use(&wire, context, error);
    }
    socket_free(wire.socket);
    buffer_free(&wire.in);
    buffer_free(&wire.out);
    arena_free(wire.arena);
    if (status != OK && error != NULL)
        error->is_retriable = status == ERR_UNAVAILABLE;
    return status;
}

/* ---- Ending a transaction ------------------------------------------------------------------ */

typedef struct EndCall {
    const TransactionEnd *end;
    int32_t *code;
} EndCall;

/* The hub coordinates all. */
static Status end_use(KafkaWire *wire, void *context, Error *error)
{
    const EndCall *call = context;
    if (wire->pair >= 0)
        return ask_to_end(wire, call->end, call->code, error);
    Str host;
    int32_t port;
    TRY(find_coordinator(wire, call->end, &host, &port, call->code, error));
    if (*call->code != 0)
        return OK;
    TRY(wire_connect(wire, str_copy(wire->arena, host), port, error));
    return ask_to_end(wire, call->end, call->code, error);
}

Status kafka_end_transaction(World *world, const OptionSet *options, const TransactionEnd *end,
                             int32_t *code, Error *error)
{
    EndCall call = {end, code};
    return kafka_wire_use(world, options, end->hub, end_use, &call, error);
}
