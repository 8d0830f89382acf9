/* What the files of kafka/ share: a call in hand, and the table of requests. */
#ifndef WEIR_KAFKA_INTERNAL_H
#define WEIR_KAFKA_INTERNAL_H

#include "hub/transactions.h"
#include "kafka/broker.h"
#include "kafka/fetch_sessions.h"
#include "kafka/groups.h"
#include "kafka/schema.h"

/* Error codes of the protocol. */
typedef enum WireError {
    WIRE_UNKNOWN = -1,
    WIRE_NONE = 0,
    WIRE_OFFSET_OUT_OF_RANGE = 1,
    WIRE_CORRUPT_MESSAGE = 2,
    WIRE_UNKNOWN_TOPIC_OR_PARTITION = 3,
    WIRE_REQUEST_TIMED_OUT = 7,
    WIRE_MESSAGE_TOO_LARGE = 10,
    WIRE_OFFSET_METADATA_TOO_LARGE = 12,
    WIRE_COORDINATOR_NOT_AVAILABLE = 15,
    WIRE_INVALID_TOPIC = 17,
    WIRE_INVALID_REQUIRED_ACKS = 21,
    WIRE_ILLEGAL_GENERATION = 22,
    WIRE_INCONSISTENT_GROUP_PROTOCOL = 23,
    WIRE_INVALID_GROUP_ID = 24,
    WIRE_UNKNOWN_MEMBER_ID = 25,
    WIRE_INVALID_SESSION_TIMEOUT = 26,
    WIRE_REBALANCE_IN_PROGRESS = 27,
    WIRE_TOPIC_AUTHORIZATION_FAILED = 29,
    WIRE_GROUP_AUTHORIZATION_FAILED = 30,
    WIRE_CLUSTER_AUTHORIZATION_FAILED = 31,
    WIRE_INVALID_TIMESTAMP = 32,
    WIRE_UNSUPPORTED_SASL_MECHANISM = 33,
    WIRE_ILLEGAL_SASL_STATE = 34,
    WIRE_UNSUPPORTED_VERSION = 35,
    WIRE_TOPIC_ALREADY_EXISTS = 36,
    WIRE_INVALID_PARTITIONS = 37,
    WIRE_INVALID_REPLICATION_FACTOR = 38,
    WIRE_INVALID_REPLICA_ASSIGNMENT = 39,
    WIRE_INVALID_CONFIG = 40,
    WIRE_INVALID_REQUEST = 42,
    WIRE_POLICY_VIOLATION = 44,
    WIRE_OUT_OF_ORDER_SEQUENCE = 45,
    WIRE_INVALID_PRODUCER_EPOCH = 47,
    WIRE_INVALID_TXN_STATE = 48,
    WIRE_INVALID_PRODUCER_ID_MAPPING = 49,
    WIRE_INVALID_TRANSACTION_TIMEOUT = 50,
    WIRE_CONCURRENT_TRANSACTIONS = 51,
    WIRE_TRANSACTION_AUTHORIZATION_FAILED = 53,
    WIRE_SECURITY_DISABLED = 54,
    WIRE_OPERATION_NOT_ATTEMPTED = 55,
    WIRE_STORAGE_ERROR = 56,
    WIRE_SASL_AUTHENTICATION_FAILED = 58,
    WIRE_NON_EMPTY_GROUP = 68,
    WIRE_GROUP_ID_NOT_FOUND = 69,
    WIRE_FETCH_SESSION_ID_NOT_FOUND = 70,
    WIRE_INVALID_FETCH_SESSION_EPOCH = 71,
    WIRE_UNKNOWN_LEADER_EPOCH = 75,
    WIRE_MEMBER_ID_REQUIRED = 79,
    WIRE_FENCED_INSTANCE_ID = 82,
    WIRE_GROUP_SUBSCRIBED_TO_TOPIC = 86,
    WIRE_INVALID_RECORD = 87,
    WIRE_UNSTABLE_OFFSET_COMMIT = 88,
    WIRE_PRODUCER_FENCED = 90,
    WIRE_RESOURCE_NOT_FOUND = 91,
    WIRE_DUPLICATE_RESOURCE = 92,
    WIRE_UNACCEPTABLE_CREDENTIAL = 93,
    WIRE_UNKNOWN_TOPIC_ID = 100,
    WIRE_TRANSACTIONAL_ID_NOT_FOUND = 105,
    WIRE_FETCH_SESSION_TOPIC_ID_ERROR = 106,
    WIRE_TRANSACTION_ABORTABLE = 120,
} WireError;

typedef struct Api {
    int32_t key;
    const char *name;
    int32_t first, last; /* versions */
    int32_t flexible_from;
    const char *request, *response;
    CallState (*handle)(Call *call);
} Api;

enum { COMMIT_TIMEOUT_US = 5 * 1000 * 1000, TRANSACTION_WAIT_US = 25 * 1000 * 1000 };
enum { API_COUNT_MAX = 64, NODE_ID = 1, API_VERSIONS_KEY = 18, ACL_UNASKED = INT32_MIN };
enum { ADD_OFFSETS_KEY = 25, TRANSACTION_COMMIT_KEY = 28 };
enum { PRODUCE_KEY = 0, FETCH_KEY = 1, SASL_HANDSHAKE_KEY = 17, SASL_AUTHENTICATE_KEY = 36 };
enum { DESCRIBE_TOPIC_PARTITIONS_KEY = 75 };
enum { OFFSET_FETCH_KEY = 9, JOIN_GROUP_KEY = 11, LEAVE_GROUP_KEY = 13 };

struct Broker {
    World *world;
    Topics *topics;
    BrokerConfig config;
    Groups *groups;
    FetchSessions *fetches;
    Offsets *offsets;              /* NULL until they are asked for */
    Transactions *transactions;    /* NULL until they are asked for */
    int64_t started_us, looked_us; /* the monotonic clock; for offsets that are old */
    Buffer window;                 /* through which batches are looked at */
    Arena *arena;
    struct {
        const Schema *request, *response;
    } schemas[API_COUNT_MAX]; /* in the order of the table */
};

/* Something that was appended and has to become durable. */
typedef struct Promise {
    Partition *partition; /* held */
    int64_t end_offset;
    Message *answer; /* which has an error code; NULL: all of the response */
} Promise;

/* A batch of a Produce, and where its answer goes. */
typedef struct CallAppend {
    Append append;
    TransactionPartition to;
    Message *answer;
    bool is_transactional;
    bool is_settled;
} CallAppend;

/* Offsets on their way, and whether the call knows what came of it. */
typedef struct CallCommit {
    Append append; /* first: an Append * is a CallCommit * */
    Broker *broker;
    OffsetsWrite write;
    bool is_settled;
} CallCommit;

struct Call {
    Broker *broker;
    Peer *peer;
    Arena *arena;
    _Atomic int32_t users; /* whoever runs it, and each append that is queued */
    CallAppend *appends;
    int32_t append_count;
    CallCommit *commit; /* NULL: there is none */
    bool is_submitted;  /* what it writes is on its way, or refused */
    bool is_held;       /* another one that writes stands before it */
    Buffer bytes;       /* the request's own */
    int64_t room_bytes; /* that it has taken */
    bool is_token;      /* of SaslAuthenticate, without headers */
    const Api *api;
    WireVersion version;
    int32_t correlation_id;
    Message *request, *response;
    Str client_id;
    Str member_id;         /* of a join */
    Str kept_leader;       /* of a join that changes nothing: who is told to lead */
    int32_t generation;    /* of a join: the one that it waits for */
    int64_t deadline_us;   /* 0: not set */
    bool is_late;          /* the deadline has come */
    bool has_begun;        /* it runs again */
    int64_t forgets_begun; /* offsets are forgotten when this write of some is finished; 0: known */
    Promise *promises;
    int32_t promise_count, promise_capacity;
    const Transaction *transaction; /* of a call that waits for its end … */
    int64_t ended_count;            /* … until so many have ended */
    FetchSession *fetch;            /* of this fetch alone; NULL: one that is kept … */
    int32_t fetch_id, fetch_epoch;  /* … has this id, and this epoch as long as the call counts */
    bool fetch_is_full;             /* the answer has all partitions */
    bool fetch_is_refused;          /* of some of them that alone is told */
    PartitionRead *records;         /* of a fetch, one per partition that has some */
    int32_t record_buffer_count, record_buffer_capacity;
    int64_t record_count, fetched_bytes; /* that were produced; that go out */
    int64_t muted_us;                    /* for so long after it the connection is not heard */
    MessagePieces pieces;                /* of its answer */
};

/* ---- apis.c ---------------------------------------------------------------------------------- */

int32_t api_count(void);
const Api *api_at(int32_t index);

/* ---- handlers -------------------------------------------------------------------------------- */

CallState handle_api_versions(Call *call);
CallState handle_metadata(Call *call);
CallState handle_produce(Call *call);
/* Of a Produce: what it writes is not on its way yet. */
bool call_is_to_write(const Call *call);
CallState handle_fetch(Call *call);
CallState handle_list_offsets(Call *call);
CallState handle_describe_topic_partitions(Call *call);
CallState handle_describe_cluster(Call *call);
CallState handle_create_topics(Call *call);
CallState handle_delete_topics(Call *call);
CallState handle_create_partitions(Call *call);
CallState handle_delete_records(Call *call);
CallState handle_describe_log_dirs(Call *call);
CallState handle_list_reassignments(Call *call);
CallState handle_describe_configs(Call *call);
CallState handle_alter_configs(Call *call);
CallState handle_alter_configs_by_step(Call *call);
CallState handle_list_config_resources(Call *call);
CallState handle_leader_epoch(Call *call);
CallState handle_init_producer_id(Call *call);
CallState handle_find_coordinator(Call *call);
CallState handle_join_group(Call *call);
CallState handle_sync_group(Call *call);
CallState handle_heartbeat(Call *call);
CallState handle_leave_group(Call *call);
CallState handle_list_groups(Call *call);
CallState handle_describe_groups(Call *call);
CallState handle_delete_groups(Call *call);
CallState handle_offset_delete(Call *call);
CallState handle_offset_commit(Call *call);
CallState handle_offset_fetch(Call *call);
CallState handle_add_partitions(Call *call);
CallState handle_add_offsets(Call *call);
CallState handle_end_transaction(Call *call);
CallState handle_transaction_commit(Call *call);
CallState handle_describe_transactions(Call *call);
CallState handle_list_transactions(Call *call);
CallState handle_describe_producers(Call *call);
CallState handle_sasl_handshake(Call *call);
CallState handle_sasl_authenticate(Call *call);
CallState handle_describe_scram(Call *call);
CallState handle_describe_acls(Call *call);
CallState handle_describe_quotas(Call *call);
CallState handle_alter_quotas(Call *call);
CallState handle_create_acls(Call *call);
CallState handle_delete_acls(Call *call);
CallState handle_alter_scram(Call *call);

/* admin.c: the "host" and "port" at which the client finds the hub. */
void call_tell_address(const Call *call, Message *answer);

/* topic_admin.c */
WireError broker_create_topic(Broker *broker, Str name, int32_t partitions, const List *configs,
                              Topic **out);

/* configs.c: what the items of `field` set, without fault; else `message` says what is wrong. */
WireError read_configs(Call *call, const Message *asked, List *configs, const char **message);
/* All that a topic with these settings has, as "configs" of the answer. */
void append_configs(Call *call, const List *configs, Message *answer);

/* transactions.c */
CallState init_transactional(Call *call);
/* Whether the batch may be written: by nobody, or within the transaction that it belongs to. */
WireError judge_transaction(Call *call, Str topic, int64_t partition, Str records);
/* What the request writes to becomes part of its transaction. `*waits`: it is asked again when more
 * is durable. */
WireError join_transaction(Call *call, const TransactionProducer *asks,
                           const TransactionPartition *partitions, int32_t count, bool *waits);

/* quota_admin.c: it is done; how long its connection has to wait for what it has moved, in
 * microseconds, which the answer says, too. */
int64_t call_charge(Call *call);

/* commits.c: the commits that are well-formed go into an array of the arena; of the others the
 * answer says why. */
int32_t collect_commits(Call *call, WireError refusal, CommittedOffset **out);
/* Write them. */
void submit_commits(Call *call, CommitProducer producer, const CommittedOffset *commits,
                    int32_t count);
/* When they are durable, or it is late, it is done. */
CallState wait_for_commits(Call *call);
/* Forget what the filter says; call_forgets says when that is durable. */
WireError call_forget(Call *call, const OffsetsFilter *filter, Message *answer);
CallState call_forgets(Call *call);
/* It goes to the appender, and the call stays until that is done with it. */
void call_submit(Call *call, Append *append);

/* membership.c: the member that asks, of the group's present generation; it is heard. */
WireError find_member(Call *call, Group **group, Member **member);
/* Whether the call commits offsets of a group that has no members, or does not exist, and says no
 * generation: it only keeps them there, whatever else it says of itself. */
bool group_is_free_for(const Call *call, const Group *group);

/* ---- broker.c -------------------------------------------------------------------------------- */

/* Forget what groups without members have committed long ago, from time to time. */
void broker_expire_offsets(Broker *broker);
/* What could not be taken back of commits, when the disk was full, is tried again. */
void broker_settle_offsets(Broker *broker);
/* Open the committed offsets, or the transactions, the first time. */
Status broker_offsets(Broker *broker, Error *error);
Status broker_transactions(Broker *broker, Error *error);
/* Topics of the hub's own, which clients may read. */
bool topic_is_internal(Str name);
/* The partition of a topic, or what to answer instead. */
WireError broker_partition(Broker *broker, Str topic, int64_t index, Partition **out);
/* The same of a topic that is there. */
WireError broker_topic_partition(Broker *broker, Topic *topic, int64_t index, Partition **out);
/* The topic of that name or id, for who may do that with it. NULL: there is none, or he may not;
 * then `*code` says so. */
Topic *call_find_topic(Call *call, Str topic, bool is_by_id, AclOperation operation,
                       WireError *code);
/* The topic that an item of the request names, for who may do that with it: by its id from that
 * version on, or by its name. NULL: there is none, or he may not; then `*code` says so. */
Topic *call_topic(Call *call, const Message *item, const char *name_field, int32_t ids_from,
                  AclOperation operation, WireError *code);
/* The fields that name it in the answer. */
void call_name_topic(Call *call, const Message *item, const char *name_field, int32_t ids_from,
                     Message *answer);
/* What the log's failure means to a client; it is logged. */
WireError broker_error(Status status, const Error *error);

/* How many partitions the topics of the request have together. */
int32_t count_asked_partitions(const Message *request);
/* The answer waits until that is durable. */
void call_promise(Call *call, Partition *partition, int64_t end_offset, Message *answer);
/* Those that are kept go; whether none is left, or the time is over: then those get `late`. */
bool call_promises_are_kept(Call *call, WireError late);
/* All error codes of the response that are none become this one. */
void call_refuse_all(Call *call, WireError code);

#endif
