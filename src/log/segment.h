/* One file of batches, and its index: a table from about every 4 KB of the file to offset, position
 * and the largest timestamp so far.
 *
 *     00000000000000004711.log     batches, the first offset is 4711
 *     00000000000000004711.index   a summary of the file and the table; made when the file is
 *                                  complete, made again from the file when it is missing or damaged
 *
 * The last segment of a partition grows, with its table in memory; the others never change.
 *
 * What is written for a segment is sealed with its identity, a checksum of the partition's name and
 * the base offset, and is nothing in the place of what belongs elsewhere. */
#ifndef WEIR_LOG_SEGMENT_H
#define WEIR_LOG_SEGMENT_H

#include "log/batch.h"
#include "log/checked.h"
#include "log/files.h"

typedef struct IndexEntry {
    uint32_t offset_delta; /* from the base offset: of the batch at … */
    uint32_t position;
    int64_t max_timestamp_ms; /* of the batches before it; NO_TIMESTAMP: none has one */
} IndexEntry;

/* Ascending. */
typedef struct IndexTable {
    IndexEntry *entries;
    int32_t count, capacity;
} IndexTable;

enum { NO_TIMESTAMP = -1, SEGMENT_NAME_DIGITS = 20, READ_HINTS = 8, INDEX_INTERVAL_BYTES = 4096 };

typedef struct ReadHint {
    int64_t offset, position;
} ReadHint;

/* Fields are the owner's to read under its lock; what is sealed does not change. */
typedef struct Segment {
    char *log_path, *index_path;
    int64_t base_offset, end_offset; /* behind the last record, or the next one's base */
    int64_t bytes;
    int64_t max_timestamp_ms, first_timestamp_ms;
    uint64_t content_hash; /* of the headers, and by their checksums of all */
    uint32_t identity;
    bool allows_old_seals; /* of batches and the index; in what an older version has written */
    IndexTable table;      /* empty once it is sealed */
    int64_t indexed_at;    /* position of the last entry */
    Checked checked;       /* of the file's bytes; changes when it is sealed, too */
    FileSlot reader, writer;
    int32_t users; /* readers that hold it beside its list */
    _Atomic bool is_removed;
    ReadHint hints[READ_HINTS]; /* where the last reads stopped */
    int32_t next_hint;
} Segment;

/* The identity of a partition with that name (as in log_partition). */
uint32_t log_identity(const char *partition_name);

/* In memory only: no file is made. `identity` is the partition's. Free with log_segment_free. */
Segment *log_segment_new(const char *folder, uint32_t identity, int64_t base_offset);
void log_segment_free(Segment *segment, Files *files);

/* No offset is beyond it: whatever says so is not the log's, and there is room to count on. */
#define LOG_OFFSET_MAX (INT64_C(1) << 62)

/* The base offset that a file name like 00000000000000004711.log stands for, or -1. */
int64_t log_segment_base_of_name(const char *name, const char *suffix);

/* Seal a batch that will be added at the end. */
void log_segment_seal_batch(const Segment *segment, char *batch);
/* Whether the batch is what was written to that position. */
bool log_segment_is_sealed(const Segment *segment, int64_t position, Str batch_header);

/* A batch has been added at its end. */
void log_segment_note(Segment *segment, Str batch_header, const BatchHeader *header,
                      int64_t index_interval_bytes);

/* Write the index file; durability does not matter. */
Status log_segment_write_index(const Segment *segment, Files *files, Error *error);

typedef enum Summary {
    SUMMARY_FITS,
    SUMMARY_NONE,    /* no index file, a damaged one, or of a file that has grown since */
    SUMMARY_IS_MORE, /* the file was longer once: it is damaged */
} Summary;

/* Take the summary from the index file, if it is that of the file, whose size is `bytes`. */
Summary log_segment_read_summary(Segment *segment, Files *files, int64_t bytes);

/* As if nothing had been noted. */
void log_segment_reset(Segment *segment);

/* The table gives way to the index file. */
void log_segment_seal(Segment *segment);

/* The table of a sealed segment, to be freed with memory_free(out->entries): from the index file
 * or, if that is missing or damaged, from the segment, and then the file is written again. */
Status log_segment_load_table(Segment *segment, Files *files, IndexTable *out, Error *error);

/* Where to begin to look: the position of the last entry at or below that offset, or with only
 * earlier timestamps before it; 0 if there is none. */
int64_t table_find_offset(const IndexTable *table, int64_t offset_delta);
int64_t table_find_time(const IndexTable *table, int64_t timestamp_ms);

/* Walks over the batches of a segment and looks at all that can be seen of them. */
typedef struct BatchCursor {
    Segment *segment;
    Files *files;
    int64_t position, end;   /* of the next batch; where to stop */
    int64_t expected_offset; /* the next batch has this one, or a later one if gaps are allowed */
    bool allows_gaps;
    Buffer window; /* bytes from window_at */
    int64_t window_at;
    BatchHeader header; /* of the last batch */
    const char *fault;  /* why the batch at `position` is none, or NULL; a constant */
} BatchCursor;

/* From `position`, which begins a batch, to `end`. Close it in any case. */
void cursor_open(BatchCursor *cursor, Segment *segment, Files *files, int64_t position,
                 int64_t end);
/* ERR_END at the end, or where a batch is not whole: then `fault` says why. `batch` is valid until
 * the next call. */
Status cursor_next(BatchCursor *cursor, Str *batch, Error *error);
void cursor_close(BatchCursor *cursor);

/* "the segment is damaged", for a fault at a position. */
Status log_segment_fail_damaged(const Segment *segment, int64_t position, int64_t offset,
                                const char *fault, Error *error);

#endif
