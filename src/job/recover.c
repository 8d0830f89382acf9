/* The data folder: one process at a time, one folder per pipeline, the checkpoints in it.
 *
 *     weir-data/lock
 *     weir-data/jobs/PIPELINE/checkpoints/chk-7/MANIFEST, shared/state-7
 *
 * The checkpoints may also be elsewhere (place.h). */
#include "job/internal.h"

#include <stdio.h>

#include "base/log.h"
#include "base/map.h"
#include "job/place.h"
#include "job/replay.h"
#include "state/letterback.h"

enum { TIME_TOLD_US = 60 * 1000 * 1000 };

Status recover_lock_folder(World *world, const char *data_dir, File **lock, Error *error)
{
    TRY(world->kind->make_folder(world, data_dir, error));
    Arena *arena = arena_new(0);
    Status status = world->kind->lock(world, arena_printf(arena, "%s/lock", data_dir), lock, error);
    arena_free(arena);
    if (status != ERR_AGAIN)
        return status;
    status = fail(error, ERR_UNAVAILABLE, "WR4406",
                  "another weir is running with the data folder `%s`", data_dir);
    error->is_retriable = true;
    error_hint(error, "stop it first, or give this one a folder of its own with --data-dir");
    return status;
}

/* ---- Dead letters of a run that has not come to its end ------------------------------------ */

static void recover_notice(void *context, const char *text)
{
    job_notice(context, "%s", text);
}

Status recover_letters(const Snapshot *snapshot, Buffer *out, Error *error)
{
    const StateEntry *entry = snapshot_find(snapshot, STATE_LETTERS, "");
    return entry == NULL ? OK : snapshot_read(snapshot, &entry->rest, out, error);
}

static Status recover_letter_state(const Snapshot *snapshot, Arena *arena, LetterState *out,
                                   Error *error)
{
    Buffer bytes = {0};
    Status status = recover_letters(snapshot, &bytes, error);
    if (status == OK)
        /* One that makes no sense says nothing. */
        (void)deadletters_decode_state(
            str_make(arena_copy(arena, bytes.data, bytes.length), bytes.length), arena, out);
    buffer_free(&bytes);
    return status;
}

static bool source_reads_anew(const Job *job, const PlanTable *table)
{
    switch (job->options.begin.at) {
    case BEGIN_EARLIEST: return true;
    case BEGIN_AT_TIME: return false;
    case BEGIN_AS_DECLARED: break;
    }
    return table->connector->reads_anew == NULL || table->connector->reads_anew(&table->options);
}

/* Letters of a source go where it is read anew, those of anything else where all sources are. */
static bool recover_letters_stay(const void *context, Str name)
{
    const Job *job = context;
    bool are_all_anew = true;
    for (int32_t i = 0; i < job->plan->node_count; i++) {
        const PlanNode *node = job->plan->nodes[i];
        if (node->kind != PLAN_SOURCE)
            continue;
        bool is_anew = source_reads_anew(job, node->source.table);
        if (str_equal(node->source.table->name, name))
            return !is_anew;
        are_all_anew = are_all_anew && is_anew;
    }
    return !are_all_anew;
}

Status recover_return_letters(const DataFolder *data, const char *writer, const Snapshot *snapshot,
                              const Job *begins, const LetterNotice *notice, Error *error)
{
    Arena *arena = arena_new(0);
    LetterState state = {0};
    LetterReturn back = {.folder = arena_printf(arena, "%s/dead-letters", data->path),
                         .writer = str_from(writer),
                         .state = &state,
                         .stays = begins != NULL ? recover_letters_stay : NULL,
                         .stays_context = begins,
                         .notice = *notice};
    Status status = OK;
    if (snapshot == NULL)
        state.knows_all = true; /* that there were none */
    else
        status = recover_letter_state(snapshot, arena, &state, error);
    if (status == OK)
        status = letterback_set_aside(data->world, &back, error);
    arena_free(arena);
    return status;
}

/* How long the files were with the newest checkpoint of the one who wrote them, if that is newer
 * than its mark. */
static Status recover_noted_letters(const DataFolder *folder, const LetterMark *mark, Arena *arena,
                                    LetterState *out, Error *error)
{
    int64_t *ids;
    int32_t count = 0;
    Places places;
    Store *store;
    Snapshot *snapshot = NULL;
    TRY(place_find(folder->world, arena, folder->path, str_terminated(arena, mark->writer), &places,
                   error));
    TRY(store_open(folder->world, places.checkpoints, folder->options, &store, error));
    Status status = snapshot_list(store, arena, &ids, &count, error);
    if (status == OK && count > 0 && ids[0] > mark->checkpoint)
        status = snapshot_open_id(store, ids[0], &snapshot, error);
    if (status == OK && snapshot != NULL)
        status = recover_letter_state(snapshot, arena, out, error);
    snapshot_close(snapshot);
    store_close(store);
    return status;
}

Status recover_settle_letters(const DataFolder *data, const LetterNotice *notice, Error *error)
{
    World *world = data->world;
    Arena *arena = arena_new(0);
    const char *folder = arena_printf(arena, "%s/dead-letters", data->path);
    LetterMark *mark;
    LetterState noted = {0};
    Status status = lettermark_read(world, folder, arena, &mark, error);
    if (status == OK && mark != NULL) {
        status = recover_noted_letters(data, mark, arena, &noted, error);
        if (snapshot_cannot_be_read(status)) {
            /* Not to be resumed from: what it has set aside stays. */
            notice->say(notice->context,
                        arena_printf(arena, "%s: its dead letters may stand twice", error->text));
            status = lettermark_remove(world, folder, error);
        } else if (status == OK) {
            status = lettermark_settle(world, folder, mark, &noted.lengths, notice, error);
        }
    }
    arena_free(arena);
    return status;
}

/* What was given back to a pipeline that starts over comes again with all of its input. */
static Status recover_replays(Job *job, const char *writer, Error *error)
{
    const char *data_dir = job->options.data_dir;
    job->has_replays = replay_is_there(job->world, data_dir, writer);
    if (!job->has_replays)
        return OK;
    if (job->restored != NULL)
        return replay_finish(job->world, data_dir, writer, error);
    job->has_replays = false;
    return replay_forget(job->world, data_dir, writer, error);
}

static Status recover_discard(Job *job, const int64_t *ids, int32_t count, Error *error)
{
    for (int32_t i = count - 1; i >= 0; i--)
        TRY(snapshot_discard(job->store, ids[i], error));
    if (count > 0)
        job_notice(job,
                   "started over (--fresh): discarded checkpoint %lld of pipeline `%s`, with its "
                   "source positions and state",
                   (long long)ids[0], job->pipeline);
    return OK;
}

/* The newest checkpoint, and no other: sinks have committed what belongs to it, and would do so
 * again with an older one. */
static Status recover_newest(Job *job, const int64_t *ids, int32_t count, Error *error)
{
    if (count == 0)
        return OK;
    TRY(snapshot_open_id(job->store, ids[0], &job->restored, error));
    job->kept_checkpoint = ids[0];
    job->was_over = job->restored->head.is_over;
    return OK;
}

/* Where the user says. */
static Status recover_from_path(Job *job, Error *error)
{
    const char *path = job->plan->settings.recovery_path;
    TRY(snapshot_open_at(job->world, path, &job->plan->settings.store, &job->restored, error));
    if (job->restored->head.id > job->last_checkpoint)
        job->last_checkpoint = job->restored->head.id;
    job_notice(job, "starts from `%s`", path);
    return OK;
}

/* Whether an earlier run has left checkpoints in a place that this one does not use. A bucket is
 * not asked: to have noted it is enough. */
static Status recover_has_others(Job *job, const char *place, bool *out, Error *error)
{
    *out = strcmp(place, job->checkpoints) != 0;
    if (!*out || store_location_is_bucket(place))
        return OK;
    int64_t *ids;
    int32_t count = 0;
    Store *store;
    TRY(store_open(job->world, place, NULL, &store, error));
    Status status = snapshot_list(store, job->arena, &ids, &count, error);
    store_close(store);
    *out = count > 0;
    return status;
}

/* The newest checkpoint is elsewhere: to go on from an older one, or from none, would do again what
 * was committed since. */
static Status fail_elsewhere(const Job *job, const char *place, Error *error)
{
    Status status =
        fail(error, ERR_INVALID, "WR4416",
             "the run before kept its checkpoints in `%s`, and this one would keep them in `%s`",
             place, job->checkpoints);
    error_hint(error,
               "give --checkpoint-dir or execution.checkpointing.dir as before; to move, take a "
               "savepoint and start with --fresh -D execution.state-recovery.path=SAVEPOINT; "
               "or start over with --fresh");
    return status;
}

/* A pipeline that has got another name, or none of the folder's: people should know. */
static void notice_others(Job *job, const char *folder)
{
    World *world = job->world;
    List names = {0};
    const char *jobs = arena_printf(job->arena, "%s/jobs", job->options.data_dir);
    if (world->kind->list(world, jobs, job->arena, &names, NULL) != OK)
        return;
    Buffer others = {0};
    for (int32_t i = 0; i < names.count; i++) {
        const char *name = LIST_AT(names, i, const char);
        if (strcmp(name, folder) != 0)
            buffer_printf(&others, "%s`%s`", others.length > 0 ? ", " : "", name);
    }
    if (others.length > 0)
        job_notice(job, "`%s` starts at the beginning: what can be resumed in `%s` is of %s",
                   job->pipeline, job->options.data_dir, buffer_terminated(&others));
    buffer_free(&others);
}

/* Where this run keeps its checkpoints, for the next one and for commands without a script. */
static Status recover_note_place(Job *job, const char *folder, bool is_told, Error *error)
{
    const char *data_dir = job->options.data_dir;
    Places last;
    Places places = {.checkpoints = job->checkpoints,
                     .savepoints = job->plan->settings.savepoint_dir};
    bool has_others = false;
    TRY(place_find(job->world, job->arena, data_dir, folder, &last, error));
    if (!is_told)
        TRY(recover_has_others(job, last.checkpoints, &has_others, error));
    if (has_others)
        return fail_elsewhere(job, last.checkpoints, error);
    if (job->restored == NULL && !is_told && !job->was_over)
        notice_others(job, folder);
    return place_note(job->world, data_dir, folder, &places, error);
}

/* Whether the run before had come to its end, but not to its exit. If there is a checkpoint, that
 * is newer: somebody has put it there. */
static Status recover_read_end(Job *job, bool has_checkpoint, Error *error)
{
    World *world = job->world;
    FileInfo info;
    const char *data_dir = job->options.data_dir;
    const char *note =
        place_of_end(job->arena, data_dir, place_folder_name(job->arena, job->pipeline));
    Status status = world->kind->stat(world, note, &info, error);
    if (status != OK)
        return status == ERR_NOT_FOUND ? OK : status;
    job->was_over = job->was_over || (!has_checkpoint && !job->options.is_fresh);
    job->has_noted_end = job->was_over;
    if (job->was_over)
        return OK;
    TRY(world->kind->remove(world, note, error));
    return world->kind->sync_folder(world, data_dir, error);
}

/* The data folder, and the one that it is part of, where that is not another job's. */
static Status recover_lock(Job *job, Error *error)
{
    const JobOptions *options = &job->options;
    Job *beside = options->beside;
    if (beside != NULL && strcmp(beside->options.data_dir, options->data_dir) == 0) {
        job->lock = beside->lock;
        beside->lock = NULL;
        return OK;
    }
    if (beside == NULL && options->home != NULL)
        TRY(recover_lock_folder(job->world, options->home, &job->home_lock, error));
    return recover_lock_folder(job->world, options->data_dir, &job->lock, error);
}

Status recover_open(Job *job, Error *error)
{
    const PlanSettings *settings = &job->plan->settings;
    const char *path = settings->recovery_path;
    const char *writer = place_folder_name(job->arena, job->pipeline);
    TRY(recover_lock(job, error));
    job->sink_notes = place_of_sinks(job->arena, job->options.data_dir, writer);
    job->checkpoints =
        place_of_checkpoints(job->arena, job->options.data_dir, settings->checkpoint_dir, writer);
    int64_t *ids;
    int32_t count;
    TRY(store_open(job->world, job->checkpoints, &settings->store, &job->store, error));
    bool is_shared = settings->checkpoint_dir != NULL && settings->checkpoint_dir[0] != '\0';
    if (is_shared)
        TRY(lease_take(job->world, job->store, &job->lease, error));
    TRY(snapshot_list(job->store, job->arena, &ids, &count, error));
    if (count == 0 && !job->options.is_fresh && (path == NULL || path[0] == '\0'))
        TRY(snapshot_check_found(job->store, error));
    else if (count == 0) /* perhaps because manifests are lost: that is history now */
        TRY(snapshot_last_made(job->store, &job->last_checkpoint, error));
    TRY(snapshot_sweep(job->store, error));
    if (count > 0)
        job->last_checkpoint = ids[0];
    /* A run that is started again goes on from its own. */
    bool is_beginning = job->options.is_fresh || count == 0;
    if (!is_beginning)
        TRY(recover_newest(job, ids, count, error));
    TRY(recover_read_end(job, count > 0, error));
    is_beginning = is_beginning && !job->was_over;
    if (is_beginning && path != NULL && path[0] != '\0')
        TRY(recover_from_path(job, error));
    if (is_shared)
        job->last_checkpoint += LEASE_GAP;
    if (is_beginning && job->last_checkpoint > 0)
        TRY(snapshot_note_beginning(job->store, job->last_checkpoint, error));
    LetterNotice notice = {recover_notice, job};
    DataFolder data = {job->world, job->options.data_dir, &settings->store};
    TRY(recover_settle_letters(&data, &notice, error));
    bool is_told = job->options.is_fresh || (is_beginning && job->restored != NULL);
    if (is_told)
        TRY(recover_return_letters(&data, writer, job->restored, job->restored == NULL ? job : NULL,
                                   &notice, error));
    TRY(recover_note_place(job, writer, is_told, error));
    TRY(recover_replays(job, writer, error));
    /* What it starts from may be one of them: they go as newer ones come. */
    if (job->options.is_fresh && job->restored == NULL)
        TRY(recover_discard(job, ids, count, error));
    Buffer letters = {0};
    bool goes_on = !is_beginning && job->restored != NULL;
    Status status = goes_on ? recover_letters(job->restored, &letters, error) : OK;
    if (status == OK)
        status = deadletters_begin(job->dead_letters, writer, job->last_checkpoint,
                                   buffer_str(&letters), error);
    buffer_free(&letters);
    return status;
}

/* ---- What fits --------------------------------------------------------------------------- */

const PlanNode *recover_node_of(const Plan *plan, const StateEntry *entry)
{
    for (int32_t i = 0; i < plan->node_count; i++) {
        const PlanNode *node = plan->nodes[i];
        bool is_source = node->input_count == 0;
        bool is_sink = node->kind == PLAN_SINK;
        if (plan_uid_takes(node->uid, entry->uid) && is_source == (entry->role == STATE_SOURCE) &&
            is_sink == (entry->role == STATE_SINK))
            return node;
    }
    return NULL;
}

const char *recover_zone_of(const Plan *plan, const StateEntry *entry)
{
    const char *zone = plan_uid_zone(entry->uid);
    for (int32_t i = 0; zone != NULL && i < plan->node_count; i++)
        if (plan_uid_is_same_but_zone(plan->nodes[i]->uid, entry->uid))
            return zone;
    return NULL;
}

/* The labels of entries without an operator, each once: an operator has many of them, and others
 * may have the same label. `zone` if only that is another: the one they began in. */
static int32_t recover_find_lost(const Job *job, Buffer *names, const char **zone)
{
    int32_t count = 0;
    Map *named = map_new(job->arena);
    for (int32_t i = 0; i < job->restored->entry_count; i++) {
        const StateEntry *entry = &job->restored->entries[i];
        if (entry->role == STATE_LETTERS || recover_node_of(job->plan, entry) != NULL ||
            map_find(named, str_from(entry->label)) != NULL)
            continue;
        map_put(named, str_from(entry->label), named);
        const char *began_in = recover_zone_of(job->plan, entry);
        *zone = began_in != NULL ? began_in : *zone;
        buffer_printf(names, "%s`%s`", count++ > 0 ? ", " : "", entry->label);
    }
    return count;
}

static bool recover_takes_replay(const Job *job, const char *folder)
{
    for (int32_t i = 0; i < job->plan->node_count; i++) {
        const PlanNode *node = job->plan->nodes[i];
        if (node->kind != PLAN_SOURCE)
            continue;
        const PlanTable *table = node->source.table;
        Str file = str_from(deadletters_file_name(job->arena, table->name));
        file.length -= (int64_t)strlen(".jsonl");
        if (str_is(file, folder) && strcmp(table->connector->name, "filesystem") == 0 &&
            table->partition_count == 0)
            return true;
    }
    return false;
}

/* Say which records wait in vain that were given back. */
static void recover_check_replays(Job *job)
{
    List tables = {0};
    const char *root = arena_printf(job->arena, "%s/dead-letters/replay/%s", job->options.data_dir,
                                    place_folder_name(job->arena, job->pipeline));
    if (!job->has_replays ||
        job->world->kind->list(job->world, root, job->arena, &tables, NULL) != OK)
        return;
    for (int32_t i = 0; i < tables.count; i++) {
        const char *table = LIST_AT(tables, i, const char);
        if (!recover_takes_replay(job, table))
            job_notice(job,
                       "the records of `%s` that were given back wait: the pipeline has no such "
                       "source that could read them",
                       table);
    }
}

/* `zone`: see recover_find_lost. */
static Status fail_lost(const Job *job, const char *lost, const char *zone, Error *error)
{
    Status status = fail(error, ERR_LOST, "WR4407",
                         "checkpoint %lld holds the state of %s, which the pipeline no longer has",
                         (long long)job->restored->head.id, lost);
    Str now = timezone_name(job->plan->settings.zone);
    if (zone != NULL)
        error_hint(error,
                   "that state was begun with table.local-time-zone = %s, now it is %.*s; set it "
                   "back, go on without the state with --allow-state-loss, or start over with "
                   "--fresh",
                   zone, STR_ARGS(now));
    else
        error_hint(error, "go on without it with --allow-state-loss, or start over with --fresh");
    return status;
}

/* The run goes on in a time that is not that of the clock: for years, if the clock was wrong by
 * years when the pipeline began. */
static void notice_time(Job *job)
{
    int64_t then_us = job->restored->head.time_us, now_us = world_clock_us(job->world);
    if (then_us - now_us < TIME_TOLD_US)
        return;
    Buffer text = {0};
    buffer_append_text(&text, "the checkpoint was taken at ");
    timestamp_print(&text, then_us, 0, ' ');
    buffer_append_text(&text, " UTC, and the clock of the machine says ");
    timestamp_print(&text, now_us, 0, ' ');
    job_notice(job,
               "%s: if the clock is wrong now, stop and set it; if it was wrong then, PROCTIME and "
               "times to live go on from there until the clock has caught up, and only --fresh, "
               "which drops the state, brings them back",
               buffer_terminated(&text));
    buffer_free(&text);
}

Status recover_check(Job *job, Error *error)
{
    if (job->restored == NULL || job->was_over)
        return OK;
    recover_check_replays(job);
    Buffer names = {0};
    Status status = OK;
    const char *zone = NULL;
    if (recover_find_lost(job, &names, &zone) > 0) {
        const char *lost = buffer_terminated(&names);
        if (job->options.allows_state_loss || job->plan->settings.ignores_unclaimed_state) {
            job_notice(job, "dropped the state of %s: the pipeline no longer has them", lost);
        } else {
            status = fail_lost(job, lost, zone, error);
        }
    }
    buffer_free(&names);
    TRY(status);
    job_notice(job, "resumed from checkpoint %lld", (long long)job->restored->head.id);
    notice_time(job);
    world_not_before(job->world, job->restored->head.time_us);
    for (int32_t i = 0; i < job->plan->node_count; i++) {
        const PlanNode *node = job->plan->nodes[i];
        if (node->kind == PLAN_SOURCE &&
            snapshot_find(job->restored, STATE_SOURCE, node->uid) == NULL)
            job_notice(job, "%s is new and starts from its beginning", node->label);
    }
    return OK;
}

/* ---- Failing ----------------------------------------------------------------------------- */

static bool recover_is_gone(const Job *job, const char *path)
{
    FileInfo info;
    return job->world->kind->stat(job->world, path, &info, NULL) == ERR_NOT_FOUND;
}

Status recover_explain(Job *job, Status status, Error *error)
{
    const char *data_dir = job->options.data_dir, *elsewhere = job->plan->settings.checkpoint_dir;
    bool is_elsewhere = elsewhere != NULL && elsewhere[0] != '\0';
    if (job->lock == NULL)
        return status;
    /* It may be just going. */
    bool is_gone = recover_is_gone(job, arena_printf(job->arena, "%s/lock", data_dir)) ||
                   (!is_elsewhere && job->kept_checkpoint > 0 &&
                    recover_is_gone(job, arena_printf(job->arena, "%s/shared", job->checkpoints)));
    if (!is_gone)
        return status;
    log_event(LOG_ERROR, "job", "%s", error->text);
    status = fail(error, ERR_IO, "WR4417",
                  "the data folder `%s` was removed or emptied while the pipeline was running",
                  data_dir);
    if (is_elsewhere) {
        error_hint(error, "the checkpoints in `%s` are not in it: the next run resumes from them",
                   job->checkpoints);
        return status;
    }
    job->kept_checkpoint = 0;
    error_hint(error, "put it back from a copy, or the next run starts at the beginning");
    return status;
}

/* ---- Leaving ----------------------------------------------------------------------------- */

/* The note, and the empty folders; one that holds something else stays. */
static Status recover_clean_folders(Job *job, Error *error)
{
    const char *data_dir = job->options.data_dir;
    const char *folder = place_folder_name(job->arena, job->pipeline);
    const char *usual = place_of_checkpoints(job->arena, data_dir, NULL, folder);
    Places places = {.checkpoints = usual};
    TRY(place_note(job->world, data_dir, folder, &places, error));
    char *path = arena_printf(job->arena, "%s", usual);
    for (int32_t i = 0; i < 3; i++) {
        Status ignored = job->world->kind->remove(job->world, path, NULL);
        (void)ignored;
        char *slash = strrchr(path, '/');
        assert(slash != NULL);
        *slash = '\0';
    }
    return OK;
}

/* To remove the checkpoints and to give all memory back takes a while. */
static Status recover_note_end(Job *job, Error *error)
{
    const char *note = place_of_end(job->arena, job->options.data_dir,
                                    place_folder_name(job->arena, job->pipeline));
    TRY(world_replace_file(job->world, note, STR("over\n"), error));
    job->has_noted_end = true;
    return OK;
}

/* Without a sync, which takes longer than all else: what a power cut brings back ends the next run,
 * which says why. */
void recover_leave(Job *job)
{
    Error error = {0};
    if (!job->has_noted_end || !job->is_cleaned)
        return;
    const char *note = place_of_end(job->arena, job->options.data_dir,
                                    place_folder_name(job->arena, job->pipeline));
    if (job->world->kind->remove(job->world, note, &error) != OK)
        log_event(LOG_WARN, "job", "%s: so the next run will say that this one is over, and end",
                  error.text);
}

Status recover_clean(Job *job, Error *error)
{
    int64_t *ids;
    int32_t count;
    TRY(deadletters_settle(job->dead_letters, error));
    if (job->has_replays)
        TRY(replay_forget(job->world, job->options.data_dir,
                          place_folder_name(job->arena, job->pipeline), error));
    TRY(lease_check(job->store, &job->lease, error));
    TRY(snapshot_list(job->store, job->arena, &ids, &count, error));
    if (count > 0) {
        /* Whoever is started from now on has only this to end. */
        int64_t last = ids[0];
        if (!job->was_over) {
            last = ids[0] + 1;
            TRY(snapshot_write_over(job->store, last, error));
        }
        TRY(recover_note_end(job, error));
        TRY(snapshot_remove_all(job->store, last, error));
        job->kept_checkpoint = 0;
    }
    TRY(lease_give_up(job->store, &job->lease, error));
    TRY(recover_clean_folders(job, error));
    job->is_cleaned = true;
    return OK;
}

void recover_take_over(Job *job)
{
    Job *old = job->options.beside;
    bool was_home = old->options.home == NULL;
    if (job->options.home == NULL)
        return;
    job->home_lock = was_home ? old->lock : old->home_lock;
    if (was_home)
        old->lock = NULL;
    else
        old->home_lock = NULL;
}

static void recover_unlock(Job *job, File **lock)
{
    if (*lock == NULL)
        return;
    Status ignored = job->world->kind->close(*lock, NULL);
    (void)ignored;
    *lock = NULL;
}

void recover_close(Job *job)
{
    recover_unlock(job, &job->lock);
    recover_unlock(job, &job->home_lock);
}
