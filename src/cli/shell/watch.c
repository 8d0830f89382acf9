/* Signals of the shell, taken by a thread that waits for them. */
#include <signal.h>
#include <unistd.h>

#include "cli/shell/shell.h"

static sigset_t watch_signals(void)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGHUP);
    sigaddset(&set, SIGUSR2);
    return set;
}

static void watch_stop(Shell *shell, bool is_end)
{
    pthread_mutex_lock(&shell->lock);
    atomic_store(&shell->is_stopped, true);
    if (shell->current != NULL)
        job_stop(shell->current);
    bool is_idle = shell->current == NULL;
    pthread_mutex_unlock(&shell->lock);
    if (is_end) {
        atomic_store(&shell->is_quitting, true);
        shell_stop_jobs(shell);
    } else if (is_idle && !shell->is_interactive) {
        shell_stop_jobs(shell);
    }
}

static void *watch_main(void *context)
{
    Shell *shell = context;
    sigset_t set = watch_signals();
    bool has_ended = false;
    for (;;) {
        int number = 0;
        if (sigwait(&set, &number) != 0)
            continue;
        if (number == SIGUSR2)
            return NULL;
        /* A second wish to end is not argued with. */
        if (number != SIGINT && has_ended)
            _exit(EXIT_SIGNAL_BASE + number);
        has_ended |= number != SIGINT;
        watch_stop(shell, number != SIGINT);
        if (number == SIGINT || !shell->is_interactive)
            continue;
        /* The shell waits for a line that may never come. */
        shell_wait_jobs(shell);
        _exit(EXIT_SIGNAL_BASE + number);
    }
}

void shell_watch(Shell *shell)
{
    shell->is_watched = pthread_create(&shell->watch, NULL, watch_main, shell) == 0;
}

void shell_unwatch(Shell *shell)
{
    if (!shell->is_watched)
        return;
    pthread_kill(shell->watch, SIGUSR2);
    pthread_join(shell->watch, NULL);
}
