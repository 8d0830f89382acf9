/* A folder of the log as a disk may give it back: opened, read from end to end, written to,
 * compacted, stopped and opened again, and looked at by fsck. What the answer may be is worked out
 * from the files alone:
 *
 * - an error has a code, and one that says "damaged" is one that fsck sees as well;
 * - fsck changes nothing;
 * - what is read is what lies in the files, whole and at its offset; of what the marks say was
 *   acknowledged nothing is left out that is whole and in its place;
 * - what could be read once can be read after a compaction and another start.
 *
 * Not asked of inputs with a file that says, with a valid checksum, what is not so: no disk makes
 * these. They must do no harm. */
#include <assert.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "log/batch_testing.h"
#include "log/fsck.h"
#include "log/internal.h"
#include "sim/log_model.h"
#include "sim/log_pieces.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { KNOWN_MAX = 4096, READ_BYTES = 4096 };

/* A batch that is whole and in its place, in a file. */
typedef struct Known {
    int64_t from, end;
    int64_t stop; /* where the next segment begins */
    Str bytes;
} Known;

/* Offsets that were read. */
typedef struct Range {
    int64_t from, end;
} Range;

typedef struct Subject {
    SimWorld *world;
    Arena *arena;
    Log *log;
    int32_t partition;
    Mark mark;
    Known *known;
    Range *ranges;
    int32_t known_count, range_count;
    List files; /* Str *, as they were */
    FsckReport report;
    bool is_forged;  /* a seal is right, and what is behind it is not */
    bool is_damaged; /* an error has said so */
} Subject;

static void say(const char *what, const Error *error)
{
    fprintf(stderr, "%s: %s %s %s\n", what, status_name(error->status), error->code, error->text);
}

/* True if it is OK; else it must be damage that is named. */
static bool is_good(Subject *subject, Status status, const Error *error, const char *what)
{
    if (status == OK)
        return true;
    bool is_named = status == ERR_CORRUPT && error->code[0] == 'W' && error->text[0] != '\0';
    if (!is_named)
        say(what, error);
    assert(is_named);
    subject->is_damaged = true;
    return false;
}

/* ---- What there is --------------------------------------------------------------------------- */

static void keep_files(Subject *subject)
{
    List paths = {0};
    disk_list_files(subject->world->disk, subject->arena, &paths);
    for (int32_t i = 0; i < paths.count; i++) {
        const char *path = LIST_AT(paths, i, const char);
        Str content = inode_content(disk_find(subject->world->disk, path));
        Str *kept = ARENA_NEW(subject->arena, Str);
        *kept = str_copy(subject->arena, content);
        list_append(&subject->files, subject->arena, kept);
    }
}

static void same_files(const Subject *subject)
{
    List paths = {0};
    disk_list_files(subject->world->disk, subject->arena, &paths);
    assert(paths.count == subject->files.count);
    for (int32_t i = 0; i < paths.count; i++) {
        const char *path = LIST_AT(paths, i, const char);
        Str content = inode_content(disk_find(subject->world->disk, path));
        assert(str_equal(content, *LIST_AT(subject->files, i, Str)));
    }
}

static void look_at_index(Subject *subject, const Segment *walked, int64_t size, int64_t next_base,
                          bool has_gap)
{
    Files *files = files_new(&subject->world->base, 2);
    Segment summary = {.base_offset = walked->base_offset,
                       .index_path = walked->index_path,
                       .identity = walked->identity,
                       .allows_old_seals = walked->allows_old_seals};
    if (log_segment_read_summary(&summary, files, size) == SUMMARY_FITS) {
        bool is_end = summary.end_offset == walked->end_offset ||
                      (summary.end_offset == next_base && next_base <= subject->mark.gaps_end);
        subject->is_forged |= summary.content_hash != walked->content_hash || !is_end || has_gap;
    }
    files_free(files);
}

static void know_segment(Subject *subject, const char *folder, int64_t base, int64_t next_base)
{
    Segment *segment = log_segment_new(folder, log_identity(model_names[subject->partition]), base);
    segment->allows_old_seals = base < subject->mark.old_seals_end;
    Str content = inode_content(disk_find(subject->world->disk, segment->log_path));
    content = str_copy(subject->arena, content);
    int64_t at = 0;
    bool has_gap = false;
    BatchHeader header;
    for (; subject->known_count < KNOWN_MAX; at += header.bytes) {
        Str rest = str_make(content.data + at, content.length - at);
        if (!batch_read_header(rest, &header) || header.bytes > rest.length ||
            !batch_is_intact(str_make(rest.data, header.bytes)) ||
            !log_segment_is_sealed(segment, at, rest) || header.base_offset < segment->end_offset)
            break;
        has_gap |= header.base_offset > segment->end_offset && base >= subject->mark.gaps_end;
        log_segment_note(segment, str_make(rest.data, BATCH_HEADER_BYTES), &header, INT64_MAX);
        subject->known[subject->known_count++] =
            (Known){.from = header.base_offset,
                    .end = batch_end_offset(&header),
                    .stop = next_base < 0 ? INT64_MAX : next_base,
                    .bytes = str_make(rest.data, header.bytes)};
    }
    look_at_index(subject, segment, content.length, next_base, has_gap);
    Files *none = files_new(&subject->world->base, 1);
    log_segment_free(segment, none);
    files_free(none);
}

static void know_partition(Subject *subject)
{
    const char *name = model_names[subject->partition];
    const char *folder = arena_printf(subject->arena, "data/%s", name);
    const Inode *inode = disk_find(subject->world->disk, folder);
    List names = {0};
    const LogEntry *entry = map_find(subject->log->entries, str_from(name));
    subject->mark = entry != NULL ? entry->mark : (Mark){.old_seals_end = OLD_SEALS_EVERYWHERE};
    subject->known_count = subject->range_count = 0;
    if (inode != NULL)
        inode_list(inode, subject->arena, &names);
    int64_t base = -1;
    for (int32_t i = 0; i < names.count; i++) {
        int64_t next = log_segment_base_of_name(LIST_AT(names, i, const char), ".log");
        if (next >= 0 && base >= 0)
            know_segment(subject, folder, base, next);
        base = next >= 0 ? next : base;
    }
    if (base >= 0)
        know_segment(subject, folder, base, -1);
}

/* ---- Reading --------------------------------------------------------------------------------- */

/* It lies in one of the files. */
static void must_be_there(const Subject *subject, Str batch)
{
    enum { SAME_FROM = 16 };
    for (int32_t i = 0; i < subject->files.count; i++) {
        Str left = *LIST_AT(subject->files, i, Str);
        const char *found;
        while (left.length > SAME_FROM &&
               (found = memmem(left.data + SAME_FROM, (size_t)(left.length - SAME_FROM),
                               batch.data + SAME_FROM, (size_t)(batch.length - SAME_FROM)))) {
            if (memcmp(found - SAME_FROM, batch.data, BATCH_PREFIX_BYTES) == 0)
                return;
            left = str_make(found - SAME_FROM + 1, left.data + left.length - found + SAME_FROM - 1);
        }
    }
    assert(!"a batch was read that is in no file");
}

/* Batches of one answer. */
static int64_t see_batches(Subject *subject, Str bytes, int64_t offset, bool is_first)
{
    BatchHeader header;
    for (int64_t at = 0; at < bytes.length; at += header.bytes) {
        Str rest = str_make(bytes.data + at, bytes.length - at);
        bool is_batch = batch_read_header(rest, &header) && header.bytes <= rest.length;
        assert(is_batch && batch_is_intact(str_make(rest.data, header.bytes)));
        assert(header.leader_epoch == 0 && batch_end_offset(&header) > offset);
        if (is_first)
            must_be_there(subject, str_make(rest.data, header.bytes));
        if (subject->range_count < KNOWN_MAX)
            subject->ranges[subject->range_count++] =
                (Range){header.base_offset, batch_end_offset(&header)};
        offset = batch_end_offset(&header);
    }
    return offset;
}

/* False: it is damaged. */
static bool read_all(Subject *subject, Partition *partition, ReadLevel level, bool is_first)
{
    PartitionOffsets offsets;
    Error error = {0};
    Buffer bytes = {0};
    Status status;
    partition_offsets(partition, &offsets);
    bool are_ordered = offsets.start_offset <= offsets.end_offset &&
                       offsets.high_watermark <= offsets.end_offset &&
                       offsets.stable_offset <= offsets.high_watermark;
    if (!are_ordered)
        fprintf(stderr, "start %lld stable %lld high %lld end %lld\n",
                (long long)offsets.start_offset, (long long)offsets.stable_offset,
                (long long)offsets.high_watermark, (long long)offsets.end_offset);
    assert(are_ordered);
    subject->range_count = 0;
    int64_t offset = offsets.start_offset;
    do {
        bytes.length = 0;
        ReadRequest request = {
            .offset = offset, .bytes_max = READ_BYTES, .at_least_one = true, .level = level};
        status = partition_read(partition, &request, &bytes, &error);
        if (status == OK)
            offset = see_batches(subject, buffer_str(&bytes), offset, is_first);
    } while (status == OK && bytes.length > 0);
    buffer_free(&bytes);
    return is_good(subject, status, &error, "read");
}

/* All that was acknowledged, whole and in its place has been read. */
static void check_nothing_lost(const Subject *subject)
{
    int32_t at = 0;
    for (int32_t i = 0; i < subject->known_count; i++) {
        const Known *known = &subject->known[i];
        if (known->from < subject->mark.start_offset || known->end > subject->mark.durable_end ||
            known->from >= known->stop)
            continue;
        while (at < subject->range_count && subject->ranges[at].end <= known->from)
            at++;
        bool is_there = at < subject->range_count && subject->ranges[at].from <= known->from;
        if (!is_there)
            fprintf(stderr, "offset %lld is not read\n", (long long)known->from);
        assert(is_there || subject->range_count == KNOWN_MAX);
    }
}

static void ask(Subject *subject, Partition *partition)
{
    static const int64_t times_ms[] = {INT64_MIN, -1, 0, 1704067200050, INT64_MAX};
    Error error = {0};
    List list = {0};
    for (size_t i = 0; i < sizeof times_ms / sizeof times_ms[0]; i++) {
        int64_t offset, found_ms;
        Status status = partition_find_time(partition, times_ms[i], &offset, &found_ms, &error);
        if (!is_good(subject, status, &error, "find a time"))
            return;
    }
    partition_find_aborted(partition, 0, INT64_MAX, subject->arena, &list);
    partition_list_producers(partition, subject->arena, &list);
}

/* ---- Writing --------------------------------------------------------------------------------- */

static void append_one(Subject *subject, Partition *partition, const TestBatch *batch)
{
    Buffer bytes = {0};
    Appended appended;
    Error error = {0};
    test_batch(&bytes, batch);
    Status status = partition_append(partition, bytes.data, bytes.length, &appended, &error);
    is_good(subject, status, &error, "append");
    buffer_free(&bytes);
}

static void append(Subject *subject, Partition *partition)
{
    Appended appended;
    Error error = {0};
    int64_t now_ms = subject->world->now_us / 1000;
    TestBatch batch = {.records = 2, .timestamp_ms = now_ms, .key = "key 1"};
    append_one(subject, partition, &batch);
    batch.has_producer = batch.is_transactional = true;
    batch.producer_id = 2;
    batch.sequence = partition_next_sequence(partition, 2, 0);
    append_one(subject, partition, &batch);
    Status status = partition_end_transaction(partition, 2, 0, false, &appended, &error);
    is_good(subject, status, &error, "end a transaction");
}

static void tend(Subject *subject, Partition *partition)
{
    Error error = {0};
    is_good(subject, log_flush(subject->log, &error), &error, "flush");
    subject->world->now_us += 7000;
    is_good(subject, partition_compact(partition, &error), &error, "compact");
    subject->world->now_us += 7000;
    is_good(subject, log_tick(subject->log, &error), &error, "tick");
}

/* ---- All of it ------------------------------------------------------------------------------- */

static bool fsck_sees(const Subject *subject)
{
    return subject->report.damaged > 0;
}

static void use(Subject *subject, Partition *partition)
{
    PartitionOffsets before, after;
    if (read_all(subject, partition, READ_WRITTEN, true) && !subject->is_forged)
        check_nothing_lost(subject);
    /* A snapshot of producers that is of another history, with transactions that there are not. */
    if (!subject->is_damaged && !read_all(subject, partition, READ_COMMITTED, true))
        subject->is_forged = true;
    ask(subject, partition);
    partition_offsets(partition, &before);
    append(subject, partition);
    tend(subject, partition);
    read_all(subject, partition, READ_WRITTEN, false);
    partition_offsets(partition, &after);
    assert(after.end_offset >= before.end_offset && after.start_offset >= before.start_offset);
}

/* Each partition that has a folder. */
static void use_all(Subject *subject, bool is_first)
{
    for (int32_t p = 0; p < MODEL_PARTITIONS; p++) {
        const char *name = model_names[p];
        if (disk_find(subject->world->disk, arena_printf(subject->arena, "data/%s", name)) == NULL)
            continue;
        PartitionConfig config = model_config(p);
        Partition *partition;
        Error error = {0};
        subject->partition = p;
        if (is_first)
            know_partition(subject);
        Status status = log_partition(subject->log, name, &config, &partition, &error);
        if (!is_good(subject, status, &error, "open a partition"))
            continue;
        if (is_first)
            use(subject, partition);
        else
            read_all(subject, partition, READ_WRITTEN, false);
        partition_release(partition);
    }
}

static bool open_log(Subject *subject)
{
    Error error = {0};
    Status status = log_open(&subject->world->base, "data", &(LogOptions){.open_files_max = 5},
                             &subject->log, &error);
    return is_good(subject, status, &error, "open");
}

static void run(Subject *subject)
{
    Error error = {0};
    keep_files(subject);
    Status status =
        fsck_log(&subject->world->base, "data", subject->arena, &subject->report, &error);
    bool is_read = is_good(subject, status, &error, "fsck");
    same_files(subject);
    subject->is_damaged = false;
    if (!open_log(subject))
        return;
    assert(is_read);
    use_all(subject, true);
    if (subject->is_damaged && !subject->is_forged)
        assert(fsck_sees(subject));
    bool was_damaged = subject->is_damaged;
    is_good(subject, log_close(subject->log, &error), &error, "close");
    if (!open_log(subject))
        abort();
    use_all(subject, false);
    if (!subject->is_forged)
        assert(was_damaged || !subject->is_damaged);
    log_abandon(subject->log);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    log_configure(LOG_OFF, LOG_TEXT, false);
    Subject subject = {.world = sim_world_new(1), .arena = arena_new(0)};
    subject.known = calloc(KNOWN_MAX, sizeof *subject.known);
    subject.ranges = calloc(KNOWN_MAX, sizeof *subject.ranges);
    subject.is_forged = log_pieces_make(str_make((const char *)data, (int64_t)size), subject.world);
    run(&subject);
    free(subject.known);
    free(subject.ranges);
    arena_free(subject.arena);
    sim_world_free(subject.world);
    return 0;
}
