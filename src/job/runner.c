/* Threads: each steps its tasks in turn and sleeps when none of them has anything to do. A job of a
 * simulated world has none: its runners have their turns in the thread of job_run. */
#include "job/internal.h"

#include <sched.h>
#include <signal.h>
#include <string.h>

/* How often each runner may look in vain, on average, before time goes on. */
enum { IDLE_ROUNDS = 3 };

/* Of a shared runner, one after the other: what they give the workers to do is to last until the
 * next ones, and is to be in the caches still when it is done. */
enum { SHARED_TURNS = 8 };

/* Open the tasks of this thread that may block in it, and say so; job_open has opened the rest. */
static Status runner_open(Runner *runner)
{
    Board *board = runner->board;
    Status status = OK;
    for (int32_t i = 0; status == OK && i < runner->task_count; i++) {
        Task *task = runner->tasks[i];
        if (task->fragment->kind != FRAGMENT_SHARDS)
            status = task_open(task, *runner->restored);
        if (status != OK)
            board_fail(board, &task->error, status);
    }
    pthread_mutex_lock(&board->mutex);
    board->opens_missing--;
    pthread_mutex_unlock(&board->mutex);
    waker_wake(board->coordinator);
    return status;
}

/* State that may leave memory does so when it is short, also while no rows come. */
static bool runner_needs_ticks(const Runner *runner)
{
    if (runner->board->spill != NULL)
        return true;
    for (int32_t i = 0; i < runner->task_count; i++)
        for (int32_t k = 0; k < runner->tasks[i]->operator_count; k++)
            if (runner->tasks[i]->operators[k]->kind->tick != NULL)
                return true;
    return false;
}

static Status runner_step(Runner *runner, bool is_tick, bool *progressed, bool *is_done)
{
    *progressed = false;
    *is_done = true;
    int64_t now_us = is_tick ? world_now_us(runner->board->world) : 0;
    for (int32_t i = 0; i < runner->task_count; i++) {
        Task *task = runner->tasks[i];
        Status status = OK;
        if (is_tick)
            status = task_tick(task, now_us);
        if (status == OK)
            status = task_step(task, progressed);
        if (status != OK) {
            board_fail(runner->board, &task->error, status);
            return status;
        }
        *is_done = *is_done && task_is_done(task) && task_drain(task);
    }
    return OK;
}

/* From here on nobody helps its source. Whoever does at this moment is soon done. */
static void runner_end_help(Runner *runner)
{
    atomic_store(&runner->is_helped, false);
    while (atomic_load(&runner->helpers) > 0)
        sched_yield();
}

/* What readers of other threads may still look at, such as materialized tables, is closed with the
 * job. */
static void runner_end(Runner *runner)
{
    runner_end_help(runner);
    for (int32_t i = 0; i < runner->task_count; i++)
        if (runner->tasks[i]->fragment->kind != FRAGMENT_SHARDS)
            task_close(runner->tasks[i]);
    runner->phase = RUNNER_ENDED;
    pthread_mutex_lock(&runner->board->mutex);
    runner->board->runners_alive--;
    pthread_mutex_unlock(&runner->board->mutex);
    waker_wake(runner->board->coordinator);
}

/* A share of its work: open the tasks, step each of them, or close them. */
static void runner_turn(Runner *runner)
{
    Board *board = runner->board;
    runner->has_progressed = true;
    /* What is not open yet when another one fails stays so: the disk may be what has failed. */
    if (runner->phase == RUNNER_NEW && !atomic_load(&board->is_stopping)) {
        runner->phase = runner_open(runner) == OK ? RUNNER_OPEN : RUNNER_DONE;
        atomic_store(&runner->is_helped, runner->is_shared && runner->phase == RUNNER_OPEN);
        runner->needs_ticks = runner_needs_ticks(runner);
        runner->ticked_us = world_monotonic_us(board->world);
        return;
    }
    if (runner->phase == RUNNER_DONE || atomic_load(&board->is_stopping)) {
        runner_end(runner);
        return;
    }
    int64_t now_us = world_monotonic_us(board->world);
    bool is_tick = now_us - runner->ticked_us >= TICK_INTERVAL_US;
    if (is_tick)
        runner->ticked_us = now_us;
    bool is_done = false;
    Status status = runner_step(runner, is_tick, &runner->has_progressed, &is_done);
    if (status != OK || is_done) {
        runner->phase = RUNNER_DONE;
        runner->has_progressed = true;
    }
}

/* How long it may sleep, < 0: until it is woken. */
static int64_t runner_patience_us(const Runner *runner)
{
    int64_t patience_us = runner->needs_ticks ? TICK_INTERVAL_US : -1;
    for (int32_t i = 0; i < runner->task_count; i++) {
        int64_t wait_us = task_save_wait_us(runner->tasks[i]);
        if (wait_us >= 0 && (patience_us < 0 || wait_us < patience_us))
            patience_us = wait_us;
    }
    return patience_us;
}

static int64_t patience_least(int64_t one_us, int64_t other_us)
{
    if (one_us < 0 || other_us < 0)
        return one_us < 0 ? other_us : one_us;
    return one_us < other_us ? one_us : other_us;
}

/* ---- Sharing a runner ---------------------------------------------------------------------- */

/* False if another worker has the turn: it will wake this one. */
static bool shared_take(Runner *shared)
{
    for (;;) {
        uint32_t turn = TURN_FREE;
        if (atomic_compare_exchange_strong(&shared->turn, &turn, TURN_TAKEN))
            return true;
        if (turn == TURN_WANTED ||
            atomic_compare_exchange_strong(&shared->turn, &turn, TURN_WANTED))
            return false;
    }
}

/* Whoever came meanwhile may have made room that was not seen, and has perhaps gone to sleep. */
static void shared_give_back(Runner *shared)
{
    if (atomic_exchange(&shared->turn, TURN_FREE) != TURN_WANTED)
        return;
    for (int32_t i = 0; i < shared->crew->worker_count; i++)
        waker_wake(shared->crew->workers[i].waker);
}

/* Several turns in a row, so that all workers have something to do for a while. */
static bool shared_step(Runner *shared, int64_t *patience_us, bool *has_ended)
{
    if (!shared_take(shared)) {
        *has_ended = false;
        return false;
    }
    bool has_progressed = false;
    for (int32_t i = 0; i < SHARED_TURNS && shared->phase != RUNNER_ENDED; i++) {
        runner_turn(shared);
        if (!shared->has_progressed)
            break;
        has_progressed = true;
    }
    *patience_us = patience_least(*patience_us, runner_patience_us(shared));
    *has_ended = shared->phase == RUNNER_ENDED;
    shared_give_back(shared);
    return has_progressed;
}

/* Somebody with nothing else to do makes some of what the source will give out. */
static bool shared_help(Runner *shared, int32_t helper)
{
    Task *task = shared->tasks[0];
    assert(shared->task_count == 1 && task->reader != NULL);
    if (task->reader->helper_count == 0)
        return false;
    atomic_fetch_add(&shared->helpers, 1);
    bool has_helped = atomic_load(&shared->is_helped) && source_help(task, helper);
    atomic_fetch_sub(&shared->helpers, 1);
    return has_helped;
}

static void *runner_main(void *context)
{
    Runner *runner = context;
    const Crew *crew = runner->crew;
    bool is_worker = runner >= crew->workers && runner < crew->workers + crew->worker_count;
    int32_t shared_count = is_worker ? crew->shared_count : 0;
    bool has_ended = false;
    while (!has_ended) {
        bool has_progressed = false;
        int64_t patience_us = -1;
        if (runner->phase != RUNNER_ENDED) {
            runner_turn(runner);
            has_progressed = runner->has_progressed;
            patience_us = runner_patience_us(runner);
        }
        has_ended = runner->phase == RUNNER_ENDED;
        for (int32_t i = 0; i < shared_count; i++) {
            bool is_over;
            has_progressed =
                shared_step(&crew->shared[i], &patience_us, &is_over) || has_progressed;
            has_ended = has_ended && is_over;
        }
        for (int32_t i = 0; i < shared_count && !has_progressed && !has_ended; i++)
            has_progressed = shared_help(&crew->shared[i], (int32_t)(runner - crew->workers));
        if (!has_progressed && !has_ended)
            waker_wait(runner->waker, patience_us);
    }
    return NULL;
}

/* Without threads whoever waits for the runners lends them its own: one of them has a turn. When
 * all have looked in vain, time goes on. */
static void runners_take_turn(Job *job, int64_t timeout_us)
{
    int32_t chosen = job->options.choose(job->options.choose_context, job->runner_count);
    assert(chosen >= 0 && chosen < job->runner_count);
    Runner *runner = &job->runners[chosen];
    bool has_progressed = false;
    if (runner->phase != RUNNER_ENDED) {
        runner_turn(runner);
        has_progressed = runner->has_progressed;
    }
    job->idle_turns = has_progressed ? 0 : job->idle_turns + 1;
    if (job->idle_turns < IDLE_ROUNDS * job->runner_count)
        return;
    job->idle_turns = 0;
    bool is_short = timeout_us >= 0 && timeout_us < TICK_INTERVAL_US;
    job->world->kind->sleep_us(job->world, is_short ? timeout_us + 1 : TICK_INTERVAL_US);
}

void runners_await(Job *job, int64_t timeout_us)
{
    if (job->options.choose == NULL)
        waker_wait(job->board.coordinator, timeout_us);
    else
        runners_take_turn(job, timeout_us);
}

/* Signals are for the main thread's helper: these threads take none. */
Status runners_start(Job *job, Error *error)
{
    job->board.runners_alive = job->runner_count;
    if (job->options.choose != NULL)
        return OK;
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int code = 0;
    for (int32_t i = 0; i < job->runner_count; i++) {
        Runner *runner = &job->runners[i];
        if (runner->is_shared && job->crew.workers[0].has_thread)
            continue;
        if (code == 0 && !runner->is_shared)
            code = pthread_create(&runner->thread, NULL, runner_main, runner);
        runner->has_thread = code == 0;
        if (!runner->has_thread) {
            pthread_mutex_lock(&job->board.mutex);
            job->board.runners_alive--;
            pthread_mutex_unlock(&job->board.mutex);
        }
    }
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (code == 0)
        return OK;
    return fail_thread(error, "to run the pipeline");
}

void runners_wake(Job *job)
{
    for (int32_t i = 0; i < job->runner_count; i++)
        waker_wake(job->runners[i].waker);
}

int32_t runners_alive(Job *job)
{
    pthread_mutex_lock(&job->board.mutex);
    int32_t count = job->board.runners_alive;
    pthread_mutex_unlock(&job->board.mutex);
    return count;
}

void runners_join(Job *job)
{
    runners_wake(job);
    while (job->options.choose != NULL && runners_alive(job) > 0)
        runners_take_turn(job, -1);
    for (int32_t i = 0; i < job->runner_count; i++) {
        if (job->runners[i].has_thread)
            pthread_join(job->runners[i].thread, NULL);
        job->runners[i].has_thread = false;
    }
}
