/* Reading from a partition: by offset and by time. */
#include <assert.h>

#include "base/hash.h"
#include "base/memory.h"
#include "log/internal.h"
#include "log/record.h"

/* ---- Where a batch is ------------------------------------------------------------------------ */

/* The last segment whose base is not above the offset. Under the lock. */
static int32_t find_segment(const Partition *partition, int64_t offset)
{
    int32_t low = 0, high = partition->segment_count;
    while (high - low > 1) {
        int32_t middle = low + (high - low) / 2;
        if (partition->segments[middle]->base_offset <= offset)
            low = middle;
        else
            high = middle;
    }
    return low;
}

/* A place of a segment from which to walk, and what of it may be read. */
typedef struct Place {
    Segment *segment; /* held */
    bool is_active;
    int64_t position;     /* -1: not known yet */
    int64_t bytes;        /* of the segment */
    int64_t end_offset;   /* of the segment */
    int64_t next_base;    /* of the next segment, or -1 */
    int64_t limit_offset; /* nothing behind is read */
    int64_t read_end;     /* offset behind what has been read */
    bool is_kept;         /* for what is sent from its file */
} Place;

/* Under the lock. The file is opened now: compaction may put another one under its name. */
static Status place_segment(const Partition *partition, int32_t index, Place *place, Error *error)
{
    Segment *segment = partition->segments[index];
    bool is_active = index + 1 == partition->segment_count;
    TRY(files_borrow(partition->log->files, &segment->reader, FILE_READ, error));
    log_segment_hold(segment);
    place->segment = segment;
    place->is_active = is_active;
    place->position = -1;
    place->bytes = segment->bytes;
    place->end_offset = segment->end_offset;
    place->next_base = is_active ? -1 : partition->segments[index + 1]->base_offset;
    return OK;
}

/* Under the lock. */
static Status place_offset(const Partition *partition, int64_t offset, Place *place, Error *error)
{
    TRY(place_segment(partition, find_segment(partition, offset), place, error));
    const Segment *segment = place->segment;
    for (int32_t i = 0; i < READ_HINTS; i++)
        if (segment->hints[i].offset == offset && segment->hints[i].position > 0)
            place->position = segment->hints[i].position;
    if (place->position < 0 && place->is_active)
        place->position = table_find_offset(&segment->table, offset - segment->base_offset);
    return OK;
}

static void place_remember(Partition *partition, const Place *place, int64_t offset,
                           int64_t position)
{
    pthread_mutex_lock(&partition->lock);
    Segment *segment = place->segment;
    segment->hints[segment->next_hint] = (ReadHint){offset, position};
    segment->next_hint = (segment->next_hint + 1) % READ_HINTS;
    pthread_mutex_unlock(&partition->lock);
}

static void place_leave(Partition *partition, const Place *place)
{
    files_return(partition->log->files, &place->segment->reader);
    pthread_mutex_lock(&partition->lock);
    log_segment_let_go(partition, place->segment);
    pthread_mutex_unlock(&partition->lock);
}

/* Of a sealed segment by its index file, then by walking over headers: to the first batch that ends
 * behind the offset. */
static Status place_find(Partition *partition, int64_t offset, Place *place, Error *error)
{
    Files *files = partition->log->files;
    Segment *segment = place->segment;
    if (place->position < 0) {
        IndexTable table;
        TRY(log_segment_load_table(segment, files, &table, error));
        place->position = table_find_offset(&table, offset - segment->base_offset);
        memory_free(table.entries);
    }
    while (place->position < place->bytes) {
        char head[BATCH_HEADER_BYTES];
        int64_t got;
        BatchHeader header;
        TRY(files_read(files, &segment->reader, place->position, str_make(head, sizeof head), &got,
                       error));
        if (!batch_read_header(str_make(head, got), &header) ||
            !log_segment_is_sealed(segment, place->position, str_make(head, got)))
            return log_segment_fail_damaged(segment, place->position, offset,
                                            "there is no batch where one should be", error);
        if (batch_end_offset(&header) > offset)
            return OK;
        place->position += header.bytes;
    }
    return OK;
}

/* ---- Reading batches ------------------------------------------------------------------------- */

static Status fail_read(const Place *place, int64_t taken, const char *fault, Error *error)
{
    return log_segment_fail_damaged(place->segment, place->position + taken, place->read_end, fault,
                                    error);
}

/* How much of the bytes are whole batches within the limit, which never falls into one; `needed` is
 * the size of the first batch if that is not among them. */
static Status take_whole(Place *place, Str bytes, int64_t *taken, int64_t *needed, Error *error)
{
    *taken = *needed = 0;
    while (bytes.length - *taken >= BATCH_HEADER_BYTES) {
        Str rest = str_make(bytes.data + *taken, bytes.length - *taken);
        BatchHeader header;
        if (!batch_read_header(rest, &header) ||
            !log_segment_is_sealed(place->segment, place->position + *taken, rest) ||
            header.base_offset < place->read_end)
            return fail_read(place, *taken, "there is no batch where one should be", error);
        if (header.base_offset >= place->limit_offset)
            break;
        if (header.bytes > rest.length) {
            *needed = *taken == 0 ? header.bytes : 0;
            break;
        }
        if (batch_end_offset(&header) > place->limit_offset ||
            !batch_is_intact(str_make(rest.data, header.bytes)))
            return fail_read(place, *taken, "the checksum of a batch is wrong", error);
        batch_unseal((char *)rest.data);
        *taken += header.bytes;
        place->read_end = batch_end_offset(&header);
    }
    return OK;
}

/* From the place on, as much as is asked for, or one batch. */
static Status read_place(Partition *partition, Place *place, const ReadRequest *request,
                         Buffer *out, Error *error)
{
    Segment *segment = place->segment;
    int64_t left = place->bytes - place->position;
    int64_t wanted =
        request->bytes_max > BATCH_HEADER_BYTES ? request->bytes_max : BATCH_HEADER_BYTES;
    int64_t taken = 0, needed = 0;
    do {
        wanted = needed > wanted ? needed : wanted;
        wanted = wanted < left ? wanted : left;
        char *into = buffer_reserve(out, wanted);
        int64_t got;
        TRY(files_read(partition->log->files, &segment->reader, place->position,
                       str_make(into, wanted), &got, error));
        TRY(take_whole(place, str_make(into, got), &taken, &needed, error));
        if (needed > left || got < wanted)
            return fail_read(place, 0, "the file ends within a batch", error);
    } while (needed > 0 && request->at_least_one);
    bool is_too_large = taken > request->bytes_max && !request->at_least_one;
    out->length += is_too_large ? 0 : taken;
    return OK;
}

/* ---- Reading in place ------------------------------------------------------------------------ */

/* What is looked at: as much as stays in the processor's cache until it is checked. */
enum { WINDOW_BYTES = 128 * 1024, SPAN_BYTES_MIN = 32 * 1024 };

typedef struct Looking {
    Partition *partition;
    Place *place;
    PartitionRead *out;
    Buffer *window;
    int64_t window_position; /* of its first byte, in the file */
    int64_t ahead_bytes;     /* read at once */
    int64_t now_us;
    int64_t compared_from, compared_to; /* what has to be noted */
} Looking;

static bool is_checked(const Looking *looking, int64_t position, int64_t bytes)
{
    pthread_mutex_lock(&looking->partition->lock);
    bool is = checked_has(&looking->place->segment->checked, position, bytes, looking->now_us);
    pthread_mutex_unlock(&looking->partition->lock);
    return is;
}

static void note_compared(Looking *looking)
{
    pthread_mutex_lock(&looking->partition->lock);
    checked_note(&looking->place->segment->checked, looking->compared_from,
                 looking->compared_to - looking->compared_from, looking->now_us);
    pthread_mutex_unlock(&looking->partition->lock);
    looking->compared_from = looking->compared_to;
}

/* Small batches are noted together. */
static void add_compared(Looking *looking, int64_t position, int64_t bytes)
{
    if (looking->compared_to != position) {
        note_compared(looking);
        looking->compared_from = position;
    }
    looking->compared_to = position + bytes;
}

/* What the window has from the position on, and at least `least` bytes; less where the segment
 * ends. */
static Status look(Looking *looking, int64_t position, int64_t least, Str *out, Error *error)
{
    Buffer *buffer = looking->window;
    int64_t left = looking->place->bytes - position;
    int64_t at = position - looking->window_position;
    if (at < 0 || at > buffer->length || buffer->length - at < (least < left ? least : left)) {
        int64_t wanted = least > looking->ahead_bytes ? least : looking->ahead_bytes;
        wanted = wanted < left ? wanted : left;
        buffer->length = 0;
        char *into = buffer_reserve(buffer, wanted);
        TRY(files_read(looking->partition->log->files, &looking->place->segment->reader, position,
                       str_make(into, wanted), &buffer->length, error));
        looking->window_position = position;
        at = 0;
    }
    *out = str_make(buffer->data + at, buffer->length - at);
    return OK;
}

/* Of a batch that may be larger than the window: whether its checksum is that of its bytes. */
static Status check_batch(Looking *looking, int64_t position, const BatchHeader *header,
                          bool *is_intact, Error *error)
{
    uint32_t checksum = 0;
    int64_t at = position + BATCH_CHECKED_AT, end = position + header->bytes;
    *is_intact = false;
    while (at < end) {
        Str bytes;
        TRY(look(looking, at, 1, &bytes, error));
        if (bytes.length == 0)
            return OK; /* the file is shorter than its segment */
        int64_t length = bytes.length < end - at ? bytes.length : end - at;
        checksum = crc32c(checksum, bytes.data, length);
        at += length;
    }
    *is_intact = checksum == header->checksum;
    if (*is_intact)
        add_compared(looking, position, header->bytes);
    return OK;
}

static void add_span(PartitionRead *out, int64_t position, int64_t bytes)
{
    if (out->span_count == out->span_capacity) {
        out->span_capacity = out->span_capacity == 0 ? 8 : out->span_capacity * 2;
        out->spans = memory_resize(out->spans, (int64_t)sizeof(ReadSpan) * out->span_capacity);
    }
    out->spans[out->span_count++] =
        (ReadSpan){.at = out->bytes.length, .position = position, .bytes = bytes};
    out->span_bytes += bytes;
}

/* The batch at the position: its header, and the rest as a span if it is large. `*size` is 0 if
 * nobody may read it yet, or it is too large for `bytes_left`. */
static Status take_in_place(Looking *looking, int64_t position, int64_t bytes_left, int64_t *size,
                            Error *error)
{
    Place *place = looking->place;
    PartitionRead *out = looking->out;
    int64_t taken = position - place->position;
    Str rest;
    BatchHeader header;
    *size = 0;
    TRY(look(looking, position, BATCH_HEADER_BYTES, &rest, error));
    if (!batch_read_header(rest, &header) ||
        !log_segment_is_sealed(place->segment, position, rest) ||
        header.base_offset < place->read_end)
        return fail_read(place, taken, "there is no batch where one should be", error);
    if (header.base_offset >= place->limit_offset || header.bytes > bytes_left)
        return OK;
    if (header.bytes > place->bytes - position)
        return fail_read(place, taken, "the file ends within a batch", error);
    bool is_span = header.bytes - BATCH_HEADER_BYTES >= SPAN_BYTES_MIN;
    bool is_intact = is_span && is_checked(looking, position, header.bytes);
    int64_t kept = is_span ? BATCH_HEADER_BYTES : header.bytes;
    looking->ahead_bytes = is_intact ? BATCH_HEADER_BYTES : WINDOW_BYTES;
    TRY(look(looking, position, kept, &rest, error));
    int64_t start = out->bytes.length;
    buffer_append(&out->bytes, rest.data, kept < rest.length ? kept : rest.length);
    if (!is_intact)
        TRY(check_batch(looking, position, &header, &is_intact, error));
    if (batch_end_offset(&header) > place->limit_offset || !is_intact)
        return fail_read(place, taken, "the checksum of a batch is wrong", error);
    batch_unseal(out->bytes.data + start);
    if (is_span)
        add_span(out, position + BATCH_HEADER_BYTES, header.bytes - BATCH_HEADER_BYTES);
    place->read_end = batch_end_offset(&header);
    *size = header.bytes;
    return OK;
}

/* From the place on, as read_place. */
static Status read_in_place(Partition *partition, Place *place, const ReadRequest *request,
                            PartitionRead *out, Buffer *window, Error *error)
{
    Looking looking = {.partition = partition,
                       .place = place,
                       .out = out,
                       .window = window,
                       .window_position = -1,
                       .now_us = world_monotonic_us(partition->log->world)};
    int64_t position = place->position, size = 1;
    window->length = 0;
    looking.ahead_bytes =
        is_checked(&looking, position, SPAN_BYTES_MIN) ? BATCH_HEADER_BYTES : WINDOW_BYTES;
    Status status = OK;
    while (status == OK && size > 0 && place->bytes - position >= BATCH_HEADER_BYTES) {
        bool is_any_size = request->at_least_one && position == place->position;
        int64_t left = request->bytes_max - (position - place->position);
        status = take_in_place(&looking, position, is_any_size ? INT64_MAX : left, &size, error);
        position += size;
    }
    note_compared(&looking);
    return status;
}

/* The segment stays while something of it is to be sent. */
static void keep_place(Partition *partition, const Place *place, PartitionRead *out)
{
    assert(place->is_kept);
    partition_hold(partition);
    out->partition = partition;
    out->segment = place->segment;
    out->descriptor = partition->log->world->kind->descriptor(place->segment->reader.file);
}

void partition_read_distrust(PartitionRead *read)
{
    if (read->partition == NULL)
        return;
    pthread_mutex_lock(&read->partition->lock);
    checked_free(&read->segment->checked);
    pthread_mutex_unlock(&read->partition->lock);
}

void partition_read_reset(PartitionRead *read)
{
    if (read->partition != NULL) {
        files_keep_no_more(read->partition->log->files, &read->segment->reader);
        place_leave(read->partition, &(Place){.segment = read->segment});
        partition_release(read->partition);
    }
    read->partition = NULL;
    read->segment = NULL;
    read->bytes.length = 0;
    read->span_count = 0;
    read->span_bytes = 0;
}

void partition_read_free(PartitionRead *read)
{
    partition_read_reset(read);
    buffer_free(&read->bytes);
    memory_free(read->spans);
}

/* ---- Reading --------------------------------------------------------------------------------- */

/* Under the lock: what a reader of that level may see, and where it begins. */
static Status begin_read(Partition *partition, int64_t offset, ReadLevel level, Place *place,
                         Error *error)
{
    TRY(partition_check(partition, error));
    int64_t limit = partition->end_offset;
    if (level != READ_WRITTEN)
        limit = partition_high_watermark(partition);
    if (level == READ_COMMITTED)
        limit = producers_stable_offset(partition->producers, limit, partition->mark.durable_end);
    if (offset < partition->mark.start_offset || offset > partition->end_offset)
        return ERR_NOT_FOUND;
    if (offset >= limit)
        return ERR_END;
    place->limit_offset = limit;
    return place_offset(partition, offset, place, error);
}

/* What was found damaged is not used any more. */
static Status stop_if_damaged(Partition *partition, Status status, const Error *error)
{
    if (status != ERR_CORRUPT)
        return status;
    pthread_mutex_lock(&partition->lock);
    status = partition_stop(partition, error);
    pthread_mutex_unlock(&partition->lock);
    partition_tell(partition);
    return status;
}

/* `window` is NULL: all of it comes into `bytes`. */
static Status read_batches(Partition *partition, const ReadRequest *request, PartitionRead *out,
                           Buffer *window, Error *error)
{
    int64_t offset = request->offset;
    int64_t start = partition_read_length(out), length = 0;
    Error why = {0};
    Status status = OK;
    while (status == OK && length == 0) {
        Place place = {0};
        pthread_mutex_lock(&partition->lock);
        status = begin_read(partition, offset, request->level, &place, &why);
        pthread_mutex_unlock(&partition->lock);
        if (status != OK)
            break;
        place.read_end = place.segment->base_offset;
        status = place_find(partition, offset, &place, &why);
        bool has_some = status == OK && place.position < place.bytes;
        place.is_kept =
            has_some && window != NULL && files_keep(partition->log->files, &place.segment->reader);
        if (place.is_kept)
            status = read_in_place(partition, &place, request, out, window, &why);
        else if (has_some)
            status = read_place(partition, &place, request, &out->bytes, &why);
        length = partition_read_length(out) - start;
        if (status == OK && length > 0)
            place_remember(partition, &place, place.read_end, place.position + length);
        out->end_offset = place.read_end;
        bool has_more = place.position >= place.bytes && place.next_base > offset;
        if (out->span_count > 0) {
            keep_place(partition, &place, out);
        } else {
            if (place.is_kept)
                files_keep_no_more(partition->log->files, &place.segment->reader);
            place_leave(partition, &place);
        }
        if (!has_more)
            break;
        offset = place.next_base; /* compaction took what was before it */
    }
    if (status == ERR_END)
        return OK;
    if (status != OK && error != NULL)
        *error = why;
    return stop_if_damaged(partition, status, &why);
}

Status partition_read(Partition *partition, const ReadRequest *request, Buffer *out, Error *error)
{
    PartitionRead read = {.bytes = *out};
    Status status = read_batches(partition, request, &read, NULL, error);
    *out = read.bytes;
    return status;
}

Status partition_read_in_place(Partition *partition, const ReadRequest *request, PartitionRead *out,
                               Buffer *window, Error *error)
{
    bool is_in_place = partition->log->world->kind->descriptor != NULL;
    Status status = read_batches(partition, request, out, is_in_place ? window : NULL, error);
    if (status != OK)
        partition_read_reset(out);
    return status;
}

/* ---- Time ------------------------------------------------------------------------------------ */

/* Under the lock: the first segment with something as late as that, and a base of at least
 * `from_base`; ERR_END if there is none. */
static Status place_time(const Partition *partition, int64_t timestamp_ms, int64_t from_base,
                         Place *place, Error *error)
{
    TRY(partition_check(partition, error));
    for (int32_t i = 0; i < partition->segment_count; i++) {
        const Segment *segment = partition->segments[i];
        if (segment->max_timestamp_ms < timestamp_ms || segment->bytes == 0 ||
            segment->end_offset <= partition->mark.start_offset || segment->base_offset < from_base)
            continue;
        TRY(place_segment(partition, i, place, error));
        if (place->is_active)
            place->position = table_find_time(&segment->table, timestamp_ms);
        return OK;
    }
    return ERR_END;
}

/* The first record that is neither earlier nor before `from`. */
static Status search_batch(Str batch, const Record *from, int64_t *offset, int64_t *found_ms)
{
    RecordReader reader;
    Buffer scratch = {0};
    Record record;
    bool is_open = record_reader_open(&reader, batch, &scratch);
    while (is_open && *offset == NO_OFFSET && record_read(&reader, &record)) {
        if (record.timestamp_ms < from->timestamp_ms || record.offset < from->offset)
            continue;
        *offset = record.offset;
        *found_ms = record.timestamp_ms;
    }
    bool is_damaged = !is_open || reader.is_damaged;
    buffer_free(&scratch);
    return is_damaged ? ERR_CORRUPT : OK;
}

static Status search_place(Partition *partition, Place *place, const Record *from, int64_t *offset,
                           int64_t *found_ms, Error *error)
{
    Files *files = partition->log->files;
    Segment *segment = place->segment;
    if (place->position < 0) {
        IndexTable table;
        TRY(log_segment_load_table(segment, files, &table, error));
        place->position = table_find_time(&table, from->timestamp_ms);
        memory_free(table.entries);
    }
    BatchCursor cursor;
    cursor_open(&cursor, segment, files, place->position, place->bytes);
    cursor.allows_gaps = true;
    Str batch;
    Status status = OK;
    while (status == OK && *offset == NO_OFFSET &&
           (status = cursor_next(&cursor, &batch, error)) == OK) {
        bool is_candidate = cursor.header.max_timestamp_ms >= from->timestamp_ms &&
                            batch_end_offset(&cursor.header) > from->offset &&
                            !batch_has(&cursor.header, BATCH_IS_CONTROL);
        if (is_candidate && search_batch(batch, from, offset, found_ms) != OK)
            cursor.fault = "the records of a batch are damaged";
        if (cursor.fault != NULL)
            status = ERR_END;
    }
    if (cursor.fault != NULL)
        status = log_segment_fail_damaged(segment, cursor.position, cursor.expected_offset,
                                          cursor.fault, error);
    cursor_close(&cursor);
    return status == ERR_END ? OK : status;
}

Status partition_find_time(Partition *partition, int64_t timestamp_ms, int64_t *offset,
                           int64_t *found_ms, Error *error)
{
    *offset = NO_OFFSET;
    *found_ms = NO_TIMESTAMP;
    Error why = {0};
    Status status = OK;
    int64_t from_base = 0;
    while (status == OK && *offset == NO_OFFSET) {
        Place place = {0};
        pthread_mutex_lock(&partition->lock);
        Record from = {.offset = partition->mark.start_offset, .timestamp_ms = timestamp_ms};
        status = place_time(partition, timestamp_ms, from_base, &place, &why);
        pthread_mutex_unlock(&partition->lock);
        if (status != OK)
            break;
        status = search_place(partition, &place, &from, offset, found_ms, &why);
        from_base = place.segment->base_offset + 1;
        place_leave(partition, &place);
    }
    if (status == ERR_END)
        return OK;
    if (status != OK && error != NULL)
        *error = why;
    return stop_if_damaged(partition, status, &why);
}

/* ---- Transactions ---------------------------------------------------------------------------- */

void partition_find_aborted(Partition *partition, int64_t from, int64_t to, Arena *arena, List *out)
{
    pthread_mutex_lock(&partition->lock);
    const AbortedTransaction *aborted = NULL;
    while ((aborted = producers_next_aborted(partition->producers, from, to, aborted)) != NULL)
        list_append(out, arena, arena_copy(arena, aborted, (int64_t)sizeof *aborted));
    pthread_mutex_unlock(&partition->lock);
}

int64_t partition_aborted_version(Partition *partition)
{
    pthread_mutex_lock(&partition->lock);
    int64_t version = producers_aborted_version(partition->producers);
    pthread_mutex_unlock(&partition->lock);
    return version;
}

bool partition_is_undecided(Partition *partition, int64_t producer_id, int64_t offset)
{
    pthread_mutex_lock(&partition->lock);
    const Producer *producer = producers_find(partition->producers, producer_id);
    bool is_undecided = producer != NULL && producer->transaction_offset != NO_OFFSET &&
                        offset >= producer->transaction_offset;
    pthread_mutex_unlock(&partition->lock);
    return is_undecided;
}

int32_t partition_next_sequence(Partition *partition, int64_t producer_id, int16_t producer_epoch)
{
    pthread_mutex_lock(&partition->lock);
    int32_t sequence = producers_next_sequence(partition->producers, producer_id, producer_epoch);
    pthread_mutex_unlock(&partition->lock);
    return sequence;
}

int32_t partition_first_sequence(Partition *partition, int64_t producer_id)
{
    pthread_mutex_lock(&partition->lock);
    const Producer *producer = producers_find(partition->producers, producer_id);
    /* The oldest that is remembered is the first only as long as all are. */
    bool is_known =
        producer != NULL && producer->batch_count > 0 && producer->batch_count < PRODUCER_BATCHES;
    int32_t sequence = is_known ? producer->batches[0].first_sequence : -1;
    pthread_mutex_unlock(&partition->lock);
    return sequence;
}

void partition_list_producers(Partition *partition, Arena *arena, List *out)
{
    pthread_mutex_lock(&partition->lock);
    const Producer *producer = NULL;
    while ((producer = producers_next(partition->producers, producer)) != NULL)
        list_append(out, arena, arena_copy(arena, producer, (int64_t)sizeof *producer));
    pthread_mutex_unlock(&partition->lock);
}
