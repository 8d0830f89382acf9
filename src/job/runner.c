/* Threads: each steps its tasks in turn and sleeps when none of them has anything to do. */
#include "job/internal.h"

#include <signal.h>
#include <string.h>

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

static bool runner_needs_ticks(const Runner *runner)
{
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

static void runner_loop(Runner *runner)
{
    Board *board = runner->board;
    bool needs_ticks = runner_needs_ticks(runner);
    int64_t ticked_us = world_monotonic_us(board->world);
    bool is_done = false;
    while (!is_done && !atomic_load(&board->is_stopping)) {
        int64_t now_us = world_monotonic_us(board->world);
        bool is_tick = now_us - ticked_us >= TICK_INTERVAL_US;
        if (is_tick)
            ticked_us = now_us;
        bool progressed;
        if (runner_step(runner, is_tick, &progressed, &is_done) != OK)
            return;
        if (!progressed && !is_done)
            waker_wait(runner->waker, needs_ticks ? TICK_INTERVAL_US : -1);
    }
}

static void *runner_main(void *context)
{
    Runner *runner = context;
    if (runner_open(runner) == OK)
        runner_loop(runner);
    /* What readers of other threads may still look at, such as materialized tables, is closed with
     * the job. */
    for (int32_t i = 0; i < runner->task_count; i++)
        if (runner->tasks[i]->fragment->kind != FRAGMENT_SHARDS)
            task_close(runner->tasks[i]);
    pthread_mutex_lock(&runner->board->mutex);
    runner->board->runners_alive--;
    pthread_mutex_unlock(&runner->board->mutex);
    waker_wake(runner->board->coordinator);
    return NULL;
}

/* Signals are for the main thread's helper: these threads take none. */
Status runners_start(Job *job, Error *error)
{
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int code = 0;
    job->board.runners_alive = job->runner_count;
    for (int32_t i = 0; i < job->runner_count; i++) {
        Runner *runner = &job->runners[i];
        if (code == 0)
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
    Status status =
        fail(error, ERR_LIMIT, "WR4404", "could not start a thread: %s", strerror(code));
    error_hint(error, "the system's limit of processes or memory is reached; see `ulimit -u`");
    return status;
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
    for (int32_t i = 0; i < job->runner_count; i++) {
        if (job->runners[i].has_thread)
            pthread_join(job->runners[i].thread, NULL);
        job->runners[i].has_thread = false;
    }
}
