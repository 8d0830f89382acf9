/* Options as data: what a connector or format may be told, checked and documented from one
 * table.
 *
 * A connector declares its options as an array of OptionSpec. options_bind reads the WITH
 * clause against it: unknown keys are errors with a suggestion, missing required keys and
 * bad values are named. The same table prints `weir connector doc`. */
#ifndef WEIR_PLAN_OPTIONS_H
#define WEIR_PLAN_OPTIONS_H

#include "base/map.h"
#include "base/status.h"
#include "base/str.h"
#include "base/world.h"

typedef enum OptionType {
    OPTION_TEXT,
    OPTION_INT,
    OPTION_DOUBLE,
    OPTION_BOOL,
    OPTION_DURATION, /* '10 s', '1 min', bare numbers are milliseconds; held in microseconds */
    OPTION_BYTES,    /* '128 MB', bare numbers are bytes */
    OPTION_ENUM,     /* one of `choices`, case ignored */
} OptionType;

typedef struct OptionSpec {
    const char *key; /* with '#' for any one name: "fields.#.min" */
    OptionType type;
    const char *default_text; /* NULL: none */
    bool is_required;
    bool is_secret;      /* never printed; ${env:NAME} and ${file:PATH} are resolved */
    bool is_extension;   /* the connector has it in weir only: named by --portable */
    const char *choices; /* OPTION_ENUM: "initial|latest-offset" */
    int64_t least, most; /* OPTION_INT: what it may be, unless both are 0 */
    const char *help;    /* a sentence */
} OptionSpec;

/* The bound options of one table: Flink's WITH keys with values checked by type. */
typedef struct OptionSet OptionSet;

/* One value of the WITH clause with its place in the source. */
typedef struct OptionEntry {
    Str key;
    Str value;                    /* references resolved */
    int32_t span_start, span_end; /* of the value */
    int32_t key_start, key_end;   /* of the key */
    Str written; /* what stands in the script if that is a reference, else no data */
} OptionEntry;

/* Called once for every mistake; the binder turns it into a diagnostic at the span. */
typedef void OptionReport(void *context, const OptionEntry *entry, const char *code,
                          const char *message, const char *help);

typedef struct OptionTable {
    const OptionSpec *specs;
    int32_t count;
    const char *prefix; /* put before each key, "json." for a format; "" for the connector */
} OptionTable;

typedef struct OptionRequest {
    const OptionEntry *entries;
    int32_t entry_count;
    const OptionTable *tables;
    int32_t table_count;
    const char *const *free_prefixes; /* or NULL */
    const char *owner;                /* for messages: "connector 'redis'" */
    OptionReport *report;
    void *context; /* for report */
} OptionRequest;

/* Check `entries` against the tables (connector's own, then its formats' with their prefix).
 * Keys starting with one of `free_prefixes` (NULL-terminated, may be NULL) pass unchecked.
 * Every mistake is reported; ERR_INVALID if there was one. */
Status options_bind(Arena *arena, const OptionRequest *request, OptionSet **out);

/* Replace ${env:NAME} and ${file:PATH} (its content without the last line end) in entry->value;
 * other text, "$" included, stays as it is. What does not resolve is reported. */
Status option_resolve(World *world, Arena *arena, OptionEntry *entry, OptionReport *report,
                      void *context);

/* Typed values by full key: given, else default. Asserts that the key is declared with that
 * type. Text is "" (data NULL) when neither given nor defaulted; options_has tells. */
bool options_has(const OptionSet *options, const char *key);
Str options_text(const OptionSet *options, const char *key);
const char *options_terminated(const OptionSet *options, const char *key);
int64_t options_int(const OptionSet *options, const char *key);
double options_double(const OptionSet *options, const char *key);
bool options_bool(const OptionSet *options, const char *key);
int64_t options_duration_us(const OptionSet *options, const char *key);
int64_t options_bytes(const OptionSet *options, const char *key);

/* Every given key in order, for free prefixes and for printing (secrets as '******'). */
int32_t options_count(const OptionSet *options);
OptionEntry options_at(const OptionSet *options, int32_t index);

/* For reports: the entry as it was given, or one with nothing but the key. */
OptionEntry options_entry(const OptionSet *options, const char *key);
/* The given one is weir's own. */
bool options_is_extension(const OptionSet *options, int32_t index);
bool options_is_secret(const OptionSet *options, Str key);
/* The value as it may be shown: '******' for a secret, the reference where one was written. */
Str options_shown(const OptionSet *options, int32_t index);

/* Also used by SET. False if the text is not one. */
bool duration_parse(Str text, int64_t *out_us);
bool bytes_parse(Str text, int64_t *out_bytes);

#endif
