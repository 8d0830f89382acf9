/* Retention: what is too old or too much goes, whole segments from the start on. */
#include <assert.h>
#include <inttypes.h>

#include "base/planted.h"
#include "log/internal.h"

static bool is_expired(const Partition *partition, const Segment *segment, int64_t bytes,
                       int64_t now_ms)
{
    const PartitionConfig *config = &partition->config;
    if (segment->end_offset <= partition->mark.start_offset)
        return true;
    if (!config->is_deleted)
        return false;
    bool is_too_old = config->retention_ms >= 0 && segment->bytes > 0 &&
                      now_ms - segment->max_timestamp_ms > config->retention_ms;
    bool is_too_much =
        config->retention_bytes >= 0 && bytes - segment->bytes >= config->retention_bytes;
    return is_too_old || is_too_much;
}

/* How many segments may go. Under the lock. */
static int32_t count_expired(const Partition *partition, int64_t now_ms)
{
    int64_t bytes = 0;
    for (int32_t i = 0; i < partition->segment_count; i++)
        bytes += partition->segments[i]->bytes;
    int32_t count = 0;
    while (count < partition->segment_count &&
           is_expired(partition, partition->segments[count], bytes, now_ms)) {
        bytes -= partition->segments[count]->bytes;
        count++;
    }
    if (planted(PLANTED_LOG_RETENTION_TOO_MUCH) && count > 0 &&
        count + 1 < partition->segment_count)
        count++;
    return count;
}

static void remove_files(Partition *partition, const Segment *segment)
{
    World *world = partition->log->world;
    Status removed = world->kind->remove(world, segment->log_path, NULL);
    removed = world->kind->remove(world, segment->index_path, NULL);
    (void)removed; /* what stays is removed by the next start, being below the start offset */
    partition_remove_snapshot(partition, segment->base_offset);
}

/* Begin a new segment if the last one is to go as well. */
static Status choose_expired(Partition *partition, int32_t *count, Error *error)
{
    TRY(partition_check(partition, error));
    if (partition->is_tended)
        return OK;
    *count = count_expired(partition, log_now_ms(partition->log));
    bool is_all = *count == partition->segment_count;
    if (is_all && partition_active(partition)->bytes == 0) {
        *count -= 1;
        is_all = false;
    }
    if (!is_all)
        return OK;
    /* The lock is given up meanwhile: no compaction may begin. */
    partition->is_tended = true;
    Status status = partition_roll(partition, error);
    partition->is_tended = false;
    pthread_cond_broadcast(&partition->durable_moved);
    return status;
}

Status partition_clean(Partition *partition, Error *error)
{
    int32_t count = 0;
    pthread_mutex_lock(&partition->append_lock);
    pthread_mutex_lock(&partition->lock);
    Status status = choose_expired(partition, &count, error);
    if (status == OK && count > 0) {
        partition->is_tended = true;
        int64_t start_offset = partition->segments[count]->base_offset;
        if (start_offset > partition->mark.start_offset)
            partition->mark.start_offset = start_offset;
    }
    pthread_mutex_unlock(&partition->lock);
    pthread_mutex_unlock(&partition->append_lock);
    if (status != OK || count == 0)
        return status;
    /* The mark first: a segment that is missing above the start would be damage. */
    status = log_write_marks(partition->log, error);
    pthread_mutex_lock(&partition->lock);
    for (; status == OK && count > 0; count--) {
        remove_files(partition, partition->segments[0]);
        partition_drop_segment(partition, 0);
    }
    partition->is_tended = false;
    pthread_cond_broadcast(&partition->durable_moved);
    pthread_mutex_unlock(&partition->lock);
    partition_tell(partition);
    return status;
}

Status partition_delete_before(Partition *partition, int64_t offset, Error *error)
{
    pthread_mutex_lock(&partition->lock);
    Status status = partition_check(partition, error);
    if (status == OK && offset > partition_high_watermark(partition))
        status = ERR_NOT_FOUND;
    else if (status == OK && offset > partition->mark.start_offset)
        partition->mark.start_offset = offset;
    pthread_mutex_unlock(&partition->lock);
    if (status != OK)
        return status;
    partition_tell(partition);
    return log_write_marks(partition->log, error);
}
