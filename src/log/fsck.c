/* A walk over all segments of all partitions, as recovery would see them. */
#include "log/fsck.h"

#include "log/internal.h"
#include "log/record.h"

enum { FILES_OPEN_MAX = 16, SNAPSHOT_BYTES_MAX = 1 << 30 };

typedef struct Fsck {
    World *world;
    Arena *arena;
    Log *log;
    FsckReport *report;
    FsckPartition *partition;
    Mark mark;
    uint32_t identity; /* of the partition */
    Buffer scratch;
} Fsck;

const char *fsck_kind_name(FsckKind kind)
{
    switch (kind) {
    case FSCK_DAMAGED: return "damaged";
    case FSCK_TORN: return "torn";
    case FSCK_INDEX: break;
    }
    return "index";
}

static Segment *fsck_segment(const Fsck *fsck, const char *folder, int64_t base)
{
    Segment *segment = log_segment_new(folder, fsck->identity, base);
    segment->allows_old_seals = base < fsck->mark.old_seals_end;
    return segment;
}

static void find(Fsck *fsck, FsckKind kind, const Segment *segment, int64_t position,
                 int64_t offset, const char *text)
{
    FsckFinding *finding = ARENA_NEW(fsck->arena, FsckFinding);
    *finding = (FsckFinding){.kind = kind,
                             .path = arena_printf(fsck->arena, "%s", segment->log_path),
                             .position = position,
                             .offset = offset,
                             .text = text};
    list_append(&fsck->report->findings, fsck->arena, finding);
    fsck->report->damaged += kind == FSCK_DAMAGED;
}

/* A constant, or NULL if the records of the batch are as many and as whole as it says. */
static const char *find_fault_of_records(Fsck *fsck, Str batch)
{
    RecordReader reader;
    if (!record_reader_open(&reader, batch, &fsck->scratch))
        return "the records of a batch do not unpack";
    for (Record record; record_read(&reader, &record);)
        fsck->partition->records++;
    return reader.is_damaged ? "a record is not whole" : NULL;
}

/* What a segment that begins at `from` offset and is followed by one at `next_base` (-1: by none)
 * should hold; the offset up to which it does. */
static Status walk_segment(Fsck *fsck, Segment *segment, int64_t size, int64_t next_base,
                           Error *error)
{
    BatchCursor cursor;
    cursor_open(&cursor, segment, fsck->log->files, 0, size);
    cursor.allows_gaps = segment->base_offset < fsck->mark.gaps_end;
    Str batch;
    Status status;
    while ((status = cursor_next(&cursor, &batch, error)) == OK) {
        log_segment_note(segment, str_make(batch.data, BATCH_HEADER_BYTES), &cursor.header,
                         INDEX_INTERVAL_BYTES);
        fsck->partition->batches++;
        const char *fault = find_fault_of_records(fsck, batch);
        if (fault != NULL)
            find(fsck, FSCK_DAMAGED, segment, cursor.position - cursor.header.bytes,
                 cursor.header.base_offset, fault);
    }
    fsck->partition->bytes += segment->bytes;
    bool is_torn = next_base < 0 && segment->end_offset >= fsck->mark.durable_end;
    bool is_repeated = next_base >= 0 && segment->end_offset >= next_base;
    if (cursor.fault != NULL && !is_repeated)
        find(fsck, is_torn ? FSCK_TORN : FSCK_DAMAGED, segment, cursor.position,
             cursor.expected_offset, cursor.fault);
    cursor_close(&cursor);
    return status == ERR_END ? OK : status;
}

static Status check_segment(Fsck *fsck, const char *folder, int64_t base, int64_t next_base,
                            Error *error)
{
    Files *files = fsck->log->files;
    Segment *segment = fsck_segment(fsck, folder, base);
    FileInfo info = {0};
    Status status = fsck->world->kind->stat(fsck->world, segment->log_path, &info, error);
    if (status == OK)
        status = walk_segment(fsck, segment, info.size_bytes, next_base, error);
    if (status == OK) {
        Segment summary = {.base_offset = base,
                           .index_path = segment->index_path,
                           .identity = segment->identity,
                           .allows_old_seals = segment->allows_old_seals};
        Summary has = log_segment_read_summary(&summary, files, info.size_bytes);
        if (has == SUMMARY_IS_MORE)
            find(fsck, FSCK_DAMAGED, segment, info.size_bytes, segment->end_offset,
                 "the file is shorter than it was when it was complete");
        else if (has == SUMMARY_FITS && summary.content_hash != segment->content_hash)
            find(fsck, FSCK_INDEX, segment, -1, -1, "the index is not that of the file");
        else if (next_base >= 0 && has == SUMMARY_NONE)
            find(fsck, FSCK_INDEX, segment, -1, -1, "there is no index that fits the file");
        bool is_known = has == SUMMARY_FITS && summary.end_offset < next_base;
        if (is_known || (next_base > segment->end_offset && next_base > fsck->mark.gaps_end))
            find(fsck, FSCK_DAMAGED, segment, segment->bytes, segment->end_offset,
                 "offsets are missing between this segment and the next one");
        fsck->partition->end_offset =
            segment->end_offset > next_base ? segment->end_offset : next_base;
    }
    log_segment_free(segment, files);
    return status;
}

static void check_ends(Fsck *fsck, const char *folder, const int64_t *bases, int32_t count)
{
    Segment *place = fsck_segment(fsck, folder, count > 0 ? bases[0] : fsck->mark.start_offset);
    if (fsck->mark.durable_end > fsck->partition->end_offset)
        find(fsck, FSCK_DAMAGED, place, -1, fsck->partition->end_offset,
             "the end of what was acknowledged is missing");
    if (count > 0 && bases[0] > fsck->mark.start_offset && fsck->mark.durable_end > 0)
        find(fsck, FSCK_DAMAGED, place, -1, fsck->mark.start_offset,
             "the start of what was acknowledged is missing");
    log_segment_free(place, fsck->log->files);
}

static Status check_partition(Fsck *fsck, const char *name, const List *names, Error *error)
{
    const char *folder = arena_printf(fsck->arena, "%s/%s", fsck->log->folder, name);
    const LogEntry *entry = map_find(fsck->log->entries, str_from(name));
    fsck->mark = entry != NULL ? entry->mark : (Mark){.old_seals_end = OLD_SEALS_EVERYWHERE};
    fsck->identity = log_identity(name);
    fsck->partition = ARENA_NEW(fsck->arena, FsckPartition);
    fsck->partition->name = name;
    list_append(&fsck->report->partitions, fsck->arena, fsck->partition);
    int64_t *bases = ARENA_ARRAY(fsck->arena, int64_t, names->count + 1);
    int32_t count = 0;
    for (int32_t i = 0; i < names->count; i++) {
        int64_t base = log_segment_base_of_name(LIST_AT(*names, i, const char), ".log");
        if (base >= 0)
            bases[count++] = base;
    }
    for (int32_t i = 0; i < count; i++)
        TRY(check_segment(fsck, folder, bases[i], i + 1 < count ? bases[i + 1] : -1, error));
    fsck->partition->segments = count;
    fsck->partition->durable_end = fsck->mark.durable_end;
    fsck->partition->start_offset = fsck->mark.start_offset;
    if (count > 0 && fsck->partition->start_offset < bases[0])
        fsck->partition->start_offset = bases[0];
    check_ends(fsck, folder, bases, count);
    return OK;
}

/* A folder with segments, or with marks of its own, is a partition; others hold partitions. */
static Status check_folder(Fsck *fsck, const char *name, Error *error)
{
    World *world = fsck->world;
    const char *path = name[0] == '\0'
                           ? fsck->log->folder
                           : arena_printf(fsck->arena, "%s/%s", fsck->log->folder, name);
    List names = {0};
    TRY(world->kind->list(world, path, fsck->arena, &names, error));
    bool is_partition = map_find(fsck->log->entries, str_from(name)) != NULL;
    for (int32_t i = 0; i < names.count; i++)
        is_partition |= log_segment_base_of_name(LIST_AT(names, i, const char), ".log") >= 0;
    if (is_partition)
        return check_partition(fsck, name, &names, error);
    for (int32_t i = 0; i < names.count; i++) {
        const char *joint = name[0] == '\0' ? "" : "/";
        const char *below =
            arena_printf(fsck->arena, "%s%s%s", name, joint, LIST_AT(names, i, const char));
        FileInfo info;
        TRY(world->kind->stat(world, arena_printf(fsck->arena, "%s/%s", fsck->log->folder, below),
                              &info, error));
        if (info.is_folder)
            TRY(check_folder(fsck, below, error));
    }
    return OK;
}

/* Partitions that the marks know and whose folders are gone. */
static void check_lost(Fsck *fsck)
{
    for (int32_t i = 0; i < map_count(fsck->log->entries); i++) {
        const LogEntry *entry = map_value_at(fsck->log->entries, i);
        bool is_there = entry->mark.durable_end <= entry->mark.start_offset;
        for (int32_t j = 0; j < fsck->report->partitions.count && !is_there; j++)
            is_there =
                strcmp(LIST_AT(fsck->report->partitions, j, FsckPartition)->name, entry->name) == 0;
        if (is_there)
            continue;
        Segment *place = fsck_segment(
            fsck, arena_printf(fsck->arena, "%s/%s", fsck->log->folder, entry->name), 0);
        find(fsck, FSCK_DAMAGED, place, -1, entry->mark.start_offset, "the partition is missing");
        log_segment_free(place, fsck->log->files);
    }
}

Status fsck_log(World *world, const char *folder, Arena *arena, FsckReport *out, Error *error)
{
    *out = (FsckReport){0};
    FileInfo info;
    TRY(world->kind->stat(world, arena_printf(arena, "%s/lock", folder), &info, error));
    Fsck fsck = {.world = world, .arena = arena, .report = out};
    TRY(log_open(world, folder, &(LogOptions){.open_files_max = FILES_OPEN_MAX}, &fsck.log, error));
    Status status = check_folder(&fsck, "", error);
    if (status == OK)
        check_lost(&fsck);
    log_abandon(fsck.log);
    buffer_free(&fsck.scratch);
    return status;
}
