/* A registry of schemas over the topic `_schemas` of a hub, which holds what Confluent's registry
 * keeps in its own, in the same form.
 *
 *     registry_begin ── look, and lookups ── registry_end
 *     registry_begin ── one change ── registry_end          a change is durable when it returns
 *
 * What it knows is what the topic says up to now: others may write to it, too. A schema has one
 * number for ever, whatever subjects it is in; a subject has versions, 1, 2, …, of schemas. Calls
 * may come from any thread; between begin and end they come from one. */
#ifndef WEIR_REGISTRY_REGISTRY_H
#define WEIR_REGISTRY_REGISTRY_H

#include "base/arena.h"
#include "base/list.h"
#include "hub/topics.h"

typedef struct Subjects Subjects;

/* The version of a subject whose names a schema uses. */
typedef struct RegistryReference {
    Str name, subject;
    int32_t version;
} RegistryReference;

typedef struct RegistrySchema {
    int32_t id;
    Str type; /* AVRO, JSON, PROTOBUF */
    Str text; /* of AVRO as avro_canonical has it */
    /* Members that stand beside it wherever it is written, as JSON with a comma before each:
     * references, metadata, ruleSet; or empty. */
    Str attached;
    RegistryReference *references;
    int32_t reference_count;
    int32_t use_count; /* versions that have it */
} RegistrySchema;

typedef struct RegistryVersion {
    int32_t number;
    RegistrySchema *schema;
    bool is_deleted; /* but not for good */
} RegistryVersion;

typedef struct RegistrySubject {
    Str name;
    RegistryVersion *versions; /* in order of number */
    int32_t count, capacity;
    Str level, mode; /* of its own; empty: none */
} RegistrySubject;

/* Confluent's codes; the first three digits are the status of HTTP. */
enum {
    REFUSED_SUBJECT = 40401,
    REFUSED_VERSION = 40402,
    REFUSED_SCHEMA = 40403,
    REFUSED_SUBJECT_IS_DELETED = 40404,
    REFUSED_SUBJECT_IS_LIVE = 40405,
    REFUSED_VERSION_IS_DELETED = 40406,
    REFUSED_VERSION_IS_LIVE = 40407,
    REFUSED_NO_LEVEL = 40408,
    REFUSED_NO_MODE = 40409,
    REFUSED_INCOMPATIBLE = 409,
    REFUSED_BAD_SCHEMA = 42201,
    REFUSED_BAD_VERSION = 42202,
    REFUSED_BAD_LEVEL = 42203,
    REFUSED_BAD_MODE = 42204,
    REFUSED_OPERATION = 42205,
    REFUSED_IS_REFERENCED = 42206,
    REFUSED_BAD_SUBJECT = 42208,
    REFUSED_TOO_LARGE = 42209,
    REFUSED_STORE = 50001, /* the topic cannot be read or written */
};

/* Why something is not done. */
typedef struct RegistryRefusal {
    int32_t code;
    const char *text; /* in the caller's arena */
} RegistryRefusal;

/* Nothing is read yet. `topics` have a log that flushes by itself, and outlive it. */
Subjects *registry_new(World *world, Topics *topics);
/* NULL is allowed. */
void registry_free(Subjects *registry);

/* Know what the topic says now, and keep others out until registry_end. REFUSED_STORE: it is
 * damaged; then there is nothing to end. */
bool registry_begin(Subjects *registry, Arena *arena, RegistryRefusal *refusal);
void registry_end(Subjects *registry);

/* ---- Looking: valid until the next change or the end ---------------------------------------- */

/* NULL: none has the number. */
const RegistrySchema *registry_find_id(const Subjects *registry, int64_t id);
/* NULL: there never was one of that name, or it is gone for good and has no settings. */
const RegistrySubject *registry_find_subject(const Subjects *registry, Str name);
/* All of them (RegistrySubject *) that begin so, in order of name. */
void registry_list(const Subjects *registry, Str prefix, Arena *arena, List *out);
/* How many of its versions are not deleted. */
int32_t subject_live_count(const RegistrySubject *subject);
/* The number, or 0 for the latest that is not deleted; NULL: it has none such. */
const RegistryVersion *subject_find_version(const RegistrySubject *subject, int32_t number);

/* What counts for the subject: its own, else that of all, else BACKWARD and READWRITE. NULL: for
 * all. */
Str registry_level(const Subjects *registry, const RegistrySubject *subject);
Str registry_mode(const Subjects *registry, const RegistrySubject *subject);

/* ---- Schemas as clients send them ------------------------------------------------------------ */

/* What a request says. */
typedef struct RegistryRequest {
    RegistrySchema schema; /* without a number */
    Str extras;            /* the part of `attached` that is no references */
    int64_t id, version;   /* that it is to have; -1 and 0: it does not say */
    Str *before;           /* of AVRO: what it refers to, as it was read; Str */
    int32_t before_count;
} RegistryRequest;

/* {"schema": …, "schemaType": …, "references": …}. BAD_SCHEMA. */
bool registry_read_request(Arena *arena, Str json, RegistryRequest *out, RegistryRefusal *refusal);

/* Bring its schema into the form in which schemas are compared. `is_sorted`: see avro_canonical.
 * Not between begin and end: what is much work keeps nobody out. BAD_SCHEMA, STORE. */
bool registry_canonize(Subjects *registry, Arena *arena, RegistryRequest *request, bool is_sorted,
                       RegistryRefusal *refusal);

/* The version of the subject that has the schema, which is canonical; NULL: none. */
const RegistryVersion *registry_look_up(const Subjects *registry, const RegistrySubject *subject,
                                        const RegistrySchema *schema, bool takes_deleted);

/* Whether the schema, which is canonical, may follow these versions of the subject, by the level
 * that counts; what is against it goes to `why` (const char *). BAD_SCHEMA: they cannot be
 * compared. */
typedef struct RegistryCheck {
    const RegistrySubject *subject; /* NULL: there is none yet */
    const RegistryVersion *version; /* against this one alone; NULL: those that the level names */
    const RegistrySchema *schema;
} RegistryCheck;
bool registry_check(const Subjects *registry, Arena *arena, const RegistryCheck *check, List *why,
                    RegistryRefusal *refusal);

/* ---- Changes --------------------------------------------------------------------------------- */

/* The number of the schema, which is canonical, under the subject; it gets it if it does not have
 * it. */
bool registry_register(Subjects *registry, Arena *arena, Str subject,
                       const RegistryRequest *request, int32_t *id, RegistryRefusal *refusal);

/* 0: the latest. `*gone` gets its number. */
bool registry_remove_version(Subjects *registry, Arena *arena, Str subject, int32_t *gone,
                             bool is_for_good, RegistryRefusal *refusal);
/* `gone` gets the numbers (room for all of them, in the arena). */
bool registry_remove_subject(Subjects *registry, Arena *arena, Str subject, bool is_for_good,
                             List *gone, RegistryRefusal *refusal);

/* Set what counts for the subject, or for all if it has no data; an empty value takes it back.
 * BAD_LEVEL, BAD_MODE. */
bool registry_set_level(Subjects *registry, Arena *arena, Str subject, Str level,
                        RegistryRefusal *refusal);
bool registry_set_mode(Subjects *registry, Arena *arena, Str subject, Str mode,
                       RegistryRefusal *refusal);

/* False, with the refusal set. */
bool registry_refuse(RegistryRefusal *refusal, Arena *arena, int32_t code, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

#endif
