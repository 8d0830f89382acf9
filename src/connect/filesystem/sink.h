/* The parts of the filesystem sink. Private to connect/filesystem/. */
#ifndef WEIR_CONNECT_FILESYSTEM_SINK_H
#define WEIR_CONNECT_FILESYSTEM_SINK_H

#include "base/list.h"
#include "base/map.h"
#include "connect/connect.h"
#include "connect/filesystem/commit.h"
#include "connect/filesystem/part.h"
#include "format/format.h"

/* A closed file that becomes visible when its checkpoint is durable. Paths on the heap. */
typedef struct PendingFile {
    int64_t checkpoint; /* 0: not part of one yet */
    char *hidden, *final;
    char *partition;
} PendingFile;

typedef struct RollingPolicy {
    int64_t file_bytes, rollover_us, inactivity_us, check_us;
} RollingPolicy;

typedef struct FilesystemSink {
    SinkWriter base;
    const char *root;
    const char *extension; /* ".json" */
    const Format *format;
    const BulkKind *bulk;    /* NULL: files are written record by record */
    EncoderSpec spec;        /* of the format */
    Schema record;           /* what a file holds */
    int32_t *record_columns; /* physical column of each record column */
    int32_t *partition;      /* physical columns of the partition, in declared order */
    int32_t partition_count;
    Str default_partition;
    int32_t *inputs; /* batch column of each physical column, or -1: NULL */
    Encoder *encoder;
    RollingPolicy rolling;
    int64_t next_check_us;
    Commits commits;
    bool is_overwrite; /* see sink_overwrite.c */
    bool has_ended;    /* of the input, in the state that is being written or was restored */
    bool is_marked;    /* old files are to go */
    int64_t removal_checkpoint; /* with which they go; 0: with none yet */

    uint64_t shape; /* of the files: where they lie and what a record in them looks like */
    char uuid[40];
    bool is_noted; /* see sink_note.c */
    int64_t counter;
    Part **parts;
    int32_t part_count, part_capacity;
    PendingFile *pending;
    int32_t pending_count, pending_capacity;
    Buffer key, last_key; /* scratch: rowcode of the partition values */
    int32_t last_part;    /* of last_key, or -1 */
    Arena *scratch;
} FilesystemSink;

/* sink_state.c: what goes into a checkpoint, and what is made of it. */
void sink_state_write(const FilesystemSink *sink, Buffer *out);
Status sink_state_restore(FilesystemSink *sink, Str state, Error *error);
/* Remove files in progress that this sink began and the checkpoint knows nothing of. */
Status sink_remove_leftovers(FilesystemSink *sink, Error *error);

/* sink_note.c: runs that die before their first checkpoint. */
/* *is_left: such a run may have left files in progress; the sink goes on under its name. */
Status note_begin(FilesystemSink *sink, bool *is_left, Error *error);
/* There is a checkpoint. */
Status note_end(FilesystemSink *sink, Error *error);

/* sink_parts.c: open parts and pending files. */
/* Whether the file system can have a folder of this name. */
bool sink_partition_fits(const FilesystemSink *sink, Str partition);
Part *sink_part_add(FilesystemSink *sink, Str partition, const char *hidden, const char *final);
Status sink_part_find(FilesystemSink *sink, Str partition, int32_t *index, Error *error);
Status sink_part_close(FilesystemSink *sink, int32_t index, Error *error);
void sink_pending_add(FilesystemSink *sink, const char *hidden, const char *final,
                      const char *partition);
/* Before a checkpoint: the folders of files that it is the first to name know of them for good. */
Status sink_sync_new_folders(FilesystemSink *sink, Error *error);
/* Make the pending files of checkpoints up to this one visible, and durably so. */
Status sink_publish(FilesystemSink *sink, int64_t checkpoint, Error *error);
/* The folders of a file, up to the root's, are durable; `synced` holds those that are. */
Status sink_sync_folders(FilesystemSink *sink, Map *synced, const char *path, Error *error);

/* sink_overwrite.c: what INSERT OVERWRITE takes away. */
Status overwrite_mark(FilesystemSink *sink, Error *error);
Status overwrite_find_mark(FilesystemSink *sink, Error *error);
Status overwrite_remove_old(FilesystemSink *sink, Error *error);

void sink_parts_free(FilesystemSink *sink);
char *sink_copy(const char *bytes, int64_t length);

#endif
