/* Frames to calls and back. */
#include <assert.h>
#include <inttypes.h>

#include "base/bigendian.h"
#include "base/log.h"
#include "base/memory.h"
#include "kafka/access.h"

enum {
    HEADER_BYTES = 8,       /* key, version, correlation id */
    ANSWER_BYTES_MIN = 256, /* of room that is made at once */
};

/* ---- The broker ------------------------------------------------------------------------------ */

/* Those that go on end at their time, whether somebody asks for them or not. */
static void broker_take_up_transactions(Broker *broker)
{
    Error error = {0};
    if (broker_transactions(broker, &error) != OK)
        log_event(LOG_ERROR, "hub", "transactions are not available: %s", error.text);
}

Broker *broker_new(World *world, Topics *topics, const BrokerConfig *config)
{
    Arena *arena = arena_new(0);
    Broker *broker = ARENA_NEW(arena, Broker);
    *broker = (Broker){.world = world, .topics = topics, .config = *config, .arena = arena};
    broker->started_us = broker->looked_us = world_monotonic_us(world);
    broker->groups = groups_new(world);
    broker->fetches = fetch_sessions_new(world);
    for (int32_t i = 0; i < api_count(); i++) {
        broker->schemas[i].request = schema_new(arena, api_at(i)->request);
        broker->schemas[i].response = schema_new(arena, api_at(i)->response);
    }
    if (topics != NULL && topics_find(topics, STR(TRANSACTIONS_TOPIC)) != NULL)
        broker_take_up_transactions(broker);
    return broker;
}

void broker_free(Broker *broker)
{
    if (broker == NULL)
        return;
    groups_free(broker->groups);
    fetch_sessions_free(broker->fetches);
    transactions_free(broker->transactions);
    offsets_free(broker->offsets);
    buffer_free(&broker->window);
    arena_free(broker->arena);
}

Status broker_offsets(Broker *broker, Error *error)
{
    return broker->offsets != NULL
               ? OK
               : offsets_open(broker->world, broker->topics, &broker->offsets, error);
}

/* A marker on its way. */
typedef struct MarkerAppend {
    Append append; /* first: an Append * is a MarkerAppend * */
    TransactionMarker *marker;
} MarkerAppend;

static void marker_write(Append *append)
{
    transaction_marker_write(((MarkerAppend *)append)->marker);
}

static void submit_marker(void *context, TransactionMarker *marker)
{
    const Broker *broker = context;
    MarkerAppend *append = memory_allocate_zeroed((int64_t)sizeof *append);
    append->marker = marker;
    append->append = (Append){.partition = marker->partition,
                              .write = marker_write,
                              .owner = append,
                              .let_go = memory_free};
    append_submit(broker->config.appender, &append->append);
}

Status broker_transactions(Broker *broker, Error *error)
{
    if (broker->transactions != NULL)
        return OK;
    TRY(broker_offsets(broker, error));
    TRY(transactions_open(broker->world, broker->topics, broker->offsets, &broker->transactions,
                          error));
    if (broker->config.appender != NULL)
        transactions_set_submit(broker->transactions, submit_marker, broker);
    return OK;
}

bool topic_is_internal(Str name)
{
    return str_is(name, OFFSETS_TOPIC) || str_is(name, TRANSACTIONS_TOPIC);
}

/* Under the lock. */
static bool broker_move(Broker *broker)
{
    return broker->transactions != NULL && transactions_advance(broker->transactions);
}

void broker_moved(Broker *broker, Partition *partition)
{
    fetch_sessions_moved(broker->fetches, partition);
}

bool broker_advance(Broker *broker)
{
    topics_lock(broker->topics);
    bool has_moved = broker_move(broker);
    topics_unlock(broker->topics);
    return has_moved;
}

bool broker_tick(Broker *broker)
{
    topics_lock(broker->topics);
    groups_tick(broker->groups);
    broker_expire_offsets(broker);
    broker_settle_offsets(broker);
    bool has_changed = groups_take_change(broker->groups);
    has_changed = broker_move(broker) || has_changed;
    topics_unlock(broker->topics);
    return has_changed;
}

WireError broker_error(Status status, const Error *error)
{
    log_event(LOG_WARN, "hub", "%s", error->text);
    return status == ERR_NOT_FOUND ? WIRE_UNKNOWN_TOPIC_OR_PARTITION : WIRE_STORAGE_ERROR;
}

WireError broker_partition(Broker *broker, Str name, int64_t index, Partition **out)
{
    Topic *topic = topics_find(broker->topics, name);
    return topic != NULL ? broker_topic_partition(broker, topic, index, out)
                         : WIRE_UNKNOWN_TOPIC_OR_PARTITION;
}

WireError broker_topic_partition(Broker *broker, Topic *topic, int64_t index, Partition **out)
{
    if (index < 0 || index >= topic->partition_count)
        return WIRE_UNKNOWN_TOPIC_OR_PARTITION;
    Error error = {0};
    Status status = topics_partition(broker->topics, topic, (int32_t)index, out, &error);
    return status == OK ? WIRE_NONE : broker_error(status, &error);
}

Topic *call_find_topic(Call *call, Str name_or_id, bool is_by_id, AclOperation operation,
                       WireError *code)
{
    Topics *topics = call->broker->topics;
    Topic *topic = is_by_id ? topics_find_id(topics, name_or_id) : topics_find(topics, name_or_id);
    *code = topic != NULL ? WIRE_NONE
            : is_by_id    ? WIRE_UNKNOWN_TOPIC_ID
                          : WIRE_UNKNOWN_TOPIC_OR_PARTITION;
    /* Who may not does not learn whether there is one of that name. */
    if (topic != NULL || !is_by_id) {
        Str name = topic != NULL ? str_from(topic->name) : name_or_id;
        WireError refused = call_check(call, operation, ACL_TOPIC, name);
        *code = refused != WIRE_NONE ? refused : *code;
    }
    return *code == WIRE_NONE ? topic : NULL;
}

Topic *call_topic(Call *call, const Message *item, const char *name_field, int32_t ids_from,
                  AclOperation operation, WireError *code)
{
    bool is_by_id = call->version.number >= ids_from;
    return call_find_topic(call, message_bytes(item, is_by_id ? "topic_id" : name_field), is_by_id,
                           operation, code);
}

void call_name_topic(Call *call, const Message *item, const char *name_field, int32_t ids_from,
                     Message *answer)
{
    const char *field = call->version.number >= ids_from ? "topic_id" : name_field;
    message_set_bytes(answer, field, message_bytes(item, field));
}

bool broker_needs_ticks(const Broker *broker)
{
    return groups_count(broker->groups) > 0 ||
           (broker->offsets != NULL && offsets_owe(broker->offsets)) ||
           (broker->transactions != NULL && transactions_are_active(broker->transactions));
}

/* ---- Calls ----------------------------------------------------------------------------------- */

static int32_t api_index(int32_t key)
{
    for (int32_t i = 0; i < api_count(); i++)
        if (api_at(i)->key == key)
            return i;
    return -1;
}

/* Of ApiVersions any version is answered, by version 0 that names those that there are. */
static bool call_choose_version(Call *call, int32_t number)
{
    const Api *api = call->api;
    bool is_known = number >= api->first && number <= api->last;
    call->version = (WireVersion){.number = is_known ? number : 0,
                                  .is_flexible = is_known && number >= api->flexible_from};
    return is_known;
}

/* Behind key, version and correlation id: who the client is. */
static bool read_header(Call *call, ByteReader *reader)
{
    Str length = byte_reader_take(reader, 2);
    if (reader->is_short)
        return false;
    int32_t bytes = (int16_t)load_be16(length.data);
    if (bytes > 0)
        call->client_id = byte_reader_take(reader, bytes);
    if (call->version.is_flexible)
        tags_skip(reader);
    return !reader->is_short && bytes >= -1;
}

static void call_set_api(Call *call, int32_t index)
{
    call->api = api_at(index);
    call->request = message_new(call->arena, call->broker->schemas[index].request);
    call->response = message_new(call->arena, call->broker->schemas[index].response);
}

/* What may be asked before the session is open. */
static bool api_is_greeting(const Api *api)
{
    return api->key == API_VERSIONS_KEY || api->key == SASL_HANDSHAKE_KEY ||
           api->key == SASL_AUTHENTICATE_KEY;
}

static bool call_parse(Call *call, Str request)
{
    if (peer_takes_token(call->peer)) {
        call_set_api(call, api_index(SASL_AUTHENTICATE_KEY));
        message_set_bytes(call->request, "auth_bytes", request);
        call->is_token = true;
        return true;
    }
    if (request.length < HEADER_BYTES)
        return false;
    int32_t index = api_index((int16_t)load_be16(request.data));
    if (index < 0 || (!api_is_greeting(api_at(index)) && !peer_is_open(call->peer)))
        return false;
    call_set_api(call, index);
    call->correlation_id = (int32_t)load_be32(request.data + 4);
    if (!call_choose_version(call, (int16_t)load_be16(request.data + 2))) {
        if (call->api->key != API_VERSIONS_KEY)
            return false;
        message_set_number(call->response, "error_code", WIRE_UNSUPPORTED_VERSION);
        return true;
    }
    ByteReader reader =
        byte_reader(str_make(request.data + HEADER_BYTES, request.length - HEADER_BYTES));
    /* Bytes behind it are no fault: librdkafka leaves three behind a Metadata of all topics. */
    return read_header(call, &reader) &&
           message_read(call->request, &reader, call->version, call->arena);
}

Call *call_new(Broker *broker, Peer *peer, Str request)
{
    Arena *arena = arena_new(0);
    Call *call = ARENA_NEW(arena, Call);
    *call = (Call){.broker = broker, .peer = peer, .arena = arena, .users = 1};
    buffer_append_str(&call->bytes, request);
    if (broker->config.room != NULL) {
        call->room_bytes = call->bytes.length;
        room_take(broker->config.room, call->room_bytes);
    }
    if (call_parse(call, buffer_str(&call->bytes)))
        return call;
    call_free(call);
    return NULL;
}

void call_free(Call *call)
{
    if (call == NULL || --call->users > 0)
        return;
    for (int32_t i = 0; i < call->append_count; i++)
        partition_release(call->appends[i].append.partition);
    for (int32_t i = 0; i < call->promise_count; i++)
        partition_release(call->promises[i].partition);
    for (int32_t i = 0; i < call->record_buffer_capacity; i++)
        partition_read_free(&call->records[i]);
    fetch_session_free(call->fetch);
    Room *room = call->broker->config.room;
    int64_t room_bytes = call->room_bytes;
    buffer_free(&call->bytes);
    arena_free(call->arena);
    if (room_bytes > 0)
        room_give(room, room_bytes);
}

static void let_go_of_call(void *call)
{
    call_free(call);
}

void call_submit(Call *call, Append *append)
{
    call->users++;
    append->owner = call;
    append->let_go = let_go_of_call;
    append_submit(call->broker->config.appender, append);
}

/* ---- What calls wait for --------------------------------------------------------------------- */

int32_t count_asked_partitions(const Message *request)
{
    int32_t count = 0;
    for (int32_t i = 0; i < message_count(request, "topics"); i++)
        count += message_count(message_item(request, "topics", i), "partitions");
    return count;
}

void call_promise(Call *call, Partition *partition, int64_t end_offset, Message *answer)
{
    if (call->promise_count == call->promise_capacity) {
        int32_t capacity = call->promise_capacity == 0 ? 4 : call->promise_capacity * 2;
        Promise *grown = ARENA_ARRAY(call->arena, Promise, capacity);
        if (call->promise_count > 0)
            memcpy(grown, call->promises, sizeof(Promise) * (size_t)call->promise_count);
        call->promises = grown;
        call->promise_capacity = capacity;
    }
    partition_hold(partition);
    call->promises[call->promise_count++] =
        (Promise){.partition = partition, .end_offset = end_offset, .answer = answer};
}

bool call_promises_are_kept(Call *call, WireError late)
{
    int32_t left = 0;
    for (int32_t i = 0; i < call->promise_count; i++) {
        Promise *promise = &call->promises[i];
        PartitionOffsets offsets;
        partition_offsets(promise->partition, &offsets);
        bool is_kept = offsets.high_watermark >= promise->end_offset;
        if (!is_kept && !call->is_late) {
            call->promises[left++] = *promise;
            continue;
        }
        if (!is_kept && promise->answer != NULL)
            message_set_number(promise->answer, "error_code", late);
        else if (!is_kept)
            call_refuse_all(call, late);
        partition_release(promise->partition);
    }
    call->promise_count = left;
    return left == 0;
}

void call_refuse_all(Call *call, WireError code)
{
    for (int32_t i = 0; i < message_count(call->response, "topics"); i++) {
        const Message *topic = message_item(call->response, "topics", i);
        for (int32_t j = 0; j < message_count(topic, "partitions"); j++) {
            Message *answer = (Message *)message_item(topic, "partitions", j);
            if (message_number(answer, "error_code") == WIRE_NONE)
                message_set_number(answer, "error_code", code);
        }
    }
}

/* ---- Running --------------------------------------------------------------------------------- */

/* The token that answers a token; the connection of who is refused just ends. */
static CallState call_put_token(const Call *call, Buffer *out)
{
    if (message_number(call->response, "error_code") != WIRE_NONE)
        return CALL_SILENT;
    Str token = message_bytes(call->response, "auth_bytes");
    char *head = buffer_reserve(out, 4);
    store_be32(head, (uint32_t)token.length);
    out->length += 4;
    buffer_append_str(out, token);
    return CALL_DONE;
}

static bool call_follows_commits(const Call *call)
{
    int32_t key = call->api->key;
    return key == OFFSET_FETCH_KEY || key == JOIN_GROUP_KEY || key == LEAVE_GROUP_KEY;
}

bool call_may_be_held(const Call *call)
{
    return call_is_to_write(call) || call_follows_commits(call);
}

bool call_is_held_by(const Call *call, const Call *before)
{
    return (call_is_to_write(call) && call_is_to_write(before)) ||
           (call_follows_commits(call) && before->commit != NULL &&
            !before->commit->append.is_done);
}

/* Before it has begun, and no longer than those that it waits for. */
static bool call_is_behind(Call *call, int64_t now_us)
{
    if (call->has_begun || !call_follows_commits(call))
        return false;
    if (call->is_held && call->deadline_us == 0)
        call->deadline_us = now_us + COMMIT_TIMEOUT_US;
    if (call->is_held && now_us < call->deadline_us)
        return true;
    call->deadline_us = 0; /* its own is yet to come */
    return false;
}

/* What has nothing to write waits for other things than the disk, maybe for as long as the client
 * likes, and so does its answer. */
static void call_give_room(Call *call)
{
    bool writes = call->append_count > 0 || call->commit != NULL || call_is_to_write(call);
    if (writes || call->room_bytes == 0)
        return;
    room_give(call->broker->config.room, call->room_bytes);
    call->room_bytes = 0;
}

static CallState call_handle(Call *call, Buffer *out)
{
    int64_t now_us = world_monotonic_us(call->broker->world);
    if (call_is_behind(call, now_us))
        return CALL_WAITS;
    call->is_late = call->deadline_us != 0 && now_us >= call->deadline_us;
    topics_lock(call->broker->topics);
    CallState state = call->api->handle(call);
    topics_unlock(call->broker->topics);
    call->has_begun = true;
    if (state != CALL_WAITS)
        call->muted_us = call_charge(call);
    if (state != CALL_DONE)
        return state;
    if (call->is_token)
        return call_put_token(call, out);
    int64_t start = out->length;
    char *head = buffer_reserve(out, ANSWER_BYTES_MIN);
    store_be32(head + 4, (uint32_t)call->correlation_id);
    out->length += 8;
    /* A client that does not know our versions yet could not know of tags either. */
    if (call->version.is_flexible && call->api->key != API_VERSIONS_KEY)
        buffer_append_u8(out, 0);
    call->pieces = (MessagePieces){
        .items = ARENA_ARRAY(call->arena, MessagePiece, call->record_buffer_count + 1)};
    message_write_in_pieces(call->response, call->version, out, &call->pieces);
    store_be32(out->data + start, (uint32_t)(out->length - start - 4 + call->pieces.bytes));
    return CALL_DONE;
}

CallState call_run(Call *call, bool is_held, Buffer *out)
{
    call->is_held = is_held;
    CallState state = call_handle(call, out);
    call_give_room(call);
    /* Of what is answered nobody looks at the request any more. */
    if (state == CALL_DONE && call->append_count == 0 && call->commit == NULL)
        buffer_free(&call->bytes);
    return state;
}

int64_t call_muted_us(const Call *call)
{
    return call->muted_us;
}

void call_distrust_pieces(Call *call)
{
    for (int32_t i = 0; i < call->record_buffer_count; i++)
        partition_read_distrust(&call->records[i]);
}

const MessagePieces *call_pieces(const Call *call)
{
    return &call->pieces;
}

int64_t call_deadline_us(const Call *call)
{
    return call->deadline_us;
}
