/* What the files of door/ share. */
#ifndef WEIR_DOOR_INTERNAL_H
#define WEIR_DOOR_INTERNAL_H

#include "door/door.h"
#include "format/json_records.h"
#include "http/http.h"
#include "log/record.h"
#include "registry/local.h"

#define DEAD_LETTERS_SUFFIX ".dead-letters"

enum {
    RECORDS_MAX = 100000, /* of a request */
    READ_RECORDS_DEFAULT = 100,
    READ_RECORDS_MAX = 10000,
    READ_BYTES_MAX = 8 * 1024 * 1024,
    REASON_BYTES = 512,
};

/* Requests with one Idempotency-Key come one after the other. */
enum { DOOR_KEY_LOCKS = 64 };

struct Door {
    DoorConfig config;
    HttpServer *http;
    HttpRoute *routes;
    LocalRegistry schemas; /* of `config.registry` */
    _Atomic uint32_t turn; /* which partition gets records without a key */
    pthread_mutex_t key_locks[DOOR_KEY_LOCKS];
};

static inline Door *door_of(const HttpRequest *request)
{
    return request->context;
}

/* One record that came, and what became of it. */
typedef struct DoorRecord {
    Str value, key;
    bool has_key;
    bool is_tombstone; /* the value only says what the key is, and is not written */
    int32_t partition;
    int64_t offset;   /* when it is in its partition; else -1 */
    const char *code; /* why it is not; NULL: it is */
    const char *reason;
} DoorRecord;

/* A partition of a topic that the request writes to, or reads from. */
typedef struct DoorTopic {
    const char *name;
    int32_t partition_count;
    int64_t message_bytes_max;
    Partition **partitions; /* NULL where not asked for */
} DoorTopic;

/* The topic, made if it may be; `makes`: whether this request may. False with a problem set.
 * Release with door_release. */
bool door_find_topic(HttpRequest *request, Str name, bool makes, int32_t partition_count,
                     DoorTopic *out);
/* The topic for dead letters, made if it is not there. */
bool door_find_letters(HttpRequest *request, const char *name, DoorTopic *out, Error *error);
bool door_has_topic(HttpRequest *request, const char *name);
/* Hold a partition. */
Status door_hold(HttpRequest *request, DoorTopic *topic, int32_t index, Error *error);
void door_release(DoorTopic *topic);

/* The table that says what the topic's records are, or NULL. */
const DoorTable *door_table(const Door *door, const char *topic);

/* ---- check.c: what a record has to be ------------------------------------------------------- */

/* Set code and reason of the records that are not what the table says; without a table, of those
 * that are no JSON, if they have to be. */
Status door_check(HttpRequest *request, const DoorTable *table, DoorRecord *records, int32_t count,
                  Error *error);

/* ---- append.c: into the log ----------------------------------------------------------------- */

typedef struct DoorAppend {
    DoorTopic *topic;
    DoorRecord *records; /* those with a code are passed over */
    int32_t count;
    int64_t producer_id;    /* -1: none; else it is not taken twice */
    int32_t first_sequence; /* of its records in each partition */
    bool waits;             /* until it is durable */
    const char *caller;     /* of dead letters: who sent it */
} DoorAppend;

/* The records of each partition in batches. What the log refuses gets code and reason. */
Status door_append(HttpRequest *request, const DoorAppend *append, Error *error);

/* WR6034: the Idempotency-Key has been used with another body, of which something went to any
 * partition of the topic. One that is damaged cannot be asked. */
Status door_check_key(HttpRequest *request, DoorTopic *topic, int64_t producer_id,
                      int32_t first_sequence, Error *error);

/* Those with a code, with their reasons, into the topic of dead letters; durable. */
Status door_append_letters(HttpRequest *request, const DoorAppend *append, Error *error);

/* The log did not do it. */
void door_fail(HttpRequest *request, const Error *error);

/* ---- Routes ---------------------------------------------------------------------------------- */

HttpHandler door_list_topics, door_describe_topic, door_post_records, door_get_records;

/* The guard: who asks, and whether he may. */
bool door_guard(HttpRequest *request);

/* ---- The schema registry ----------------------------------------------------------------------
 */

/* What a route of it says to the guard beside roles. */
enum {
    DOOR_REGISTRY = 0x100, /* it is one of these; a role will do for any topics … */
    DOOR_SUBJECT = 0x200,  /* … unless its first segment is a subject */
    DOOR_ALL = 0x400,      /* it is about all of them: only for whom all topics are good */
    DOOR_ROLES = 0xff,
};

const HttpRoute *door_registry_routes(int32_t *count);
/* HttpConfig.problem: as Confluent's registry says it, of its routes. */
bool door_registry_problem(HttpRequest *request, const char *code, const char *detail);

HttpHandler schemas_get, schemas_get_text, schemas_get_versions, schemas_get_subjects, schemas_list,
    schemas_types;
HttpHandler subjects_list, subjects_look_up, subjects_delete, versions_list, versions_register,
    versions_get, versions_get_text, versions_get_users, versions_delete;
HttpHandler level_get, level_put, level_delete, mode_get, mode_put, mode_delete, compatibility_post;

/* A request in hand, between registry_begin and registry_end. */
typedef struct Schemas {
    HttpRequest *request;
    Subjects *registry;
    JsonWriter json; /* the answer */
    RegistryRefusal refusal;
} Schemas;

/* False: it is answered. */
bool schemas_begin(Schemas *schemas, HttpRequest *request);
/* The same, with the schema in the body, canonical. */
bool schemas_begin_with(Schemas *schemas, HttpRequest *request, RegistryRequest *out);
/* `is_good`, or else the refusal is the answer. */
void schemas_end(Schemas *schemas, bool is_good);
bool schemas_refuse(Schemas *schemas, int32_t code, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Whether a parameter is "true". */
bool schemas_flag(const Schemas *schemas, const char *name);
/* The subject of the first segment, if it has versions that are not deleted, or any; NULL with the
 * refusal set. */
const RegistrySubject *schemas_subject(Schemas *schemas, bool takes_deleted);
/* The second segment, "latest" or a number: 0 for the first. BAD_VERSION. */
bool schemas_version_number(Schemas *schemas, int32_t *out);
/* Of that version. */
const RegistryVersion *schemas_version(Schemas *schemas, bool takes_deleted);
/* {"subject": …, "version": …, "id": …, "schema": …} */
void schemas_put_version(Schemas *schemas, const RegistrySubject *subject,
                         const RegistryVersion *version);
/* Type, references and text of the schema, as members. */
void schemas_put_schema(Schemas *schemas, const RegistrySchema *schema);

#endif
