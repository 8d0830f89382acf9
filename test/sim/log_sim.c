/* The durable log in a simulated world: the power goes, syncs fail, calls fail, the disk fills up,
 * files are damaged; what was acknowledged must be there, at its offset, once.
 *
 * Usage: log_sim all [--rounds N] [--seed S]
 *        log_sim MODE [--trials N] [--seed S] [--only TRIAL] [--trace] [--keep FOLDER]
 *
 * With --keep what each process but the first found on the disk, the last one of a trial, is
 * written to the folder, as pieces for the fuzzer (log_pieces.h).
 *
 *   plain   no fault; the same seed gives the same trace
 *   cuts    the power goes before or after each change of the disk, one after the other, and again
 *           while the log recovers or goes on
 *   kills   as cuts, but only the process dies
 *   syncs   each sync fails once, for a broken disk or a full one: the log must not go on; then the
 *           process ends or the power goes
 *   errors  each call fails, once or from then on
 *   full    the disk fills up and has room again: the log goes on by itself
 *   moves   whole batches, blocks or files in the place of others while nothing runs, or while
 *           something does: likewise
 *   damage  a bit flips, bytes are missing or zero, a file is gone while nothing runs: it is found,
 *           or nothing is missing
 *   old     an older version has left the folder; then the power goes, the process dies, calls fail
 *   chaos   several of these together
 *   hunt    each of the planted bugs in turn must be found by one of these (base/planted.h)
 *
 * Without --trials those that go from call to call do so to the last one, in each of the ways that
 * are named. What must be there is worked out in log_model.c. */
#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "base/log.h"
#include "base/planted.h"
#include "base/random.h"
#include "log/fsck.h"
#include "sim/log_model.h"
#include "sim/log_moves.h"
#include "sim/log_pieces.h"

enum { STEPS = 120, RUNS_MAX = 12, DATA_STEPS_AGAIN = 40 };

typedef enum Mode {
    MODE_PLAIN,
    MODE_CUTS,
    MODE_KILLS,
    MODE_SYNCS,
    MODE_ERRORS,
    MODE_FULL,
    MODE_DAMAGE,
    MODE_MOVES,
    MODE_OLD,
    MODE_CHAOS,
    MODE_HUNT,
    MODE_COUNT,
} Mode;

static const char *const mode_names[MODE_COUNT] = {
    "plain", "cuts", "kills", "syncs", "errors", "full", "damage", "moves", "old", "chaos", "hunt"};

/* How many trials of each mode make a round; more if going through all calls takes more. */
static const int64_t round_trials[MODE_COUNT] = {
    [MODE_PLAIN] = 20,   [MODE_CUTS] = 1000, [MODE_FULL] = 100,   [MODE_DAMAGE] = 800,
    [MODE_MOVES] = 1000, [MODE_OLD] = 800,   [MODE_CHAOS] = 1000,
};

/* In how many ways each call goes wrong: before and after; once and for ever; with an error of
 * either kind, and then a dead process or no power. 0: calls do not come in turn. */
static const int64_t call_ways[MODE_COUNT] = {
    [MODE_CUTS] = 2, [MODE_KILLS] = 2, [MODE_SYNCS] = 4, [MODE_ERRORS] = 2};

typedef struct Options {
    Mode mode;
    int64_t trials; /* 0: those of a round */
    int64_t rounds, only;
    uint64_t seed;
    bool is_traced, is_quiet;
    const char *keep_folder; /* NULL: nothing is kept */
} Options;

/* One trial: a world, a log in it, and what it must hold. */
typedef struct Trial {
    Mode mode;
    uint64_t seed, chance;
    SimWorld *world;
    Model *model;
    Log *log;
    Partition *opened[MODEL_PARTITIONS];
    SimFaults faults; /* of the first run */
    bool is_kill, cuts_again, is_damaged, is_found;
    bool has_moved; /* batches are elsewhere: fsck has to see it */
    bool is_first_run;
    const char *keep_folder;
    int64_t number;
    int64_t runs, changes, calls;
    uint64_t trace;
} Trial;

static bool is_right(const Trial *trial)
{
    return trial->model->wrong[0] == '\0';
}

/* ---- A process ------------------------------------------------------------------------------- */

/* Whether the process has to end: after it a new one takes over. */
static bool is_over(const Trial *trial)
{
    return trial->world->is_off || (trial->log != NULL && log_is_broken(trial->log, NULL));
}

/* An error that nothing explains is a mistake of the log's. */
static void expect(Trial *trial, Status status, const Error *error)
{
    if (status == OK || is_over(trial))
        return;
    if (trial->is_damaged && status == ERR_CORRUPT && strstr(error->text, "data") != NULL) {
        trial->is_found = true;
        return;
    }
    if (trial->world->failed > 0 || (status == ERR_FULL && trial->world->faults.disk_bytes > 0))
        return;
    model_fails(trial->model, "failed without a fault: %s %s %s", status_name(status), error->code,
                error->text);
}

static Status open_partitions(Trial *trial, Error *error)
{
    for (int32_t p = 0; p < MODEL_PARTITIONS; p++) {
        PartitionConfig config = model_config(p);
        TRY(log_partition(trial->log, model_names[p], &config, &trial->opened[p], error));
    }
    return OK;
}

static void note_all(Trial *trial)
{
    for (int32_t p = 0; p < MODEL_PARTITIONS; p++)
        if (trial->opened[p] != NULL)
            model_note(trial->model, p, trial->opened[p]);
}

static void check_all(Trial *trial, bool is_new)
{
    for (int32_t p = 0; p < MODEL_PARTITIONS && is_right(trial) && !trial->is_found; p++) {
        Error error = {0};
        Status status;
        model_check(trial->model, p, trial->opened[p], is_new, &status, &error);
        expect(trial, status, &error);
    }
}

static void release_all(Trial *trial)
{
    for (int32_t p = 0; p < MODEL_PARTITIONS; p++)
        if (trial->opened[p] != NULL)
            partition_release(trial->opened[p]);
    memset(trial->opened, 0, sizeof trial->opened);
}

static void end_process(Trial *trial)
{
    release_all(trial);
    log_abandon(trial->log);
    trial->log = NULL;
}

/* What is on the disk now, for the fuzzer to begin with. */
static void keep(const Trial *trial)
{
    Buffer pieces = {0}, path = {0};
    for (int32_t p = 0; p < MODEL_PARTITIONS; p++) {
        uint8_t flags = (trial->number + p) % 2 == 0 ? 0 : PIECE_CHECKSUM | PIECE_SEAL;
        pieces.length = path.length = 0;
        log_pieces_print(trial->world->disk, p, flags, &pieces);
        buffer_printf(&path, "%s/%s-%" PRIu64 "-%" PRId64 "-%d", trial->keep_folder,
                      mode_names[trial->mode], trial->seed, trial->number, (int)p);
        FILE *file = fopen(buffer_terminated(&path), "wb");
        assert(file != NULL);
        fwrite(pieces.data, 1, (size_t)pieces.length, file);
        fclose(file);
    }
    buffer_free(&pieces);
    buffer_free(&path);
}

/* False if it did not come up. */
static bool begin_process(Trial *trial)
{
    Error error = {0};
    if (trial->keep_folder != NULL && trial->runs > 0)
        keep(trial);
    trial->runs++;
    Status status = log_open(&trial->world->base, "data", &(LogOptions){.open_files_max = 5},
                             &trial->log, &error);
    if (status == OK)
        status = open_partitions(trial, &error);
    if (status == OK) {
        check_all(trial, true);
        note_all(trial);
        return is_right(trial) && !trial->is_found && !is_over(trial);
    }
    expect(trial, status, &error);
    end_process(trial);
    return false;
}

/* ---- What it does ---------------------------------------------------------------------------- */

/* Whether a batch that was refused may be there all the same. */
static bool may_be_there(Trial *trial, int32_t p)
{
    Buffer out = {0};
    ReadRequest request = {
        .offset = trial->model->partitions[p].start_offset, .bytes_max = 1, .level = READ_WRITTEN};
    bool has_stopped = !is_over(trial) &&
                       partition_read(trial->opened[p], &request, &out, NULL) == ERR_IO &&
                       trial->world->failed > 0;
    buffer_free(&out);
    return is_over(trial) || has_stopped;
}

static void do_append(Trial *trial)
{
    int32_t p = (int32_t)random_below(&trial->chance, MODEL_PARTITIONS);
    ModelBatch batch = model_next(trial->model, p, &trial->chance,
                                  trial->world->base.kind->now_us(&trial->world->base) / 1000);
    Buffer bytes = {0};
    Appended appended = {0};
    Error error = {0};
    Status status;
    if (batch.is_marker) {
        status = partition_end_transaction(trial->opened[p], batch.producer, 0, batch.is_commit,
                                           &appended, &error);
    } else {
        model_print(&batch, &bytes);
        status = partition_append(trial->opened[p], bytes.data, bytes.length, &appended, &error);
    }
    buffer_free(&bytes);
    if (status != OK) {
        expect(trial, status, &error);
        if (is_right(trial) && may_be_there(trial, p)) {
            model_add(trial->model, p, &batch);
            trial->world->is_off = true; /* nobody goes on behind that */
        }
        return;
    }
    if (appended.verdict != APPEND_DONE || appended.base_offset != batch.base_offset)
        model_fails(trial->model, "%s: a batch came to %lld, not %lld: %s", model_names[p],
                    (long long)appended.base_offset, (long long)batch.base_offset,
                    appended.reason != NULL ? appended.reason : "");
    else
        model_add(trial->model, p, &batch);
}

static void do_stop(Trial *trial)
{
    Error error = {0};
    release_all(trial);
    Log *log = trial->log;
    trial->log = NULL;
    Status status = log_close(log, &error);
    if (status != OK && trial->world->failed > 0)
        trial->world->is_off = true; /* its sync may have failed */
    expect(trial, status, &error);
}

static void do_step(Trial *trial)
{
    Error error = {0};
    Status status = OK;
    int64_t what = random_below(&trial->chance, 20);
    if (what < 12) {
        do_append(trial);
    } else if (what < 15) {
        status = log_flush(trial->log, &error);
    } else if (what < 17) {
        status = log_tick(trial->log, &error);
    } else if (what == 17) {
        status = log_write_marks(trial->log, &error);
    } else if (what == 18) {
        bool is_sure = random_below(&trial->chance, 2) == 0;
        status = partition_compact(trial->opened[is_sure ? MODEL_KEYED_SURE : MODEL_KEYED], &error);
    } else {
        check_all(trial, false);
    }
    expect(trial, status, &error);
    if (what == 16)
        trial->world->now_us += 7000;
    note_all(trial);
}

/* As long as nothing ends it. */
static void run_process(Trial *trial, int32_t steps)
{
    for (int32_t i = 0; i < steps && is_right(trial) && !is_over(trial) && !trial->is_found; i++) {
        do_step(trial);
        trial->world->now_us += 1000;
        if (random_below(&trial->chance, 60) != 0 || is_over(trial) || !is_right(trial))
            continue;
        do_stop(trial);
        if (!is_right(trial) || is_over(trial) || !begin_process(trial))
            break;
    }
}

/* What the snapshots of producers say is in the log, too, whatever compaction has taken: now and
 * then all of them are gone or, where nobody looks at them before a start, damaged. */
static void lose_snapshots(Trial *trial, bool may_damage)
{
    if (random_below(&trial->chance, 3) > 0)
        return;
    bool is_damage = may_damage && random_below(&trial->chance, 2) == 0;
    Arena *arena = arena_new(0);
    List paths = {0};
    disk_list_files(trial->world->disk, arena, &paths);
    for (int32_t i = 0; i < paths.count; i++) {
        const char *path = LIST_AT(paths, i, const char);
        if (!str_has_suffix(str_from(path), STR(".producers")))
            continue;
        if (trial->world->is_traced)
            fprintf(stderr, "%s %s\n", is_damage ? "damage" : "lose", path);
        if (!is_damage) {
            disk_unlink(trial->world->disk, path);
            continue;
        }
        Inode *file = disk_find(trial->world->disk, path);
        Buffer content = {0};
        buffer_append_str(&content, inode_content(file));
        if (content.length > 0)
            content.data[random_below(&trial->chance, content.length)] ^= 1;
        disk_overwrite(trial->world->disk, file, buffer_str(&content));
        buffer_free(&content);
    }
    arena_free(arena);
}

/* The next machine, or the next process on this one. */
static void restart(Trial *trial)
{
    bool is_kill = trial->is_kill;
    if (trial->mode == MODE_CHAOS || trial->mode == MODE_ERRORS)
        is_kill = random_below(&trial->chance, 2) == 0;
    trial->calls += trial->world->failable;
    trial->changes += trial->world->changes;
    trial->trace = trial->world->trace;
    if (trial->world->syncs_retried > 0)
        model_fails(trial->model, "`%s` was synced again after its sync had failed",
                    trial->world->retried);
    trial->world = sim_world_restart(trial->world, random_next(&trial->chance), is_kill);
    lose_snapshots(trial, true);
    if (trial->cuts_again && trial->runs < RUNS_MAX - 3 && random_below(&trial->chance, 3) > 0) {
        trial->world->faults.cut_at = 1 + random_below(&trial->chance, 80);
        trial->world->faults.cuts_after = random_below(&trial->chance, 2) == 0;
    }
}

/* ---- Damage ---------------------------------------------------------------------------------- */

static void damage_content(Trial *trial, Buffer *content)
{
    int64_t at = random_below(&trial->chance, content->length);
    int64_t left = content->length - at;
    switch (random_below(&trial->chance, 4)) {
    case 0: content->length = at; break;
    case 1:
        memset(content->data + at, 0, (size_t)(left < SECTOR_BYTES ? left : SECTOR_BYTES));
        break;
    default: content->data[at] ^= (char)(1 << random_below(&trial->chance, 8)); break;
    }
}

static void damage(Trial *trial)
{
    Arena *arena = arena_new(0);
    List paths = {0};
    disk_list_files(trial->world->disk, arena, &paths);
    const char *path = LIST_AT(paths, random_below(&trial->chance, paths.count), const char);
    Inode *file = disk_find(trial->world->disk, path);
    Buffer content = {0};
    buffer_append_str(&content, inode_content(file));
    bool is_gone = random_below(&trial->chance, 8) == 0 && strstr(path, "marks") == NULL;
    if (trial->world->is_traced)
        fprintf(stderr, "damage %s%s\n", path, is_gone ? " (gone)" : "");
    if (is_gone) {
        disk_unlink(trial->world->disk, path);
    } else if (content.length > 0) {
        damage_content(trial, &content);
        disk_overwrite(trial->world->disk, file, buffer_str(&content));
    }
    trial->is_damaged = true;
    buffer_free(&content);
    arena_free(arena);
}

static void move(Trial *trial)
{
    Moves moves = log_moves(trial->world->disk, &trial->chance, trial->world->is_traced);
    trial->is_damaged |= moves.has_changed;
    trial->has_moved |= moves.has_changed_batches;
}

/* What fsck says of what is on the disk now: that something is damaged. */
static bool fsck_finds(Trial *trial)
{
    Arena *arena = arena_new(0);
    FsckReport report = {0};
    Error error = {0};
    Status status = fsck_log(&trial->world->base, "data", arena, &report, &error);
    bool is_damaged = status == ERR_CORRUPT || report.damaged > 0;
    if (!trial->is_damaged && (is_damaged || (status != OK && status != ERR_NOT_FOUND)))
        model_fails(trial->model, "fsck finds damage where there is none: %s %s", error.text,
                    report.damaged > 0 ? LIST_AT(report.findings, 0, FsckFinding)->text : "");
    arena_free(arena);
    return is_damaged;
}

/* ---- Trials ---------------------------------------------------------------------------------- */

static void trial_end(Trial *trial, bool is_first)
{
    trial->world->faults = (SimFaults){0};
    trial->world->failed = 0;
    bool is_crash = trial->log != NULL && random_below(&trial->chance, 2) == 0;
    bool is_damage = trial->mode == MODE_DAMAGE || trial->mode == MODE_MOVES;
    if (is_damage && trial->log != NULL) {
        expect(trial, log_flush(trial->log, NULL), NULL);
        expect(trial, log_write_marks(trial->log, NULL), NULL);
        note_all(trial);
    }
    if (is_first && is_crash && trial->mode == MODE_MOVES && random_below(&trial->chance, 2) == 0) {
        move(trial);
        check_all(trial, false);
    }
    if (is_crash || trial->log == NULL || is_over(trial))
        end_process(trial);
    else
        do_stop(trial);
    trial->world->is_off = false;
    disk_forget_failures(trial->world->disk); /* the next one is another process */
    if (!is_damage)
        lose_snapshots(trial, false);
    if (trial->mode == MODE_DAMAGE && is_first)
        damage(trial);
    if (trial->mode == MODE_MOVES && is_first && !trial->is_damaged)
        move(trial);
    bool is_seen = fsck_finds(trial);
    if (!trial->is_found)
        begin_process(trial);
    if ((trial->is_found || trial->has_moved) && !is_seen)
        model_fails(trial->model, "fsck does not see the damage that is there");
}

/* A process without faults, which leaves what an older version would have left. */
static void begin_old(Trial *trial)
{
    if (begin_process(trial))
        run_process(trial, STEPS / 2);
    if (!is_right(trial))
        return;
    expect(trial, log_flush(trial->log, NULL), NULL);
    expect(trial, log_write_marks(trial->log, NULL), NULL);
    note_all(trial);
    if (random_below(&trial->chance, 2) == 0)
        do_stop(trial);
    else
        end_process(trial);
    log_becomes_old(trial->world->disk);
    trial->world = sim_world_restart(trial->world, random_next(&trial->chance), true);
}

static bool trial_run(Trial *trial)
{
    trial->chance = trial->seed;
    if (trial->mode == MODE_OLD)
        begin_old(trial);
    trial->world->faults = trial->faults;
    bool is_up = begin_process(trial);
    if (is_up)
        run_process(trial, STEPS);
    trial->is_first_run = false;
    while (is_right(trial) && trial->runs < RUNS_MAX && is_over(trial) && !trial->is_found) {
        end_process(trial);
        restart(trial);
        if (begin_process(trial))
            run_process(trial, DATA_STEPS_AGAIN);
    }
    /* The end: a stop, damage in those modes, and all of it again, twice. */
    for (int32_t i = 0; i < 2 && is_right(trial) && !trial->is_found; i++)
        trial_end(trial, i == 0);
    end_process(trial);
    if (trial->world->syncs_retried > 0)
        model_fails(trial->model, "`%s` was synced again after its sync had failed",
                    trial->world->retried);
    trial->changes += trial->world->changes;
    trial->calls += trial->world->failable;
    trial->trace = trial->world->trace;
    return is_right(trial);
}

static uint32_t calls_of(Mode mode)
{
    return mode == MODE_SYNCS ? SIM_SYNCS : SIM_ALL & ~SIM_CLOSE;
}

static int64_t pick(int64_t number, int64_t count)
{
    return 1 + (number - 1) % count;
}

/* The same script while the call that goes wrong moves on. */
static void trial_plan(Trial *trial, int64_t number, int64_t changes, int64_t calls)
{
    uint64_t chance = hash_combine(trial->seed, (uint64_t)number);
    SimFaults *faults = &trial->faults;
    faults->fail_calls = calls_of(trial->mode);
    faults->fail_with = ERR_IO;
    switch (trial->mode) {
    case MODE_CUTS:
    case MODE_KILLS:
        faults->cut_at = pick(number, changes);
        faults->cuts_after = (number - 1) / changes % 2 == 1;
        trial->cuts_again = random_below(&chance, 2) == 0;
        trial->is_kill = trial->mode == MODE_KILLS;
        break;
    case MODE_SYNCS:
        faults->fail_at = pick(number, calls);
        faults->fail_with = (number - 1) / calls / 2 % 2 == 1 ? ERR_FULL : ERR_IO;
        trial->is_kill = (number - 1) / calls % 2 == 1;
        break;
    case MODE_ERRORS:
        faults->fail_at = pick(number, calls);
        faults->fails_for_ever = (number - 1) / calls % 2 == 1;
        break;
    case MODE_CHAOS:
        trial->cuts_again = true;
        if (random_below(&chance, 2) == 0)
            faults->fail_at = 1 + random_below(&chance, calls);
        if (random_below(&chance, 2) == 0)
            faults->cut_at = 1 + random_below(&chance, changes);
        trial->seed = chance;
        break;
    case MODE_FULL:
        faults->disk_bytes = 2000 + random_below(&chance, 12000);
        faults->disk_room_back_us = INT64_C(1704067200000000) + 1000 * random_below(&chance, STEPS);
        trial->seed = chance;
        break;
    case MODE_MOVES:
        trial->model->is_even = random_below(&chance, 4) > 0;
        trial->seed = chance;
        break;
    case MODE_OLD:
        /* Most of them while it is taken over. */
        if (random_below(&chance, 2) == 0)
            faults->cut_at = 1 + random_below(&chance, number % 2 == 0 ? 40 : 400);
        else if (random_below(&chance, 4) > 0)
            faults->fail_at = 1 + random_below(&chance, number % 2 == 0 ? 100 : 1000);
        faults->cuts_after = random_below(&chance, 2) == 0;
        faults->fails_for_ever = random_below(&chance, 4) == 0;
        faults->fail_with = random_below(&chance, 2) == 0 ? ERR_IO : ERR_FULL;
        trial->cuts_again = random_below(&chance, 2) == 0;
        trial->is_kill = random_below(&chance, 3) == 0;
        trial->seed = chance;
        break;
    case MODE_PLAIN:
    case MODE_DAMAGE: trial->seed = chance; break;
    case MODE_HUNT:
    case MODE_COUNT: break;
    }
}

/* Counts of a run without faults: of changes, and of calls of the kind. */
static void count_calls(const Options *options, int64_t *changes, int64_t *calls)
{
    Trial trial = {.seed = options->seed,
                   .world = sim_world_new(options->seed),
                   .model = model_new(),
                   .faults = {.fail_calls = calls_of(options->mode)}};
    trial.chance = trial.seed;
    trial.world->faults = trial.faults;
    if (begin_process(&trial))
        run_process(&trial, STEPS);
    *changes = trial.world->changes;
    *calls = trial.world->failable;
    end_process(&trial);
    sim_world_free(trial.world);
    model_free(trial.model);
}

static bool run_number(const Options *options, int64_t number, int64_t changes, int64_t calls,
                       uint64_t *trace)
{
    Trial trial = {.mode = options->mode,
                   .seed = options->seed,
                   .number = number,
                   .keep_folder = options->keep_folder,
                   .world = sim_world_new(options->seed),
                   .model = model_new()};
    trial.world->is_traced = options->is_traced;
    trial_plan(&trial, number, changes, calls);
    bool is_good = trial_run(&trial);
    if (!is_good && !options->is_quiet)
        printf("FAIL log_sim %s --seed %" PRIu64 " --only %" PRId64 "\n%s\n",
               mode_names[options->mode], options->seed, number, trial.model->wrong);
    *trace = trial.trace;
    sim_world_free(trial.world);
    model_free(trial.model);
    return is_good;
}

typedef struct Tally {
    int64_t trials, failures;
} Tally;

static int64_t trials_of(const Options *options, int64_t changes, int64_t calls)
{
    int64_t trials = options->trials;
    if (trials == 0) {
        bool goes_by_changes = options->mode == MODE_CUTS || options->mode == MODE_KILLS;
        int64_t of_all_calls = call_ways[options->mode] * (goes_by_changes ? changes : calls);
        trials = round_trials[options->mode];
        trials = trials < of_all_calls ? of_all_calls : trials;
    }
    return trials < options->only ? options->only : trials;
}

/* Trials after the fifth that fails are left out. */
static Tally run_mode(const Options *options)
{
    int64_t changes = 0, calls = 0;
    Tally tally = {0};
    count_calls(options, &changes, &calls);
    int64_t trials = trials_of(options, changes, calls);
    for (int64_t number = 1; number <= trials && tally.failures < 5; number++) {
        if (options->only != 0 && number != options->only)
            continue;
        uint64_t trace = 0, again = 0;
        bool is_good = run_number(options, number, changes, calls, &trace);
        if (is_good && (options->mode == MODE_PLAIN || number % 100 == 0)) {
            is_good = run_number(options, number, changes, calls, &again) && trace == again;
            if (trace != again)
                printf("FAIL log_sim %s --seed %" PRIu64 " --only %" PRId64
                       "\nthe same seed gave another trace\n",
                       mode_names[options->mode], options->seed, number);
        }
        tally.trials++;
        tally.failures += !is_good;
        if (!is_good && options->is_quiet)
            break;
    }
    if (!options->is_quiet)
        printf("log_sim %s: seed %" PRIu64 ", %" PRId64 " changes, %" PRId64 " calls, %" PRId64
               " trials: %" PRId64 " failed\n",
               mode_names[options->mode], options->seed, changes, calls, tally.trials,
               tally.failures);
    return tally;
}

static int run_all(const Options *options)
{
    Tally all = {0};
    for (int64_t round = 0; round < options->rounds; round++) {
        for (int32_t mode = 0; mode < MODE_HUNT; mode++) {
            Options one = *options;
            one.mode = (Mode)mode;
            one.seed = options->seed + (uint64_t)round;
            one.trials = 0;
            Tally tally = run_mode(&one);
            all.trials += tally.trials;
            all.failures += tally.failures;
        }
    }
    printf("%" PRId64 " passed, %" PRId64 " failed\n", all.trials - all.failures, all.failures);
    return all.failures == 0 ? 0 : 1;
}

/* ---- Planted bugs ---------------------------------------------------------------------------- */

#ifdef WEIR_PLANTED_BUGS
static const char *const bug_names[PLANTED_LOG_END - PLANTED_LOG_FIRST] = {
    "batches are acknowledged that are not synced",
    "a failed sync is tried again",
    "the name of a new segment is not synced",
    "checksums of batches are not looked at",
    "what a crash has left is not written again",
    "damage to what was acknowledged counts as a torn end",
    "retention takes a segment too many",
    "sequences of producers are forgotten",
    "aborted transactions are forgotten",
    "compaction takes the last value of a key",
    "the mark says of more than is synced that it is",
    "seals of batches are not looked at",
    "a seal says nothing of where its batch lies",
    "aborted transactions are told of without markers",
};

static int run_hunt(const Options *options)
{
    int32_t found = 0, count = PLANTED_LOG_END - PLANTED_LOG_FIRST;
    for (int32_t bug = 0; bug < count; bug++) {
        planted_bug = (PlantedBug)(PLANTED_LOG_FIRST + bug);
        int32_t mode = 0;
        for (; mode < MODE_HUNT; mode++) {
            Options hunt = *options;
            hunt.mode = (Mode)mode;
            hunt.is_quiet = true;
            if (run_mode(&hunt).failures != 0)
                break;
        }
        found += mode < MODE_HUNT;
        printf("%-55s %s\n", bug_names[bug], mode < MODE_HUNT ? mode_names[mode] : "NOT FOUND");
    }
    printf("%d passed, %d failed\n", found, count - found);
    return found == count ? 0 : 1;
}
#else
static int run_hunt(const Options *options)
{
    (void)options;
    fprintf(stderr, "log_sim: this build has no planted bugs: -Dplanted_bugs=true\n");
    return 64;
}
#endif

static int usage(void)
{
    fprintf(stderr, "usage: log_sim all [--rounds N] [--seed S]\n"
                    "       log_sim MODE [--trials N] [--seed S] [--only TRIAL] [--trace]\n");
    return 64;
}

int main(int count, char **arguments)
{
    Options options = {.mode = MODE_COUNT, .seed = 1};
    for (int i = 1; i < count; i++) {
        const char *argument = arguments[i];
        const char *value = i + 1 < count ? arguments[i + 1] : "";
        int32_t mode = 0;
        while (mode < MODE_COUNT && strcmp(argument, mode_names[mode]) != 0)
            mode++;
        if (mode < MODE_COUNT)
            options.mode = (Mode)mode;
        else if (strcmp(argument, "all") == 0)
            options.rounds = 1;
        else if (strcmp(argument, "--trace") == 0)
            options.is_traced = true;
        else if (strcmp(argument, "--trials") == 0)
            options.trials = strtoll(value, NULL, 10), i++;
        else if (strcmp(argument, "--keep") == 0)
            options.keep_folder = value, i++;
        else if (strcmp(argument, "--seed") == 0)
            options.seed = strtoull(value, NULL, 10), i++;
        else if (strcmp(argument, "--rounds") == 0)
            options.rounds = strtoll(value, NULL, 10), i++;
        else if (strcmp(argument, "--only") == 0)
            options.only = strtoll(value, NULL, 10), i++;
        else
            return usage();
    }
    log_configure(options.is_traced ? LOG_INFO : LOG_OFF, LOG_TEXT, false);
    if (options.rounds > 0)
        return run_all(&options);
    if (options.mode == MODE_COUNT)
        return usage();
    if (options.mode == MODE_HUNT)
        return run_hunt(&options);
    return run_mode(&options).failures == 0 ? 0 : 1;
}
