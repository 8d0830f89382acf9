/* What the files of registry/ share. */
#ifndef WEIR_REGISTRY_INTERNAL_H
#define WEIR_REGISTRY_INTERNAL_H

#include <pthread.h>

#include "base/map.h"
#include "expr/json/document.h"
#include "format/avro_evolution.h"
#include "hub/journal.h"
#include "registry/registry.h"

enum {
    SUBJECT_BYTES_MAX = 1024, /* of its name */
    SUBJECTS_MAX = 100 * 1000,
    VERSIONS_MAX = 10 * 1000,     /* of a subject, with those that are deleted */
    SCHEMA_BYTES_MAX = 512 << 20, /* of all schemas */
};

struct Subjects {
    World *world;
    Topics *topics;
    pthread_mutex_t lock; /* guards the rest */
    Journal *journal;     /* NULL: there is no topic */
    char topic_id[TOPIC_ID_BYTES];
    int64_t next_offset; /* what is before it is known */
    JsonDocument *key_document, *value_document;
    Arena *scratch;     /* of one record */
    int64_t tidy_bytes; /* of the arena, when nothing in it was of no use */
    /* What the topic says; all of it is made anew when there is another topic. */
    Arena *arena;
    Map *subjects;        /* name → RegistrySubject */
    Map *schemas;         /* number, as text → RegistrySchema */
    Map *texts;           /* schema_identity → RegistrySchema */
    RegistrySubject all;  /* its settings are those of all subjects */
    int64_t schema_bytes; /* of all schemas */
    int64_t id_max;       /* that was ever given */
    int64_t unread_count; /* records that are none of a registry's */
};

/* ---- topic.c: records of the topic ----------------------------------------------------------- */

/* A record of it: JournalTake, with the Subjects. */
void topic_take(void *registry, const BatchHeader *header, const Record *record);

/* Records for the batch in hand; see registry_commit. */
void topic_put_version(Subjects *registry, Str subject, int32_t version,
                       const RegistrySchema *schema, bool is_deleted);
void topic_drop_version(Subjects *registry, Str subject, int32_t version);
/* All up to that version are deleted, but not for good. */
void topic_put_removal(Subjects *registry, Str subject, int32_t version);
/* CONFIG or MODE of the subject, or of all if it has no data; an empty value takes it back. */
void topic_put_setting(Subjects *registry, bool is_mode, Str subject, Str value);
/* The largest number that was given, for when the versions that have it are gone. */
void topic_put_id_max(Subjects *registry);

/* ---- state.c: what the topic has said -------------------------------------------------------- */

/* What makes two schemas the same, at the end of `out`. */
void schema_identity(Buffer *out, const RegistrySchema *schema);

/* Nothing was said. */
void state_begin(Subjects *registry);
/* Give back what was replaced and dropped, if it is much; what was looked up before is not valid
 * any more. */
void state_tidy(Subjects *registry);

/* The subject with the name, made if need be. */
RegistrySubject *state_subject(Subjects *registry, Str name);
/* The schema under that number, known from here on; it is copied if it is not known. */
RegistrySchema *state_keep_schema(Subjects *registry, int32_t id, const RegistrySchema *schema);
/* The version has to be put into its place at once: a schema is known as long as one has it. */
void state_put_version(Subjects *registry, RegistrySubject *subject, RegistryVersion version);
void state_drop_version(Subjects *registry, Str name, int32_t number);
/* All versions up to the last are deleted, or gone. */
void state_remove(Subjects *registry, Str name, int32_t last, bool is_for_good);
/* The level or the mode of a subject; no data: of all. */
void state_set(Subjects *registry, Str name, bool is_mode, Str value);

/* ---- registry.c ------------------------------------------------------------------------------ */

/* Begin a batch of records: all that was written before is known then, and the topic is made if it
 * is not there. */
bool registry_begin_change(Subjects *registry, Arena *arena, RegistryRefusal *refusal);
/* They are durable and count. What was looked up before is not valid any more. */
bool registry_commit(Subjects *registry, Arena *arena, RegistryRefusal *refusal);

/* ---- schema.c -------------------------------------------------------------------------------- */

/* What the object says of a schema, in the arena. */
bool request_take(Arena *arena, JsonElement object, RegistryRequest *out, RegistryRefusal *refusal);

/* Find what the request's schema refers to, and copy it. BAD_SCHEMA: something is not there. */
bool request_resolve(const Subjects *registry, Arena *arena, RegistryRequest *request,
                     RegistryRefusal *refusal);
/* What registry_canonize does behind that; asks nobody. */
bool request_canonize(Arena *arena, RegistryRequest *request, bool is_sorted,
                      RegistryRefusal *refusal);
/* What it refers to is what it was when the request was read, and is not deleted. */
bool request_recheck(const Subjects *registry, Arena *arena, const RegistryRequest *request,
                     RegistryRefusal *refusal);

/* The schema with all that it builds upon, read. `is_new`: nobody has written by it. BAD_SCHEMA. */
bool schema_source(const Subjects *registry, Arena *arena, const RegistrySchema *schema,
                   bool is_new, AvroSource *out, RegistryRefusal *refusal);

/* ---- check.c --------------------------------------------------------------------------------- */

/* What a level asks for. */
typedef struct LevelDemand {
    bool reads_old;   /* who reads by the new schema reads what was written by the old ones */
    bool read_by_old; /* and the other way round */
    bool is_of_all;   /* by all old ones, not by the latest only */
} LevelDemand;

/* False: it is no level. */
bool level_demand(Str level, LevelDemand *out);

/* ---- remove.c -------------------------------------------------------------------------------- */

/* Whether a schema uses names of the version; `by_deleted`: or one that is deleted. */
bool version_is_referenced(const Subjects *registry, Str name, int32_t number, bool by_deleted);

/* ---- register.c --------------------------------------------------------------------------------
 */

/* Whether a subject can be called so. */
bool subject_is_named(Str name);
/* Whether there may be one more subject, if there is none yet. */
bool check_subjects(const Subjects *registry, Arena *arena, const RegistrySubject *subject,
                    RegistryRefusal *refusal);
/* READWRITE, or refuse. */
bool check_may_write(const Subjects *registry, Arena *arena, const RegistrySubject *subject,
                     RegistryRefusal *refusal);

#endif
