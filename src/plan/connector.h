/* What the planner must know of a connector or format to plan with it. The layers above fill
 * these tables in (connect/ and format/) and hand a Registry down. */
#ifndef WEIR_PLAN_CONNECTOR_H
#define WEIR_PLAN_CONNECTOR_H

#include "base/arena.h"
#include "data/schema.h"
#include "plan/options.h"

/* Which row kinds a stream has: a set of bits. */
typedef enum ChangelogMode {
    CHANGELOG_INSERT = 1,        /* +I */
    CHANGELOG_UPDATE_BEFORE = 2, /* -U */
    CHANGELOG_UPDATE_AFTER = 4,  /* +U */
    CHANGELOG_DELETE = 8,        /* -D */
    CHANGELOG_APPEND = 1,
    CHANGELOG_UPSERT = 1 | 4 | 8,
    CHANGELOG_ALL = 15,
} ChangelogMode;

/* A column the connector can give or take besides the record: METADATA FROM 'key'. */
typedef struct MetadataSpec {
    const char *key;
    const char *type; /* SQL: "TIMESTAMP_LTZ(3) NOT NULL" */
    bool is_writable;
    const char *help;
} MetadataSpec;

/* The three promises a sink can make. */
typedef enum SinkGuarantee {
    SINK_AT_LEAST_ONCE,
    SINK_IDEMPOTENT,    /* by key: a replay changes nothing */
    SINK_TRANSACTIONAL, /* commits with the checkpoint */
} SinkGuarantee;

typedef struct FormatInfo {
    const char *name;
    const char *summary;
    const OptionSpec *options; /* keys without the format's prefix */
    int32_t option_count;
    ChangelogMode decodes, encodes; /* row kinds it can carry; 0: cannot */
    bool is_bulk;                   /* a file is read and written as a whole: parquet */
    bool reads_fields;              /* single fields of a ROW can be read as columns */
    bool takes_bounds;              /* leaves out rows by comparisons with constants */
    /* What a record says beside its columns, of connectors that take messages: the key has "value."
     * in front. */
    const MetadataSpec *metadata;
    int32_t metadata_count;
    bool is_of_messages; /* its records have no end that could be told in a file */
    bool asks_registry;  /* for schemas: that of its option `url`, or of the hub in the process */
    /* Whether it has a form for these columns; its options are those of `prefix`. May be NULL. */
    Status (*check)(Arena *arena, const Schema *columns, const OptionSet *options,
                    const char *prefix, Error *error);
} FormatInfo;

typedef struct TableOptions {
    const OptionSet *options;
    const FormatInfo *format; /* NULL if the connector takes none; of the value, if there are two */
    const FormatInfo *key_format; /* of the key of a message; NULL: none is given */
    const char *format_prefix;    /* of the options of `format`: "json.", "value.json." */
    const char *key_prefix;       /* of those of `key_format`: "key.json." */
    bool has_primary_key;
} TableOptions;

/* Metadata of a table are counted in one list: the connector's, and behind them those that the
 * value's format gives, if the connector takes messages (takes_key_format). */
struct ConnectorInfo;
int32_t metadata_count(const struct ConnectorInfo *connector, const FormatInfo *format);
const MetadataSpec *metadata_at(const struct ConnectorInfo *connector, const FormatInfo *format,
                                int32_t index);
/* As METADATA FROM names it: whether it is `key`; in the arena. */
bool metadata_is(const struct ConnectorInfo *connector, const FormatInfo *format, int32_t index,
                 Str key);
const char *metadata_key(Arena *arena, const struct ConnectorInfo *connector,
                         const FormatInfo *format, int32_t index);

/* What is kept of rows that were looked up. */
typedef enum LookupCacheKind {
    LOOKUP_CACHE_NONE,
    LOOKUP_CACHE_PARTIAL, /* the keys that were asked for */
    LOOKUP_CACHE_FULL,    /* the whole table, read anew from time to time */
} LookupCacheKind;

typedef struct LookupCache {
    LookupCacheKind kind;
    int64_t rows_max;               /* keys; 0: without limit */
    int64_t expire_after_write_us;  /* 0: never */
    int64_t expire_after_access_us; /* 0: never */
    bool keeps_missing;             /* also that a key has no rows */
    int64_t reload_us;              /* FULL: after so long; 0: at reload_at_us of the day */
    bool reloads_at_rate;           /* FULL: counted from the last start, not from its end */
    int64_t reload_at_us;           /* FULL: of the day, UTC */
    int64_t reload_days;
} LookupCache;

/* How a table is looked up. */
typedef struct LookupInfo {
    LookupCache cache;
    bool is_async; /* unless a hint says otherwise */
} LookupInfo;

/* What ConnectorInfo.check looks at. */
typedef struct TableCheck {
    const TableOptions *table;
    const Schema *physical; /* the declared physical columns */
    const int32_t *key;     /* PRIMARY KEY, indexes into physical */
    int32_t key_count;
    bool is_sink;           /* which way the table is used */
    const int32_t *written; /* the connector's metadata that columns are declared for writing */
    int32_t written_count;
    bool is_lookup;             /* it is asked for rows by the columns … */
    const int32_t *lookup_keys; /* … indexes into physical */
    int32_t lookup_key_count;
    OptionReport *report;
    void *report_context;
} TableCheck;

struct Connector;

typedef struct ConnectorInfo {
    const char *name;
    const char *summary; /* a sentence */
    const OptionSpec *options;
    int32_t option_count;
    const char *const *free_prefixes; /* NULL-terminated or NULL */
    const MetadataSpec *metadata;
    int32_t metadata_count;
    bool can_read, can_write, takes_format, needs_format;
    bool takes_key_format; /* 'key.format', and 'value.format' for 'format' */
    bool reads_fields;     /* gives single fields of a ROW as columns, if its format does too */
    bool takes_bounds;     /* leaves out rows that do not meet the source's bounds, likewise */
    bool is_extension;     /* not one of Flink's or its ecosystem's: named by --portable */
    bool can_overwrite;    /* INSERT OVERWRITE: what was there goes when the new rows come */
    bool writes_in_place;  /* never blocks, and any shard may write any row: without a key, rows are
                              written by the thread that made them */
    SinkGuarantee guarantee;
    /* Whether the rows of this table, which is written by key, wait until their checkpoint is
     * durable and are then written, each key once: what was read by then is never taken back. NULL:
     * never. */
    bool (*holds_rows)(const TableOptions *table);
    /* The promise for this table, where options decide; NULL: `guarantee`. */
    SinkGuarantee (*guarantee_of)(const TableOptions *table);
    /* A name, with the place where it counts, under which the table is written and no other sink
     * may write at the same time; *option says it. NULL: there is none. NULL instead of the
     * function: never. */
    const char *(*writer_name)(Arena *arena, const TableOptions *table, const char **option);
    /* When a source does not go on exactly where it was: "if the table does not change meanwhile".
     * NULL: it always does. */
    const char *rewinds_if;
    /* Its state as a sink has rows, by the columns of the table. */
    bool saves_rows;
    /* The option that says which thing a source reads, if its position means nothing in another. */
    const char *place_option;
    /* The BOOLEAN option that makes inserts of every change, which are otherwise read the same;
     * or NULL. Tables that differ in it alone, or in nothing, are read once: see plan/share.c. */
    const char *append_only_option;

    /* Whether and how rows are looked up by key; NULL: never. */
    bool (*looks_up)(const TableOptions *table, LookupInfo *out);
    /* Whether reading ends by itself. */
    bool (*is_bounded)(const TableOptions *table);
    /* Whether a run without a checkpoint reads again what an earlier one has read; NULL: always. */
    bool (*reads_anew)(const TableOptions *table);
    /* Row kinds that reading gives; NULL: the format's, else append. */
    ChangelogMode (*read_mode)(const TableOptions *table);
    /* Row kinds that writing takes; NULL: the format's, else append. */
    ChangelogMode (*write_mode)(const TableOptions *table);
    /* Further checks of schema against options (types, keys); may be NULL. Reports like
     * options_bind; ERR_INVALID if there was a mistake. */
    Status (*check)(const TableCheck *check);
    /* What implements it, if it is not in the list of connectors: the feeds of tests. Else NULL. */
    const struct Connector *implementation;
} ConnectorInfo;

typedef struct Registry {
    const ConnectorInfo *const *connectors;
    int32_t connector_count;
    const FormatInfo *const *formats;
    int32_t format_count;
} Registry;

#endif
