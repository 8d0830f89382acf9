/* Signals, taken by a thread that waits for them: no handler runs anywhere. */
#include <pthread.h>
#include <signal.h>
#include <unistd.h>

#include "cli/cli.h"

/* Some send a signal twice at once, to the process and to its group (`timeout` does): that is one
 * wish, not impatience. */
enum { IMPATIENCE_US = 500 * 1000 };

struct SignalWatch {
    Cli *cli;
    void (*stop)(void *context);
    void *context;
    pthread_t thread;
};

/* SIGUSR2 is the watch's own: it ends the thread. A hang-up that is ignored, as under nohup, stays
 * so. */
static sigset_t signals_watched(void)
{
    sigset_t set;
    struct sigaction hangup;
    sigemptyset(&set);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGTERM);
    if (sigaction(SIGHUP, NULL, &hangup) == 0 && hangup.sa_handler != SIG_IGN)
        sigaddset(&set, SIGHUP);
    sigaddset(&set, SIGUSR2);
    return set;
}

void signals_block(void)
{
    sigset_t set = signals_watched();
    pthread_sigmask(SIG_BLOCK, &set, NULL);
    signal(SIGPIPE, SIG_IGN);
}

static void *signals_main(void *context)
{
    SignalWatch *watch = context;
    sigset_t set = signals_watched();
    World *world = watch->cli->world;
    int64_t first_us = 0;
    for (;;) {
        int number = 0;
        if (sigwait(&set, &number) != 0)
            continue;
        if (number == SIGUSR2)
            return NULL;
        if (first_us != 0 && world_monotonic_us(world) - first_us >= IMPATIENCE_US)
            _exit(EXIT_SIGNAL_BASE + number);
        if (first_us != 0)
            continue;
        first_us = world_monotonic_us(world);
        report_note(watch->cli, "stopping after a last checkpoint; once more to stop at once");
        watch->stop(watch->context);
    }
}

Status signals_watch(Cli *cli, void (*stop)(void *context), void *context, SignalWatch **out,
                     Error *error)
{
    SignalWatch *watch = ARENA_NEW(cli->arena, SignalWatch);
    watch->cli = cli;
    watch->stop = stop;
    watch->context = context;
    *out = NULL;
    if (pthread_create(&watch->thread, NULL, signals_main, watch) != 0)
        return fail_thread(error, "for signals");
    *out = watch;
    return OK;
}

void signals_end(SignalWatch *watch)
{
    if (watch == NULL)
        return;
    pthread_kill(watch->thread, SIGUSR2);
    pthread_join(watch->thread, NULL);
}
