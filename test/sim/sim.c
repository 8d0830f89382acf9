/* Jobs in a simulated world: the power goes, syncs fail, the disk fills up, servers refuse, in as
 * many ways as there is time for, and what comes out is compared with what must.
 *
 * Usage: sim all [--rounds N] [--seed S]
 *        sim MODE [--trials N] [--seed S] [--only TRIAL] [--trace]
 *
 *   plain   no fault: any order of turns gives the same result, the same seed the same trace
 *   cuts    the power goes before or after each change of the disk, one after the other; again
 *           while the job recovers, in one of four trials
 *   kills   as cuts, but only the process dies: what was written is there
 *   syncs   each sync fails once, for a broken disk or a full one: the job ends at once, and never
 *           syncs that file or folder again; then the process ends or the power goes
 *   errors  each call fails, once or from then on
 *   full    the disk fills up and has room again later: the job goes on by itself
 *   damage  a bit flips, bytes are missing or zero in a file of a checkpoint while nothing runs:
 *           that is found and named, or an older checkpoint does
 *   clock   the clock is set forward or back, by seconds, an hour, ten years, or nothing runs for a
 *           minute: state that was not idle for long is kept
 *   replays the power goes while records among the dead letters are given back
 *   pairs   two kinds of fault together, or the second in each of up to five recoveries
 *   chaos   several of these together
 *   network another pipeline, with a Redis server across a network that is slow, goes to pieces,
 *           resets, falls silent; the server dies and comes back; the process or the power goes,
 *           or the job is stopped
 *   hunt    each of the planted bugs in turn must be found by one of these (base/planted.h)
 *
 * In each third trial memory has no more room for state at some time, which leaves it then
 * (job/move.c).
 *
 * `all` goes through the modes but the last, each round with the next seed: another input, another
 * order of turns. Without --trials, and in each round, those that go from call to call do so to the
 * last one, in each of the ways that are named. A trial that fails is printed with what repeats it.
 */
#include <assert.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "base/log.h"
#include "base/planted.h"
#include "base/random.h"
#include "sim/remote.h"
#include "sim/replays.h"
#include "sim/scenario.h"

enum {
    EVENTS = 120,
    SHARDS_MAX = 4,
    RUNS_MAX = 40, /* of one trial, until it must have ended */
    RECOVERIES_MAX = 5,
    CLOCK_SET_US_MAX = 400 * 1000,
    FROZEN_US = 60 * 1000 * 1000,
    START_AGAIN_US_MAX = 2 * 1000 * 1000,
    STOP_US_MAX = 500 * 1000,
    FULL_US_MAX = 400 * 1000,
    MOVES_ONE_IN = 3,
    BLOCK_BYTES = 4096, /* what a disk may write in another place, or twice */
};

typedef enum Mode {
    MODE_PLAIN,
    MODE_CUTS,
    MODE_KILLS,
    MODE_SYNCS,
    MODE_ERRORS,
    MODE_FULL,
    MODE_DAMAGE,
    MODE_CLOCK,
    MODE_REPLAYS,
    MODE_PAIRS,
    MODE_CHAOS,
    MODE_NETWORK,
    MODE_HUNT,
    MODE_COUNT,
} Mode;

static const char *const mode_names[MODE_COUNT] = {"plain", "cuts",    "kills", "syncs",   "errors",
                                                   "full",  "damage",  "clock", "replays", "pairs",
                                                   "chaos", "network", "hunt"};

typedef struct Options {
    Mode mode;
    int64_t trials; /* 0: those of a round */
    uint64_t seed;
    int64_t only; /* 0: all */
    bool is_traced;
    bool is_quiet;
    int64_t rounds; /* of all modes; 0: one mode */
} Options;

/* How many trials of each mode make a round; more if going through all calls takes more. */
static const int64_t round_trials[MODE_COUNT] = {
    [MODE_PLAIN] = 100,   [MODE_CUTS] = 5000, [MODE_FULL] = 100,
    [MODE_DAMAGE] = 1000, [MODE_CHAOS] = 500, [MODE_CLOCK] = 200,
    [MODE_REPLAYS] = 500, [MODE_PAIRS] = 500, [MODE_NETWORK] = 1000,
};

/* In how many ways each call goes wrong: before and after; once and for ever; with an error of
 * either kind, and then a dead process or no power. 0: calls do not come in turn. */
static const int64_t call_ways[MODE_COUNT] = {
    [MODE_CUTS] = 2, [MODE_KILLS] = 2, [MODE_SYNCS] = 4, [MODE_ERRORS] = 2};

/* To compare the traces. */
static const bool runs_twice[MODE_COUNT] = {
    [MODE_PLAIN] = true, [MODE_CHAOS] = true, [MODE_PAIRS] = true, [MODE_NETWORK] = true};

typedef struct Trial {
    const Scenario *scenario;
    Mode mode;
    int64_t number;
    uint64_t seed;
    SimFaults faults; /* of the first run */
    SimFaults later;  /* of so many runs after it */
    RemoteFaults remote;
    int32_t later_runs;
    bool is_to_damage; /* after the first run */
    bool is_kill;      /* what a crash leaves is all that was written */
    bool cuts_again;   /* also while it recovers */
    bool stops;        /* somebody asks it to stop, now and then */
    bool is_traced;
    bool is_damaged;
    int64_t checkpoint; /* the newest before this run */
    /* What came of it. */
    int64_t runs, changes, failed;
    uint64_t trace;
    char wrong[16384];
} Trial;

__attribute__((format(printf, 2, 3))) static bool trial_fails(Trial *trial, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vsnprintf(trial->wrong, sizeof trial->wrong, format, args);
    va_end(args);
    return false;
}

static bool trial_check(Trial *trial, SimWorld *world)
{
    Arena *arena = arena_new(0);
    const char *wrong = scenario_check(trial->scenario, world, arena);
    bool is_right = wrong == NULL || trial_fails(trial, "%s", wrong);
    arena_free(arena);
    return is_right;
}

/* What a run that did not come to its end may say. */
static bool trial_accepts(Trial *trial, const SimWorld *world, Status status, const Error *error)
{
    if (world->syncs_retried > 0)
        return trial_fails(trial, "`%s` was synced again after its sync had failed",
                           world->retried);
    if (status == OK || world->is_off || world->failed > 0)
        return true;
    /* At its start a job says that a server is not there; one that has made a checkpoint waits. */
    if (trial->mode == MODE_NETWORK && remote_has_failed() && status == ERR_UNAVAILABLE &&
        scenario_checkpoint(world) == trial->checkpoint)
        return true;
    return trial_fails(trial, "the job failed without a fault: %s %s", error->code, error->text);
}

/* The end of a bounded job is the moment when the note of its end goes, behind which it changes
 * nothing any more (SimWorld.late): nobody can tell a crash there from one behind its exit. */
static bool trial_has_ended(Trial *trial, SimWorld *world)
{
    if (trial->runs == 0 || scenario_checkpoint(world) > 0 ||
        disk_find(world->disk, "weir-data/over-sim") != NULL)
        return false;
    bool is_right = trial_check(trial, world);
    trial->wrong[0] = '\0';
    return is_right;
}

/* One of the files of checkpoints is not what it was. */
static Inode *damage_pick(SimWorld *world, const List *files, uint64_t *chance)
{
    int32_t at = (int32_t)random_below(chance, files->count);
    return disk_find(world->disk, LIST_AT(*files, at, char));
}

/* A block of this file, or of another one, where one of this file belongs. */
static void damage_block(Str content, Str from, uint64_t *chance)
{
    int64_t to = random_below(chance, (content.length + BLOCK_BYTES - 1) / BLOCK_BYTES);
    int64_t of = random_below(chance, (from.length + BLOCK_BYTES - 1) / BLOCK_BYTES);
    int64_t room = content.length - to * BLOCK_BYTES, there = from.length - of * BLOCK_BYTES;
    int64_t bytes = room < there ? room : there;
    memmove((char *)content.data + to * BLOCK_BYTES, from.data + of * BLOCK_BYTES,
            (size_t)(bytes < BLOCK_BYTES ? bytes : BLOCK_BYTES));
}

static void damage_content(Str *content, Str other, uint64_t *chance)
{
    char *bytes = (char *)content->data;
    int64_t at = random_below(chance, content->length);
    int64_t kind = random_below(chance, 6);
    if (kind == 0)
        content->length = at;
    else if (kind == 1 && content->length > SECTOR_BYTES)
        memset(bytes + at % (content->length - SECTOR_BYTES), 0, SECTOR_BYTES);
    else if (kind == 2 && content->length > BLOCK_BYTES)
        damage_block(*content, *content, chance);
    else if (kind == 3)
        damage_block(*content, other, chance);
    else
        bytes[at] ^= (char)(1 << random_below(chance, 8));
}

static void trial_damage(Trial *trial, SimWorld *world, uint64_t *chance)
{
    Arena *arena = arena_new(0);
    List paths = {0}, files = {0};
    disk_list_files(world->disk, arena, &paths);
    for (int32_t i = 0; i < paths.count; i++) {
        Str path = str_from(LIST_AT(paths, i, const char));
        if (str_has_prefix(path, STR("weir-data/jobs/")) && str_find(path, STR(".tmp")) < 0 &&
            inode_content(disk_find(world->disk, path.data)).length > 0)
            list_append(&files, arena, paths.items[i]);
    }
    if (files.count > 0) {
        Inode *file = damage_pick(world, &files, chance);
        Str content = str_copy(arena, inode_content(file));
        Str other = inode_content(damage_pick(world, &files, chance));
        damage_content(&content, other, chance);
        trial->is_damaged = !str_equal(content, inode_content(file));
        disk_overwrite(world->disk, file, content);
    }
    arena_free(arena);
}

/* Damage that is found ends the trial: a person has to decide. */
static bool trial_has_found_damage(const Trial *trial, Status status, const Error *error)
{
    return trial->is_damaged && status == ERR_CORRUPT &&
           strstr(error->text, "weir-data/jobs/sim/checkpoints/") != NULL;
}

static SimFaults trial_next_faults(const Trial *trial, uint64_t *chance)
{
    SimFaults faults = trial->runs <= trial->later_runs ? trial->later : (SimFaults){0};
    if (trial->cuts_again && random_below(chance, 2) == 0) {
        faults.cut_at = 1 + random_below(chance, 60);
        faults.cuts_after = random_below(chance, 2) == 0;
    }
    if (trial->stops && random_below(chance, 2) == 0)
        faults.stop_after_us = 1 + random_below(chance, STOP_US_MAX);
    return faults;
}

/* In one run of four from its beginning: when state comes back. */
static void trial_fill_memory(const Trial *trial, SimFaults *faults)
{
    bool moves = trial->number % MOVES_ONE_IN == 0;
    uint64_t chance =
        hash_combine(hash_combine(trial->seed, (uint64_t)trial->number), (uint64_t)trial->runs);
    faults->is_full = moves && random_below(&chance, 4) > 0;
    faults->full_after_us = random_below(&chance, 3) == 0 ? 0 : random_below(&chance, FULL_US_MAX);
}

/* Runs until the job has ended, with a crash or a fault in each run but the last. */
/* In every third trial each run has another number of shards. */
static int32_t trial_next_shards(const Trial *trial)
{
    uint64_t chance = hash_combine(hash_combine(trial->seed, 4), (uint64_t)trial->number);
    if (random_below(&chance, 3) > 0)
        return 0;
    chance = hash_combine(chance, (uint64_t)trial->runs);
    return 1 + (int32_t)random_below(&chance, SHARDS_MAX);
}

static bool trial_run(Trial *trial)
{
    uint64_t schedule = hash_combine(trial->seed, 2), chance = hash_combine(trial->seed, 3);
    SimWorld *world = scenario_begin(trial->scenario, trial->seed);
    if (trial->mode == MODE_NETWORK)
        remote_begin(world, trial->seed, &trial->remote);
    world->faults = trial->faults;
    world->is_traced = trial->is_traced;
    outside->refusals = trial->mode == MODE_CHAOS ? (int32_t)random_below(&chance, 200) : 0;
    bool is_right = true, has_ended = false;
    while (is_right && !has_ended) {
        Error error = {0};
        trial->checkpoint = scenario_checkpoint(world);
        trial_fill_memory(trial, &world->faults);
        Status status = scenario_run(trial->scenario, world, &schedule, &error);
        trial->runs++;
        trial->changes += world->changes;
        trial->failed += world->failed;
        if (trial_has_found_damage(trial, status, &error)) {
            sim_world_free(world);
            return true;
        }
        is_right = trial_accepts(trial, world, status, &error);
        if (is_right && world->late[0] != '\0')
            is_right = trial_fails(trial, "`%s` changed when nothing said that the job is over",
                                   world->late);
        if (is_right && trial->mode == MODE_SYNCS && world->failed > 0 && status == OK)
            is_right = trial_fails(trial, "a sync failed and the job went on");
        if (is_right && trial->mode == MODE_FULL && status != OK)
            is_right = trial_fails(trial, "the disk was full: %s %s", error.code, error.text);
        if (trial->is_traced)
            fprintf(stderr, "run %" PRId64 ": %s %s %s\n", trial->runs, status_name(status),
                    error.code, error.text);
        bool has_stopped = world->has_stopped;
        if (is_right && has_stopped && world->rows_in > 0 && scenario_checkpoint(world) == 0)
            is_right = trial_fails(trial, "a stop has left no checkpoint of %lld rows",
                                   (long long)world->rows_in);
        if (is_right && trial->runs >= RUNS_MAX)
            is_right = trial_fails(trial, "the job does not come to its end");
        world = sim_world_restart(world, random_next(&chance), trial->is_kill);
        world->shards = trial_next_shards(trial);
        world->now_us +=
            trial->mode == MODE_NETWORK ? random_below(&chance, START_AGAIN_US_MAX) : 0;
        has_ended = (status == OK && !has_stopped) ||
                    (is_right && !has_stopped && trial_has_ended(trial, world));
        world->faults = trial_next_faults(trial, &chance);
        if (trial->is_to_damage && !has_ended && trial->runs == 1)
            trial_damage(trial, world, &chance);
    }
    is_right = is_right && trial_check(trial, world);
    trial->trace = world->trace;
    sim_world_free(world);
    return is_right;
}

/* ---- Modes --------------------------------------------------------------------------------- */

/* How many calls of these kinds there are to go wrong, by a run without faults. */
static int64_t count_calls(const Scenario *scenario, uint64_t seed, uint32_t calls)
{
    SimWorld *world = scenario_begin(scenario, seed);
    RemoteFaults none = {0};
    if (scenario->is_remote)
        remote_begin(world, seed, &none);
    world->faults.fail_calls = calls;
    uint64_t schedule = hash_combine(seed, 2);
    Error error = {0};
    Status status = scenario_run(scenario, world, &schedule, &error);
    assert(status == OK);
    int64_t count = world->failable;
    sim_world_free(world);
    return count;
}

static int64_t pick(int64_t number, int64_t count)
{
    return 1 + (number - 1) % count;
}

static void trial_plan_full(Trial *trial, uint64_t *chance)
{
    trial->faults.disk_bytes = 15000 + random_below(chance, 25000);
    trial->faults.disk_room_back_us = INT64_C(1704067200000000) + random_below(chance, 20000000);
}

/* A run that begins believes the clock, so one that was set forward is no matter for crashes. */
static void trial_plan_clock(Trial *trial, uint64_t *chance)
{
    static const int64_t seconds[] = {5, -5, 3600, -3600, 315360000, -315360000, 0};
    int64_t jump = seconds[random_below(chance, sizeof seconds / sizeof seconds[0])];
    trial->faults.clock_set_after_us = 1 + random_below(chance, CLOCK_SET_US_MAX);
    trial->faults.clock_jump_us = jump * 1000000;
    trial->faults.frozen_us = jump == 0 || random_below(chance, 4) == 0 ? FROZEN_US : 0;
    trial->is_kill = true;
    trial->cuts_again = jump <= 5;
    if (trial->cuts_again)
        trial->faults.cut_at = 1 + random_below(chance, 300);
}

typedef enum FaultKind {
    FAULT_CUT,
    FAULT_SYNC,
    FAULT_ERROR,
    FAULT_FULL,
    FAULT_CLOCK,
    FAULT_DAMAGE,
    FAULT_COUNT,
} FaultKind;

/* Add one fault of the kind to those of a run of so many calls. */
static void trial_add_fault(Trial *trial, SimFaults *faults, FaultKind kind, int64_t calls,
                            uint64_t *chance)
{
    switch (kind) {
    case FAULT_CUT:
        faults->cut_at = 1 + random_below(chance, calls);
        faults->cuts_after = random_below(chance, 2) == 0;
        break;
    case FAULT_SYNC:
    case FAULT_ERROR:
        faults->fail_calls = kind == FAULT_SYNC ? SIM_SYNCS : SIM_ALL;
        faults->fail_at = 1 + random_below(chance, kind == FAULT_SYNC ? calls / 4 + 1 : calls);
        faults->fail_with = kind == FAULT_ERROR && random_below(chance, 3) == 0 ? ERR_FULL : ERR_IO;
        /* A disk that is full for ever is waited for as long. */
        faults->fails_for_ever = faults->fail_with == ERR_IO && random_below(chance, 4) == 0;
        break;
    case FAULT_FULL:
        faults->disk_bytes = 15000 + random_below(chance, 25000);
        faults->disk_room_back_us = INT64_C(1704067200000000) + random_below(chance, 20000000);
        break;
    case FAULT_CLOCK:
        faults->clock_set_after_us = 1 + random_below(chance, CLOCK_SET_US_MAX);
        /* Forward only by less than state lives: the run after a crash believes the clock. */
        faults->clock_jump_us = (random_below(chance, 2) == 0 ? 5 : -3600) * INT64_C(1000000);
        break;
    case FAULT_DAMAGE: trial->is_to_damage = true; break;
    case FAULT_COUNT: break;
    }
}

/* Every pair of kinds in turn, also a kind with itself; together, or one after the other. */
static void trial_plan_pair(Trial *trial, int64_t number, int64_t calls, uint64_t *chance)
{
    FaultKind first = (FaultKind)(number % FAULT_COUNT);
    FaultKind second = (FaultKind)(number / FAULT_COUNT % FAULT_COUNT);
    trial->is_kill = random_below(chance, 2) == 0;
    trial_add_fault(trial, &trial->faults, first, calls, chance);
    if (random_below(chance, 2) == 0 && first != second) {
        trial_add_fault(trial, &trial->faults, second, calls, chance);
        return;
    }
    trial->later_runs = 1 + (int32_t)random_below(chance, RECOVERIES_MAX);
    trial_add_fault(trial, &trial->later, second, calls / 4 + 1, chance);
    if (first == FAULT_CLOCK || first == FAULT_FULL || first == FAULT_DAMAGE)
        trial_add_fault(trial, &trial->faults, FAULT_CUT, calls, chance);
}

/* Links that fail are the rule in some trials, and there are none in others. */
static void trial_plan_network(Trial *trial, int64_t calls, uint64_t *chance)
{
    static const int32_t shares[] = {0, 100, 500, 900};
    RemoteFaults *remote = &trial->remote;
    remote->net = (NetFaults){
        .latency_us = 1 + random_below(chance, 2000),
        .jitter_us = random_below(chance, 3) == 0 ? 20000 : 500,
        .in_pieces = shares[random_below(chance, 4)],
        .bad_links = shares[random_below(chance, 4)],
        .bad_left = (int32_t)random_below(chance, 12),
        .troubles = (int32_t)random_below(chance, 4),
        .is_late = true,
    };
    remote->loses = random_below(chance, 6) == 0;
    remote->refusals = random_below(chance, 4) == 0 ? (int32_t)random_below(chance, 100) : 0;
    trial->is_kill = random_below(chance, 2) == 0;
    trial->cuts_again = random_below(chance, 2) == 0;
    trial->stops = random_below(chance, 3) == 0;
    if (trial->stops)
        trial->faults.stop_after_us = 1 + random_below(chance, STOP_US_MAX);
    if (random_below(chance, 2) == 0)
        trial_add_fault(trial, &trial->faults, FAULT_CUT, calls, chance);
    if (random_below(chance, 6) == 0)
        trial_add_fault(trial, &trial->faults,
                        random_below(chance, 2) == 0 ? FAULT_ERROR : FAULT_FULL, calls, chance);
}

/* Trial number `number` of a mode; the same schedule while the call that goes wrong moves on. */
static void trial_plan(Trial *trial, int64_t number, int64_t calls, uint64_t seed)
{
    uint64_t chance = hash_combine(seed, (uint64_t)number);
    int64_t way = (number - 1) / calls;
    switch (trial->mode) {
    case MODE_PLAIN: trial->seed = chance; break;
    case MODE_CUTS:
    case MODE_KILLS:
        trial->faults.cut_at = pick(number, calls);
        trial->faults.cuts_after = way % 2 == 1;
        trial->cuts_again = random_below(&chance, 4) == 0;
        trial->is_kill = trial->mode == MODE_KILLS;
        break;
    case MODE_SYNCS:
        trial->faults.fail_at = pick(number, calls);
        trial->faults.fail_calls = SIM_SYNCS;
        trial->faults.fail_with = way / 2 % 2 == 1 ? ERR_FULL : ERR_IO;
        trial->is_kill = way % 2 == 1;
        break;
    case MODE_ERRORS:
        trial->faults.fail_at = pick(number, calls);
        trial->faults.fail_calls = SIM_ALL;
        trial->faults.fail_with = ERR_IO;
        trial->faults.fails_for_ever = way % 2 == 1;
        break;
    case MODE_FULL: trial_plan_full(trial, &chance); break;
    case MODE_DAMAGE:
        trial->seed = chance;
        trial->is_to_damage = true;
        trial->faults.cut_at = 1 + random_below(&chance, calls);
        trial->is_kill = true;
        break;
    case MODE_CLOCK:
        trial->seed = chance;
        trial_plan_clock(trial, &chance);
        break;
    case MODE_REPLAYS:
    case MODE_HUNT:
    case MODE_COUNT: break;
    case MODE_NETWORK:
        trial->seed = chance;
        trial_plan_network(trial, calls, &chance);
        break;
    case MODE_PAIRS:
        trial->seed = chance;
        trial_plan_pair(trial, number, calls, &chance);
        break;
    case MODE_CHAOS:
        trial->seed = chance;
        trial->cuts_again = true;
        trial->is_kill = random_below(&chance, 2) == 0;
        trial->faults = trial_next_faults(trial, &chance);
        if (random_below(&chance, 2) == 0)
            trial_plan_full(trial, &chance);
        if (random_below(&chance, 3) == 0) {
            trial->faults.fail_at = 1 + random_below(&chance, calls);
            trial->faults.fail_calls = SIM_ALL;
            trial->faults.fail_with = random_below(&chance, 2) == 0 ? ERR_IO : ERR_FULL;
        }
    }
}

static uint32_t calls_of(Mode mode)
{
    return mode == MODE_SYNCS ? SIM_SYNCS : mode == MODE_ERRORS ? SIM_ALL : SIM_CHANGES;
}

static bool run_number(const Options *options, const Scenario *scenario, int64_t calls,
                       int64_t number, Trial *trial)
{
    *trial = (Trial){.scenario = scenario,
                     .mode = options->mode,
                     .number = number,
                     .seed = options->seed,
                     .is_traced = options->is_traced};
    trial_plan(trial, number, calls, options->seed);
    bool is_right = trial_run(trial);
    if (!is_right || !runs_twice[options->mode])
        return is_right;
    Trial *again = malloc(sizeof *again);
    *again = *trial;
    again->runs = 0;
    again->is_traced = false;
    is_right = trial_run(again);
    if (is_right && again->trace != trial->trace)
        is_right = trial_fails(trial, "the same seed gave another trace");
    free(again);
    return is_right;
}

typedef struct Tally {
    int64_t trials, failures;
} Tally;

static int64_t trials_of(const Options *options, int64_t calls)
{
    int64_t trials = options->trials;
    if (trials == 0) {
        int64_t of_all_calls = call_ways[options->mode] * calls;
        trials = round_trials[options->mode];
        trials = trials < of_all_calls ? of_all_calls : trials;
    }
    return trials < options->only ? options->only : trials;
}

/* No job runs in these. */
static Tally run_replays(const Options *options)
{
    int64_t trials = trials_of(options, 0);
    Tally tally = {0};
    for (int64_t number = 1; number <= trials; number++) {
        if (options->only != 0 && number != options->only)
            continue;
        const char *wrong = replays_trial(options->seed, number);
        tally.trials++;
        tally.failures += wrong != NULL;
        if (wrong != NULL)
            printf("FAIL sim replays --seed %" PRIu64 " --only %" PRId64 "\n%s\n", options->seed,
                   number, wrong);
    }
    printf("sim replays: seed %" PRIu64 ", %" PRId64 " trials: %" PRId64 " failed\n", options->seed,
           tally.trials, tally.failures);
    return tally;
}

/* Trials after the fifth that fails are left out. */
static Tally run_mode(const Options *options)
{
    if (options->mode == MODE_REPLAYS)
        return run_replays(options);
    Scenario *scenario = scenario_new(options->seed, EVENTS, options->mode == MODE_NETWORK);
    int64_t calls = count_calls(scenario, options->seed, calls_of(options->mode));
    Trial *trial = malloc(sizeof *trial);
    int64_t trials = trials_of(options, calls), runs = 0;
    Tally tally = {0};
    for (int64_t number = 1; number <= trials && tally.failures < 5; number++) {
        if (options->only != 0 && number != options->only)
            continue;
        bool is_right = run_number(options, scenario, calls, number, trial);
        tally.trials++;
        runs += trial->runs;
        if (is_right)
            continue;
        tally.failures++;
        if (options->is_quiet)
            break;
        printf("FAIL sim %s --seed %" PRIu64 " --only %" PRId64 "\n%s\n", mode_names[options->mode],
               options->seed, number, trial->wrong);
    }
    if (!options->is_quiet)
        printf("sim %s: seed %" PRIu64 ", %" PRId64 " calls, %" PRId64 " trials, %" PRId64
               " runs: %" PRId64 " failed\n",
               mode_names[options->mode], options->seed, calls, tally.trials, runs, tally.failures);
    free(trial);
    scenario_free(scenario);
    outside_free(outside);
    outside = NULL;
    remote_end();
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

/* ---- Planted bugs -------------------------------------------------------------------------- */

#ifdef WEIR_PLANTED_BUGS
static const char *const bug_names[PLANTED_COUNT] = {
    [PLANTED_STATE_NOT_SYNCED] = "a checkpoint's state is not synced",
    [PLANTED_RENAME_NOT_SYNCED] = "a checkpoint's name is not synced",
    [PLANTED_COMMIT_TOO_EARLY] = "sinks commit before the checkpoint is durable",
    [PLANTED_CHECKSUM_IGNORED] = "checksums are not looked at",
    [PLANTED_SYNC_RETRIED] = "a failed sync is tried again",
    [PLANTED_SHARD_NOT_RESTORED] = "the state of one shard is not restored",
    [PLANTED_POSITION_BEHIND] = "the position of files is one file behind",
    [PLANTED_PART_NOT_SYNCED] = "files are published that are not synced",
    [PLANTED_IN_DOUBT_FORGOTTEN] = "what sinks had prepared is forgotten",
    [PLANTED_BARRIER_NOT_ALIGNED] = "barriers are not aligned",
    [PLANTED_DELETE_NOT_RESTORED] = "keys that were taken back come again with a checkpoint",
    [PLANTED_CHANGE_NOT_SAVED] = "a checkpoint has values from after its barrier",
    [PLANTED_OLD_REMOVED_TOO_EARLY] = "the last checkpoint goes before the new one is there",
    [PLANTED_LETTERS_NOT_MARKED] = "the start of dead letters is not marked",
    [PLANTED_LETTERS_NOT_HELD] = "dead letters are not held back",
    [PLANTED_LETTERS_NOT_SYNCED] = "dead letters are not synced",
    [PLANTED_CLOCK_BELIEVED] = "jumps of the clock are believed",
    [PLANTED_ANSWERS_NOT_AWAITED] = "rows whose answers got lost count as written",
    [PLANTED_ANSWER_LEFT] = "half an answer stays when its connection goes",
    [PLANTED_FORMER_LEFT] = "a connection that was given up goes on",
};

/* The mode that finds it, or NULL. */
static const char *hunt_one(const Options *options)
{
    static const Mode modes[] = {MODE_CUTS,  MODE_KILLS, MODE_SYNCS,  MODE_DAMAGE,
                                 MODE_CLOCK, MODE_CHAOS, MODE_NETWORK};
    bool is_of_network = planted(PLANTED_ANSWERS_NOT_AWAITED) || planted(PLANTED_ANSWER_LEFT) ||
                         planted(PLANTED_FORMER_LEFT);
    for (size_t i = 0; i < sizeof modes / sizeof modes[0]; i++) {
        /* No other pipeline here has a connection. */
        if (is_of_network != (modes[i] == MODE_NETWORK))
            continue;
        Options hunt = *options;
        hunt.mode = modes[i];
        hunt.is_quiet = true;
        if (run_mode(&hunt).failures != 0)
            return mode_names[modes[i]];
    }
    return NULL;
}

static int run_hunt(const Options *options)
{
    int32_t found = 0;
    for (int32_t bug = 1; bug < PLANTED_COUNT; bug++) {
        planted_bug = (PlantedBug)bug;
        const char *mode = hunt_one(options);
        found += mode != NULL;
        printf("%-55s %s\n", bug_names[bug], mode != NULL ? mode : "NOT FOUND");
    }
    printf("%d passed, %d failed\n", found, PLANTED_COUNT - 1 - found);
    return found == PLANTED_COUNT - 1 ? 0 : 1;
}
#else
static int run_hunt(const Options *options)
{
    (void)options;
    fprintf(stderr, "sim: this build has no planted bugs: -Dplanted_bugs=true\n");
    return 64;
}
#endif

static int usage(void)
{
    fprintf(stderr, "usage: sim all [--rounds N] [--seed S]\n"
                    "       sim MODE [--trials N] [--seed S] [--only TRIAL] [--trace]\n");
    return 64;
}

int main(int count, char **arguments)
{
    Options options = {.mode = MODE_COUNT, .seed = 1};
    for (int i = 1; i < count; i++) {
        const char *argument = arguments[i];
        const char *value = i + 1 < count ? arguments[i + 1] : NULL;
        bool is_mode = false;
        for (int32_t m = 0; m < MODE_COUNT && !is_mode; m++) {
            is_mode = strcmp(argument, mode_names[m]) == 0;
            options.mode = is_mode ? (Mode)m : options.mode;
        }
        if (is_mode)
            continue;
        if (strcmp(argument, "all") == 0)
            options.rounds = 1;
        else if (strcmp(argument, "--trace") == 0)
            options.is_traced = true;
        else if (value == NULL)
            return usage();
        else if (strcmp(argument, "--trials") == 0)
            options.trials = strtoll(arguments[++i], NULL, 10);
        else if (strcmp(argument, "--seed") == 0)
            options.seed = strtoull(arguments[++i], NULL, 10);
        else if (strcmp(argument, "--rounds") == 0)
            options.rounds = strtoll(arguments[++i], NULL, 10);
        else if (strcmp(argument, "--only") == 0)
            options.only = strtoll(arguments[++i], NULL, 10);
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
