/* Fetch, ListOffsets and OffsetForLeaderEpoch. */
#include <assert.h>

#include "kafka/access.h"
#include "log/segment.h"

enum {
    TIMESTAMP_LATEST = -1,
    TIMESTAMP_EARLIEST = -2,
    TIMESTAMP_LARGEST = -3,
    TIMESTAMP_EARLIEST_HERE = -4, /* not moved to another store: there is none */
    TIMESTAMP_LATEST_ELSEWHERE = -5,
    FETCH_BYTES_MAX = 64 * 1024 * 1024,
    FETCH_IDS_FROM = 13,
    LEADER_EPOCH = 0, /* that batches have */
};

/* ---- Sessions -------------------------------------------------------------------------------- */

static FetchState no_state(WireError code)
{
    return (FetchState){.code = code,
                        .high_watermark = NO_OFFSET,
                        .stable_offset = NO_OFFSET,
                        .start_offset = NO_OFFSET};
}

/* How topics are named in this version. */
static Str topic_of(const Call *call, const Message *item)
{
    return message_bytes(item, call->version.number >= FETCH_IDS_FROM ? "topic_id" : "topic");
}

/* Whether a topic can be called so. Names that are none may be long, and their partitions many. */
static bool may_be_kept(const FetchSession *session, Str topic)
{
    return fetch_session_is_by_id(session) || topic_name_is_valid(topic);
}

/* The item of an answer that tells this of a partition, without records. */
static Message *tell_partition(const Call *call, Message *topic, int32_t index,
                               const FetchState *state)
{
    Message *answer = message_append(topic, "partitions", call->arena);
    message_set_number(answer, "partition_index", index);
    message_set_number(answer, "error_code", state->code);
    message_set_number(answer, "high_watermark", state->high_watermark);
    message_set_number(answer, "last_stable_offset", state->stable_offset);
    message_set_number(answer, "log_start_offset", state->start_offset);
    message_set_number(answer, "preferred_read_replica", -1);
    message_set_bytes(answer, "records", STR(""));
    return answer;
}

static Message *tell_topic(const Call *call, Str topic)
{
    Message *answer = message_append(call->response, "responses", call->arena);
    message_set_bytes(answer, call->version.number >= FETCH_IDS_FROM ? "topic_id" : "topic", topic);
    return answer;
}

/* The partitions of an item from that one on are none to follow; it is told at once. */
static void refuse_asked(Call *call, const Message *topic, int32_t from, WireError code)
{
    FetchState state = no_state(code);
    Message *answer = tell_topic(call, topic_of(call, topic));
    for (int32_t i = from; i < message_count(topic, "partitions"); i++)
        tell_partition(call, answer,
                       (int32_t)message_number(message_item(topic, "partitions", i), "partition"),
                       &state);
    call->fetch_is_refused = true;
}

/* The partitions of an item go into the session; how many of them there was room for. */
static int32_t put_topic(const Call *call, FetchSession *session, const Message *topic)
{
    int32_t count = message_count(topic, "partitions"), put = 0;
    for (; put < count; put++) {
        const Message *asked = message_item(topic, "partitions", put);
        if (!fetch_session_put(session, topic_of(call, topic),
                               (int32_t)message_number(asked, "partition"),
                               message_number(asked, "fetch_offset"),
                               message_number(asked, "partition_max_bytes")))
            break;
    }
    return put;
}

/* What the request asks for goes into the session, but for what no topic can be called: that is
 * answered without being kept. False: it is kept, and there is no room. */
static bool put_asked(Call *call, FetchSession *session)
{
    for (int32_t i = 0; i < message_count(call->request, "topics"); i++) {
        const Message *topic = message_item(call->request, "topics", i);
        Str name = topic_of(call, topic);
        if (!may_be_kept(session, name)) {
            WireError code;
            call_find_topic(call, name, false, ACL_READ, &code);
            refuse_asked(call, topic, 0, code);
            continue;
        }
        int32_t put = put_topic(call, session, topic);
        if (put < message_count(topic, "partitions") && !call->fetch_is_full)
            return false;
        if (put < message_count(topic, "partitions"))
            refuse_asked(call, topic, put, WIRE_STORAGE_ERROR); /* clients ask again */
    }
    return true;
}

static void forget_asked(const Call *call, FetchSession *session)
{
    for (int32_t i = 0; i < message_count(call->request, "forgotten_topics_data"); i++) {
        const Message *topic = message_item(call->request, "forgotten_topics_data", i);
        bool may_be_there = may_be_kept(session, topic_of(call, topic));
        for (int32_t j = 0; may_be_there && j < message_count(topic, "partitions"); j++)
            fetch_session_forget(session, topic_of(call, topic),
                                 (int32_t)message_number(message_item(topic, "partitions", j), ""));
    }
}

/* All that the client wants is in the request. Epoch 0 asks for a session, -1 ends one. */
static void begin_full(Call *call, int32_t id, int32_t epoch)
{
    FetchSessions *sessions = call->broker->fetches;
    const char *user = peer_user(call->peer);
    if (id != 0)
        fetch_session_free(fetch_session_find(sessions, id, user));
    FetchSession *session = fetch_session_new(sessions, call->version.number >= FETCH_IDS_FROM);
    put_asked(call, session);
    if (epoch == 0 && fetch_session_count(session) > 0 && fetch_session_keep(session, user)) {
        call->fetch_id = fetch_session_id(session);
        call->fetch_epoch = fetch_session_epoch(session);
    } else {
        call->fetch = session;
    }
}

/* What is in the request is added to what was asked for before. */
static WireError begin_incremental(Call *call, int32_t id, int32_t epoch)
{
    FetchSession *session = fetch_session_find(call->broker->fetches, id, peer_user(call->peer));
    if (session == NULL)
        return WIRE_FETCH_SESSION_ID_NOT_FOUND;
    if (fetch_session_epoch(session) != epoch)
        return WIRE_INVALID_FETCH_SESSION_EPOCH;
    if (fetch_session_is_by_id(session) != (call->version.number >= FETCH_IDS_FROM))
        return WIRE_FETCH_SESSION_TOPIC_ID_ERROR;
    forget_asked(call, session);
    if (!put_asked(call, session)) {
        fetch_session_free(session);
        return WIRE_FETCH_SESSION_ID_NOT_FOUND;
    }
    fetch_session_next_epoch(session);
    call->fetch_id = id;
    call->fetch_epoch = fetch_session_epoch(session);
    return WIRE_NONE;
}

static WireError fetch_begin(Call *call)
{
    const Message *request = call->request;
    int32_t id = (int32_t)message_number(request, "session_id");
    int32_t epoch =
        call->version.number >= 7 ? (int32_t)message_number(request, "session_epoch") : -1;
    call->deadline_us = world_monotonic_us(call->broker->world) +
                        message_number(request, "max_wait_ms") * INT64_C(1000);
    call->fetch_is_full = epoch <= 0;
    if (!call->fetch_is_full)
        return begin_incremental(call, id, epoch);
    begin_full(call, id, epoch);
    return WIRE_NONE;
}

/* That of the call. While it waits the client may have gone on without it, or the session had to
 * go. */
static WireError fetch_find(Call *call, FetchSession **out)
{
    *out = call->fetch;
    if (*out != NULL)
        return WIRE_NONE;
    *out = fetch_session_find(call->broker->fetches, call->fetch_id, peer_user(call->peer));
    if (*out == NULL)
        return WIRE_FETCH_SESSION_ID_NOT_FOUND;
    return fetch_session_epoch(*out) == call->fetch_epoch ? WIRE_NONE
                                                          : WIRE_INVALID_FETCH_SESSION_EPOCH;
}

/* ---- Looking --------------------------------------------------------------------------------- */

/* What is left of the answer's size, and whether anything in it cannot wait. */
typedef struct Fetching {
    Call *call;
    FetchSession *session;
    int64_t bytes_left, bytes;
    bool is_committed;
    bool has_error;
} Fetching;

/* Room for one more; it is of use only if something comes into it. */
static PartitionRead *next_read(Call *call)
{
    if (call->record_buffer_count == call->record_buffer_capacity) {
        int32_t capacity = call->record_buffer_capacity == 0 ? 8 : call->record_buffer_capacity * 2;
        PartitionRead *grown = ARENA_ARRAY(call->arena, PartitionRead, capacity);
        if (call->record_buffer_capacity > 0)
            memcpy(grown, call->records,
                   sizeof(PartitionRead) * (size_t)call->record_buffer_capacity);
        call->records = grown;
        call->record_buffer_capacity = capacity;
    }
    PartitionRead *read = &call->records[call->record_buffer_count];
    partition_read_reset(read);
    return read;
}

static WireError read_records(Fetching *fetching, FetchPartition *one, Partition *partition)
{
    Call *call = fetching->call;
    int64_t left = fetching->bytes_left;
    ReadRequest request = {
        .offset = one->offset,
        .bytes_max = one->bytes_max < left ? one->bytes_max : left,
        .at_least_one = fetching->bytes == 0,
        .level = fetching->is_committed ? READ_COMMITTED : READ_ACKNOWLEDGED,
    };
    PartitionRead *read = next_read(call);
    one->aborted_version = partition_aborted_version(partition);
    Error error = {0};
    Status status = OK;
    Buffer *window = peer_takes_files(call->peer) ? &call->broker->window : NULL;
    if (request.bytes_max > 0)
        status = partition_read_in_place(partition, &request, read, window, &error);
    PartitionOffsets offsets;
    partition_offsets(partition, &offsets);
    one->seen.high_watermark = offsets.high_watermark;
    one->seen.stable_offset = offsets.stable_offset;
    one->seen.start_offset = offsets.start_offset;
    if (status == ERR_NOT_FOUND && error.code[0] == '\0')
        return WIRE_OFFSET_OUT_OF_RANGE;
    if (status != OK)
        return broker_error(status, &error);
    int64_t length = partition_read_length(read);
    if (length > 0)
        one->buffer = call->record_buffer_count++;
    fetching->bytes += length;
    fetching->bytes_left -= length;
    return WIRE_NONE;
}

/* The partition, or NULL. */
static Partition *look_at(Fetching *fetching, FetchPartition *one)
{
    Call *call = fetching->call;
    Partition *partition = NULL;
    WireError code;
    Topic *topic = call_find_topic(call, one->topic, fetch_session_is_by_id(fetching->session),
                                   ACL_READ, &code);
    one->buffer = -1;
    one->seen = no_state(WIRE_NONE);
    if (topic != NULL)
        code = broker_topic_partition(call->broker, topic, one->index, &partition);
    if (code == WIRE_NONE)
        code = read_records(fetching, one, partition);
    one->seen.code = code;
    fetching->has_error |= code != WIRE_NONE;
    return partition;
}

/* Whether the client knows that already. */
static bool is_told(const FetchPartition *one)
{
    const FetchState *seen = &one->seen, *told = &one->told;
    return seen->code == told->code && seen->high_watermark == told->high_watermark &&
           seen->stable_offset == told->stable_offset && seen->start_offset == told->start_offset;
}

/* It has all there is until the partition moves. */
static bool is_at_end(const Fetching *fetching, const FetchPartition *one)
{
    return one->seen.code == WIRE_NONE && one->buffer < 0 &&
           one->offset ==
               (fetching->is_committed ? one->seen.stable_offset : one->seen.high_watermark);
}

static void look_at_ready(Fetching *fetching)
{
    FetchSession *session = fetching->session;
    fetching->call->record_buffer_count = 0;
    FetchPartition *one = fetch_session_first_ready(session), *next;
    for (int32_t left = fetch_session_ready_count(session); left > 0; left--, one = next) {
        next = one->next;
        Partition *partition = look_at(fetching, one);
        if (is_at_end(fetching, one) && (fetching->call->fetch_is_full || is_told(one)))
            fetch_partition_rest(one, partition);
    }
}

/* ---- Answering ------------------------------------------------------------------------------- */

/* False: retention or compaction has forgotten some since the records were read. Those may be
 * among the records, which the client has to ask for again. */
static bool answer_aborted(Call *call, const FetchPartition *one, int64_t end_offset,
                           Message *answer)
{
    Partition *partition;
    WireError code;
    Topic *topic =
        call_find_topic(call, one->topic, fetch_session_is_by_id(one->session), ACL_READ, &code);
    if (topic == NULL ||
        broker_topic_partition(call->broker, topic, one->index, &partition) != WIRE_NONE)
        return false; /* it was there when it was read, under the same lock */
    List aborted = {0};
    partition_find_aborted(partition, one->offset, end_offset, call->arena, &aborted);
    if (partition_aborted_version(partition) != one->aborted_version)
        return false;
    for (int32_t i = 0; i < aborted.count; i++) {
        const AbortedTransaction *transaction = LIST_AT(aborted, i, AbortedTransaction);
        Message *item = message_append(answer, "aborted_transactions", call->arena);
        message_set_number(item, "producer_id", transaction->producer_id);
        message_set_number(item, "first_offset", transaction->first_offset);
    }
    return true;
}

static void answer_partition(const Fetching *fetching, const FetchPartition *one, Message *topic)
{
    Call *call = fetching->call;
    Message *answer = tell_partition(call, topic, one->index, &one->seen);
    PartitionRead *read = one->buffer >= 0 ? &call->records[one->buffer] : NULL;
    if (fetching->is_committed && one->seen.code == WIRE_NONE)
        message_set_empty(answer, "aborted_transactions");
    if (read != NULL && fetching->is_committed &&
        !answer_aborted(call, one, read->end_offset, answer))
        read = NULL;
    if (read != NULL)
        message_set_records(answer, "records", read);
}

/* The topic's item in the answer: that of the one before, if that is of the same topic. */
static Message *answer_topic(const Fetching *fetching, const FetchPartition *before,
                             const FetchPartition *one, Message *topic)
{
    bool is_same = before != NULL && str_equal(before->topic, one->topic);
    return is_same ? topic : tell_topic(fetching->call, one->topic);
}

static void answer_all(const Fetching *fetching)
{
    const FetchPartition *before = NULL;
    Message *topic = NULL;
    for (const FetchPartition *one = fetch_session_first(fetching->session); one != NULL;
         before = one, one = one->next_of_all) {
        topic = answer_topic(fetching, before, one, topic);
        answer_partition(fetching, one, topic);
    }
}

static void answer_changed(const Fetching *fetching)
{
    const FetchPartition *before = NULL;
    Message *topic = NULL;
    for (const FetchPartition *one = fetch_session_first_ready(fetching->session); one != NULL;
         one = one->next) {
        if (one->buffer < 0 && one->seen.code == WIRE_NONE && is_told(one))
            continue;
        topic = answer_topic(fetching, before, one, topic);
        answer_partition(fetching, one, topic);
        before = one;
    }
}

/* The client knows now. Who has got records is served behind all others the next time. */
static void note_told(const Fetching *fetching)
{
    FetchSession *session = fetching->session;
    if (fetching->call->fetch_is_full)
        for (FetchPartition *one = fetch_session_first(session); one != NULL;
             one = one->next_of_all)
            one->told = one->seen;
    FetchPartition *one = fetch_session_first_ready(session), *next;
    for (int32_t left = fetch_session_ready_count(session); left > 0; left--, one = next) {
        next = one->next;
        one->told = one->seen;
        if (one->buffer >= 0)
            fetch_partition_requeue(one);
    }
}

static CallState refuse_fetch(Call *call, WireError code)
{
    message_set_number(call->response, "error_code", code);
    return CALL_DONE;
}

CallState handle_fetch(Call *call)
{
    const Message *request = call->request;
    const Broker *broker = call->broker;
    FetchSession *session = NULL;
    fetch_sessions_wake(broker->fetches);
    WireError code = call->has_begun ? WIRE_NONE : fetch_begin(call);
    if (code == WIRE_NONE)
        code = fetch_find(call, &session);
    if (code != WIRE_NONE)
        return refuse_fetch(call, code);
    int64_t acls = broker->config.acls != NULL ? acls_version(broker->config.acls) : 0;
    bool is_committed = message_number(request, "isolation_level") == 1;
    fetch_session_check(session, topics_version(broker->topics) + acls, is_committed);
    int64_t most = message_number(request, "max_bytes");
    Fetching fetching = {.call = call,
                         .session = session,
                         .bytes_left = most < FETCH_BYTES_MAX ? most : FETCH_BYTES_MAX,
                         .is_committed = is_committed,
                         .has_error = call->fetch_is_refused};
    look_at_ready(&fetching);
    bool is_enough = fetching.has_error || fetching.bytes >= message_number(request, "min_bytes") ||
                     message_number(request, "max_wait_ms") <= 0 ||
                     fetch_session_count(session) == 0;
    if (!is_enough && !call->is_late) {
        for (int32_t i = 0; i < call->record_buffer_count; i++)
            partition_read_reset(&call->records[i]); /* no segment stays for who waits */
        return CALL_WAITS;
    }
    call->fetched_bytes = fetching.bytes;
    if (fetch_session_count(session) == 0 && call->fetch == NULL) {
        fetch_session_free(session); /* the client has forgotten all of it */
        return CALL_DONE;
    }
    message_set_number(call->response, "session_id", fetch_session_id(session));
    if (call->fetch_is_full)
        answer_all(&fetching);
    else
        answer_changed(&fetching);
    note_told(&fetching);
    return CALL_DONE;
}

/* ---- ListOffsets ----------------------------------------------------------------------------- */

/* The first record that is not earlier, below `end_offset`. */
static WireError find_time(Partition *partition, int64_t timestamp_ms, int64_t end_offset,
                           int64_t *offset, int64_t *found_ms)
{
    Error error = {0};
    Status status = partition_find_time(partition, timestamp_ms, offset, found_ms, &error);
    if (status != OK)
        return broker_error(status, &error);
    if (*offset >= end_offset) {
        *offset = NO_OFFSET;
        *found_ms = NO_TIMESTAMP;
    }
    return WIRE_NONE;
}

static WireError list_offset(Call *call, Str topic, const Message *asked, Message *answer)
{
    Partition *partition;
    WireError code = call_partition(call, ACL_DESCRIBE, topic,
                                    message_number(asked, "partition_index"), &partition);
    if (code != WIRE_NONE)
        return code;
    bool is_committed = message_number(call->request, "isolation_level") == 1;
    int64_t timestamp = message_number(asked, "timestamp");
    int64_t offset = NO_OFFSET, found_ms = NO_TIMESTAMP;
    PartitionOffsets offsets;
    partition_offsets(partition, &offsets);
    int64_t end_offset = is_committed ? offsets.stable_offset : offsets.high_watermark;
    switch (timestamp) {
    case TIMESTAMP_EARLIEST:
    case TIMESTAMP_EARLIEST_HERE: offset = offsets.start_offset; break;
    case TIMESTAMP_LATEST: offset = end_offset; break;
    case TIMESTAMP_LATEST_ELSEWHERE: break;
    case TIMESTAMP_LARGEST: timestamp = offsets.max_timestamp_ms; [[fallthrough]];
    default: code = find_time(partition, timestamp, end_offset, &offset, &found_ms);
    }
    message_set_number(answer, "offset", offset);
    message_set_number(answer, "timestamp", found_ms);
    return code;
}

CallState handle_list_offsets(Call *call)
{
    for (int32_t i = 0; i < message_count(call->request, "topics"); i++) {
        const Message *topic = message_item(call->request, "topics", i);
        Message *answers = message_append(call->response, "topics", call->arena);
        message_set_bytes(answers, "name", message_bytes(topic, "name"));
        for (int32_t j = 0; j < message_count(topic, "partitions"); j++) {
            const Message *asked = message_item(topic, "partitions", j);
            Message *answer = message_append(answers, "partitions", call->arena);
            message_set_number(answer, "partition_index", message_number(asked, "partition_index"));
            message_set_number(answer, "offset", NO_OFFSET);
            message_set_number(answer, "timestamp", NO_TIMESTAMP);
            message_set_number(answer, "leader_epoch", -1);
            message_set_number(answer, "error_code",
                               list_offset(call, message_bytes(topic, "name"), asked, answer));
        }
    }
    return CALL_DONE;
}

/* ---- OffsetForLeaderEpoch -------------------------------------------------------------------- */

/* There has been one leader ever, with the epoch 0: what a client has read of it is still so, and
 * of others nothing is known. */
static WireError find_epoch(Call *call, Str topic, const Message *asked, Message *answer)
{
    Partition *partition;
    PartitionOffsets offsets;
    int64_t current = message_number(asked, "current_leader_epoch");
    WireError code =
        call_partition(call, ACL_DESCRIBE, topic, message_number(asked, "partition"), &partition);
    if (code == WIRE_NONE && current > LEADER_EPOCH)
        code = WIRE_UNKNOWN_LEADER_EPOCH;
    if (code != WIRE_NONE || message_number(asked, "leader_epoch") != LEADER_EPOCH)
        return code;
    partition_offsets(partition, &offsets);
    message_set_number(answer, "leader_epoch", LEADER_EPOCH);
    message_set_number(answer, "end_offset", offsets.high_watermark);
    return code;
}

CallState handle_leader_epoch(Call *call)
{
    for (int32_t i = 0; i < message_count(call->request, "topics"); i++) {
        const Message *topic = message_item(call->request, "topics", i);
        Str name = message_bytes(topic, "topic");
        Message *answers = message_append(call->response, "topics", call->arena);
        message_set_bytes(answers, "topic", name);
        for (int32_t j = 0; j < message_count(topic, "partitions"); j++) {
            const Message *asked = message_item(topic, "partitions", j);
            Message *answer = message_append(answers, "partitions", call->arena);
            message_set_number(answer, "partition", message_number(asked, "partition"));
            message_set_number(answer, "leader_epoch", -1);
            message_set_number(answer, "end_offset", NO_OFFSET);
            message_set_number(answer, "error_code", find_epoch(call, name, asked, answer));
        }
    }
    return CALL_DONE;
}
