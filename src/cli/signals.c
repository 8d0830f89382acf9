/* Signals, taken by a thread that waits for them: no handler runs anywhere. */
#include <pthread.h>
#include <signal.h>
#include <unistd.h>

#include "cli/cli.h"

struct SignalWatch {
    Cli *cli;
    Job *job;
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
    bool is_stopping = false;
    for (;;) {
        int number = 0;
        if (sigwait(&set, &number) != 0)
            continue;
        if (number == SIGUSR2)
            return NULL;
        if (is_stopping)
            _exit(EXIT_SIGNAL_BASE + number);
        is_stopping = true;
        report_note(watch->cli, "stopping after a last checkpoint; once more to stop at once");
        job_stop(watch->job);
    }
}

SignalWatch *signals_watch(Cli *cli, Job *job)
{
    SignalWatch *watch = ARENA_NEW(cli->arena, SignalWatch);
    watch->cli = cli;
    watch->job = job;
    if (pthread_create(&watch->thread, NULL, signals_main, watch) != 0)
        return NULL;
    return watch;
}

void signals_end(SignalWatch *watch)
{
    if (watch == NULL)
        return;
    pthread_kill(watch->thread, SIGUSR2);
    pthread_join(watch->thread, NULL);
}
