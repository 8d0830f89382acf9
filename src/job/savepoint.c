/* Copies of checkpoints, and what is in them. */
#include "job/savepoint.h"

#include <assert.h>
#include <string.h>

#include "base/log.h"
#include "exec/exec.h"
#include "job/internal.h"
#include "job/place.h"

enum { LOOK_US = 50 * 1000, LOOK_BUCKET_US = 500 * 1000, RETRIES = 5, LEVELS_LOOKED_AT = 4 };

/* Whose checkpoints, and where. */
typedef struct Found {
    const char *folder;   /* the pipeline's name, made fit for one */
    const char *data_dir; /* of the one in charge */
    Places places;
} Found;

static Status fail_several(const SavepointJob *job, const List *names, Error *error)
{
    Buffer all = {0};
    for (int32_t i = 0; i < names->count; i++)
        buffer_printf(&all, "%s`%s`", i > 0 ? ", " : "", LIST_AT(*names, i, const char));
    Status status =
        fail(error, ERR_INVALID, "WR4409", "`%s` has checkpoints of several pipelines: %s",
             job->data_dir, buffer_terminated(&all));
    buffer_free(&all);
    error_hint(error, "say which one with --pipeline");
    return status;
}

/* Of pipelines that took each other's place, the one that is in charge; each name once. */
static Status savepoint_leave_in_charge(const SavepointJob *job, Arena *arena, List *names,
                                        Error *error)
{
    List left = {0};
    for (int32_t i = 0; i < names->count; i++) {
        Charge charge;
        TRY(place_in_charge(job->world, arena, job->data_dir, LIST_AT(*names, i, const char),
                            &charge, error));
        bool is_there = false;
        for (int32_t k = 0; k < left.count; k++)
            is_there = is_there || strcmp(LIST_AT(left, k, const char), charge.pipeline) == 0;
        if (!is_there)
            list_append(&left, arena, (void *)charge.pipeline);
    }
    *names = left;
    return OK;
}

/* The folder's only pipeline, or the one that is named. */
static Status savepoint_folder(const SavepointJob *job, Arena *arena, const char **folder,
                               Error *error)
{
    World *world = job->world;
    if (job->pipeline != NULL) {
        *folder = place_folder_name(arena, job->pipeline);
        return OK;
    }
    const char *jobs = arena_printf(arena, "%s/jobs", job->data_dir);
    List names = {0};
    Status status = world->kind->list(world, jobs, arena, &names, error);
    if (status == ERR_NOT_FOUND || (status == OK && names.count == 0)) {
        status =
            fail(error, ERR_NOT_FOUND, "WR4408", "there is no checkpoint in `%s`", job->data_dir);
        error_hint(error, "--data-dir names the folder that the pipeline ran with; where that is "
                          "not at hand, --pipeline and --checkpoint-dir do");
        return status;
    }
    TRY(status);
    TRY(savepoint_leave_in_charge(job, arena, &names, error));
    if (names.count > 1)
        return fail_several(job, &names, error);
    *folder = LIST_AT(names, 0, const char);
    return OK;
}

static bool is_given(const char *text)
{
    return text != NULL && text[0] != '\0';
}

static Status savepoint_find(const SavepointJob *job, Arena *arena, Found *out, Error *error)
{
    const char *folder = "";
    Charge charge;
    TRY(savepoint_folder(job, arena, &folder, error));
    TRY(place_in_charge(job->world, arena, job->data_dir,
                        job->pipeline != NULL ? job->pipeline : folder, &charge, error));
    bool is_moved = charge.is_replaced || charge.is_deployed;
    out->folder = is_moved ? place_folder_name(arena, charge.pipeline) : folder;
    out->data_dir = charge.data_dir;
    TRY(place_find(job->world, arena, out->data_dir, out->folder, &out->places, error));
    if (is_given(job->checkpoint_dir))
        out->places.checkpoints =
            place_of_checkpoints(arena, out->data_dir, job->checkpoint_dir, out->folder);
    if (is_given(job->savepoint_dir))
        out->places.savepoints = job->savepoint_dir;
    return OK;
}

/* 0: none. */
static Status store_newest(Store *store, int64_t *id, Error *error)
{
    Arena *arena = arena_new(0);
    int64_t *ids;
    int32_t count;
    Status status = snapshot_list(store, arena, &ids, &count, error);
    *id = status == OK && count > 0 ? ids[0] : 0;
    arena_free(arena);
    return status;
}

static Status fail_no_checkpoint(const char *folder, Error *error)
{
    return fail(error, ERR_NOT_FOUND, "WR4408", "there is no checkpoint in `%s`", folder);
}

Status savepoint_is_running(World *world, const char *data_dir, bool *out, Error *error)
{
    Arena *arena = arena_new(0);
    const char *path = arena_printf(arena, "%s/lock", data_dir);
    File *lock = NULL;
    FileInfo info;
    *out = false;
    Status status = world->kind->stat(world, path, &info, error);
    if (status == OK)
        status = world->kind->lock(world, path, &lock, error);
    *out = status == ERR_AGAIN;
    if (status == OK)
        status = world->kind->close(lock, error);
    arena_free(arena);
    return *out || status == ERR_NOT_FOUND ? OK : status;
}

/* A bucket takes its time, and money, for each look. */
static int64_t look_interval_us(const Found *found)
{
    return store_location_is_bucket(found->places.checkpoints) ? LOOK_BUCKET_US : LOOK_US;
}

static Status found_newest(const SavepointJob *job, const Found *found, int64_t *id, Error *error)
{
    Store *store;
    TRY(store_open(job->world, found->places.checkpoints, job->store, &store, error));
    Status status = store_newest(store, id, error);
    store_close(store);
    return status;
}

/* What was found, once there is a checkpoint that was not there before, or if nothing runs. */
static Status savepoint_await_next(const SavepointJob *job, Arena *arena, int64_t timeout_us,
                                   Found *found, Error *error)
{
    World *world = job->world;
    int64_t first = -1;
    int64_t until_us = world_monotonic_us(world) + timeout_us;
    do {
        bool is_running;
        int64_t newest = 0;
        TRY(savepoint_is_running(world, job->data_dir, &is_running, error));
        Status status = savepoint_find(job, arena, found, error);
        if (status == OK)
            TRY(found_newest(job, found, &newest, error));
        if (!is_running || (status != OK && status != ERR_NOT_FOUND))
            return status;
        if (first >= 0 && newest > first)
            return OK;
        if (first < 0)
            first = newest;
        world->kind->sleep_us(world, status == OK ? look_interval_us(found) : LOOK_US);
    } while (world_monotonic_us(world) < until_us);
    Status status =
        fail(error, ERR_UNAVAILABLE, "WR4410", "the job took no checkpoint within %lld seconds",
             (long long)(timeout_us / MICROS_PER_SECOND));
    error_hint(error, "wait longer with --timeout, or copy the last one with --latest; see "
                      "execution.checkpointing.interval");
    return status;
}

/* What is done with the newest checkpoint; ERR_CORRUPT: it could not be read. */
typedef Status (*SnapshotUse)(void *context, const Snapshot *snapshot, Error *error);

static Status savepoint_use(Store *store, int64_t id, SnapshotUse use, void *context, Error *error)
{
    Snapshot *snapshot = NULL;
    TRY(snapshot_open_id(store, id, &snapshot, error));
    Status status = use(context, snapshot, error);
    snapshot_close(snapshot);
    return status;
}

/* The job may remove a checkpoint while it is read: then there is a newer one. */
static Status savepoint_use_newest(const SavepointJob *job, const Found *found, SnapshotUse use,
                                   void *context, Error *error)
{
    World *world = job->world;
    Store *store;
    TRY(store_open(world, found->places.checkpoints, job->store, &store, error));
    int64_t id, last = 0;
    Status status;
    for (int32_t i = 0;; i++) {
        status = store_newest(store, &id, error);
        if (status == OK && id == 0)
            status = fail_no_checkpoint(found->places.checkpoints, error);
        else if (status == OK)
            status = savepoint_use(store, id, use, context, error);
        if (status != ERR_CORRUPT || id == last || i == RETRIES)
            break;
        last = id;
        world->kind->sleep_us(world, look_interval_us(found));
    }
    store_close(store);
    return status;
}

/* A place that is to become a savepoint, and which one it is then. */
typedef struct SavepointCopy {
    Store *store;
    int64_t id;
} SavepointCopy;

static Status copy_snapshot(void *context, const Snapshot *snapshot, Error *error)
{
    SavepointCopy *copy = context;
    copy->id = snapshot->head.id;
    return snapshot_copy(snapshot, copy->store, "", snapshot->head.id, error);
}

/* A location without its last part; without length when there is no folder above. */
static Str location_parent(Str location)
{
    while (location.length > 0 && location.data[location.length - 1] == '/')
        location.length--;
    while (location.length > 0 && location.data[location.length - 1] != '/')
        location.length--;
    while (location.length > 1 && location.data[location.length - 1] == '/')
        location.length--;
    return location;
}

/* A folder of checkpoints is weir's to tidy up, and `--fresh` empties it: what is to be kept must
 * not lie in one, whoever's. */
static Status savepoint_check_place(const SavepointJob *job, const char *path, Error *error)
{
    Status status = OK;
    Arena *arena = arena_new(0);
    Str above = location_parent(str_from(path));
    for (int32_t level = 0; status == OK && above.length > 0 && level < LEVELS_LOOKED_AT; level++) {
        const char *location = str_terminated(arena, above);
        int64_t newest = 0;
        Store *store;
        Error unseen; /* what may not be looked into is not ours */
        if (store_open(job->world, location, job->store, &store, &unseen) != OK)
            break;
        if (store_newest(store, &newest, &unseen) == OK && newest > 0) {
            status =
                fail(error, ERR_INVALID, "WR4414",
                     "`%s` lies in `%s`, where a pipeline keeps its checkpoints", path, location);
            error_hint(error, "give a savepoint a place of its own: `--fresh` empties that folder");
        }
        store_close(store);
        above = location_parent(above);
    }
    arena_free(arena);
    return status;
}

static Status savepoint_copy(const SavepointJob *job, Arena *arena, const Found *found,
                             Savepoint *out, Error *error)
{
    SavepointCopy copy = {0};
    List names = {0};
    TRY(savepoint_check_place(job, out->path, error));
    TRY(store_open(job->world, out->path, job->store, &copy.store, error));
    Status status = store_list(copy.store, "", arena, &names, error);
    if (status == OK && names.count > 0)
        status = fail(error, ERR_INVALID, "WR4411", "`%s` is there already", out->path);
    if (status == OK)
        status = savepoint_use_newest(job, found, copy_snapshot, &copy, error);
    store_close(copy.store);
    out->id = copy.id;
    return status;
}

/* In the folder of savepoints, by pipeline and time. */
static Status savepoint_new_path(const SavepointJob *job, Arena *arena, const Found *found,
                                 const char **path, Error *error)
{
    const char *dir = found->places.savepoints;
    if (dir == NULL) {
        Status status = fail(error, ERR_INVALID, "WR4413", "nobody says where savepoints go");
        error_hint(error, "name a place behind `weir savepoint`, or set "
                          "execution.checkpointing.savepoint-dir");
        return status;
    }
    bool has_slash = str_has_suffix(str_from(dir), STR("/"));
    *path = arena_printf(arena, "%s%ssavepoint-%s-%lld", dir, has_slash ? "" : "/", found->folder,
                         (long long)(world_now_us(job->world) / MICROS_PER_SECOND));
    return OK;
}

Status savepoint_take(const SavepointJob *job, const char *path, int64_t timeout_us, Arena *arena,
                      Savepoint *out, Error *error)
{
    Found found = {0};
    *out = (Savepoint){.path = path};
    if (timeout_us > 0)
        TRY(savepoint_await_next(job, arena, timeout_us, &found, error));
    else
        TRY(savepoint_find(job, arena, &found, error));
    if (path == NULL)
        TRY(savepoint_new_path(job, arena, &found, &out->path, error));
    return savepoint_copy(job, arena, &found, out, error);
}

/* ---- Back ---------------------------------------------------------------------------------- */

static void savepoint_notice(void *context, const char *text)
{
    (void)context;
    log_event(LOG_WARN, "savepoint", "%s", text);
}

static Status savepoint_place(const SavepointJob *job, Arena *arena, const char *path, int64_t *id,
                              Error *error)
{
    int64_t newest = 0;
    Found found;
    Snapshot *snapshot = NULL;
    Store *store;
    LetterNotice notice = {savepoint_notice, NULL};
    DataFolder data = {job->world, job->data_dir, job->store};
    /* The lengths in the savepoint are of its own time. */
    TRY(recover_settle_letters(&data, &notice, error));
    TRY(savepoint_find(job, arena, &found, error));
    TRY(snapshot_open_at(job->world, path, job->store, &snapshot, error));
    Status status = store_open(job->world, found.places.checkpoints, job->store, &store, error);
    if (status == OK) {
        status = snapshot_sweep(store, error);
        if (status == OK)
            status = store_newest(store, &newest, error);
        /* Sinks tell checkpoints by their numbers: it must be the highest. */
        *id = snapshot->head.id > newest ? snapshot->head.id : newest + 1;
        if (status == OK)
            status = snapshot_copy(snapshot, store, snapshot_place(arena, *id), *id, error);
        store_close(store);
    }
    if (status == OK)
        status = recover_return_letters(&data, found.folder, snapshot, NULL, &notice, error);
    snapshot_close(snapshot);
    return status;
}

Status savepoint_restore(const SavepointJob *job, const char *path, int64_t *id, Error *error)
{
    assert(job->pipeline != NULL);
    World *world = job->world;
    Arena *arena = arena_new(0);
    File *lock = NULL;
    Status status = recover_lock_folder(world, job->data_dir, &lock, error);
    if (status == OK) {
        status = savepoint_place(job, arena, path, id, error);
        Status closed = world->kind->close(lock, status == OK ? error : NULL);
        status = status != OK ? status : closed;
    }
    arena_free(arena);
    return status;
}

/* ---- Comparing ----------------------------------------------------------------------------- */

static const char *role_name(StateRole role)
{
    switch (role) {
    case STATE_SOURCE: return "position";
    case STATE_SINK: return "to commit";
    case STATE_OPERATOR:
    case STATE_LETTERS: break;
    }
    return "state";
}

static StateView *view_find(const List *views, const char *label, StateFate fate)
{
    for (int32_t i = 0; i < views->count; i++) {
        StateView *view = LIST_AT(*views, i, StateView);
        if (view->fate == fate && strcmp(view->label, label) == 0)
            return view;
    }
    return NULL;
}

/* Shards of one operator are one to a person. */
static StateView *view_add(Arena *arena, List *views, StateFate fate, const char *label,
                           StateRole role, int64_t bytes)
{
    StateView *view = view_find(views, label, fate);
    if (view == NULL) {
        view = ARENA_NEW(arena, StateView);
        *view = (StateView){
            .fate = fate, .label = arena_printf(arena, "%s", label), .what = role_name(role)};
        list_append(views, arena, view);
    }
    view->bytes += bytes;
    return view;
}

static bool snapshot_has_state_of(const Snapshot *snapshot, const char *uid)
{
    for (int32_t i = 0; i < snapshot->entry_count; i++)
        if (plan_uid_takes(uid, snapshot->entries[i].uid))
            return true;
    return false;
}

/* What a plan would make of a checkpoint. */
typedef struct Comparison {
    const Plan *plan;
    Arena *arena;
    StateViews *out;
} Comparison;

static Status compare_with(void *context, const Snapshot *snapshot, Error *error)
{
    const Comparison *comparison = context;
    const Plan *plan = comparison->plan;
    Arena *arena = comparison->arena;
    List *views = &comparison->out->views;
    (void)error;
    comparison->out->checkpoint = snapshot->head.id;
    for (int32_t i = 0; i < snapshot->entry_count; i++) {
        const StateEntry *entry = &snapshot->entries[i];
        const PlanNode *node = recover_node_of(plan, entry);
        if (entry->role == STATE_LETTERS)
            continue;
        if (node != NULL) {
            view_add(arena, views, STATE_KEPT, node->label, entry->role, entry_bytes(entry));
            continue;
        }
        StateView *view =
            view_add(arena, views, STATE_LOST, entry->label, entry->role, entry_bytes(entry));
        const char *zone = recover_zone_of(plan, entry);
        if (zone != NULL)
            view->zone = arena_printf(arena, "%s", zone);
    }
    for (int32_t i = 0; i < plan->node_count; i++) {
        const PlanNode *node = plan->nodes[i];
        bool is_source = node->kind == PLAN_SOURCE;
        bool has_state = is_source || (node->input_count > 0 && operator_keeps_state(node));
        if (has_state && !snapshot_has_state_of(snapshot, node->uid))
            view_add(arena, views, STATE_NEW, node->label,
                     is_source ? STATE_SOURCE : STATE_OPERATOR, 0);
    }
    return OK;
}

Status savepoint_compare(const SavepointJob *job, const char *path, const Plan *plan, Arena *arena,
                         StateViews *out, Error *error)
{
    *out = (StateViews){0};
    Comparison comparison = {.plan = plan, .arena = arena, .out = out};
    if (path != NULL) {
        Snapshot *snapshot = NULL;
        TRY(snapshot_open_at(job->world, path, job->store, &snapshot, error));
        Status status = compare_with(&comparison, snapshot, error);
        snapshot_close(snapshot);
        return status;
    }
    Found found;
    int64_t newest;
    TRY(savepoint_find(job, arena, &found, error));
    TRY(found_newest(job, &found, &newest, error));
    if (newest == 0)
        return OK;
    return savepoint_use_newest(job, &found, compare_with, &comparison, error);
}
