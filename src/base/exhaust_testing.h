/* For tests: an operation while memory runs out, at each of its allocations in turn.
 *
 * Each attempt is a process of its own. Where the allocation fails it must end with
 * MEMORY_EXIT_CODE and one message; the last attempt is the one that completes. */
#ifndef WEIR_BASE_EXHAUST_TESTING_H
#define WEIR_BASE_EXHAUST_TESTING_H

#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/memory.h"

typedef struct Exhaust {
    void (*operation)(void *context); /* what it leaves behind vanishes, unless it is in files */
    void *context;
    int64_t first; /* the allocation that fails first; 0 as 1 */
    int64_t step;  /* from one failing allocation to the next; 0 as 1 */
    /* After each attempt, in this process. May be NULL. */
    void (*after)(void *context, bool has_completed);
} Exhaust;

typedef struct ExhaustResult {
    int64_t attempts;
    const char *wrong; /* what an attempt did that it must not, or NULL */
} ExhaustResult;

enum { EXHAUST_COMPLETED = 3, EXHAUST_ATTEMPTS_MAX = 1000000 };

static inline int exhaust_attempt(const Exhaust *exhaust, int64_t number, char *said, int64_t room)
{
    int ends[2];
    fflush(NULL);
    if (pipe(ends) != 0)
        return -1;
    pid_t child = fork();
    if (child == 0) {
        dup2(ends[1], STDERR_FILENO);
        close(ends[0]);
        close(ends[1]);
        memory_fail_at(number);
        exhaust->operation(exhaust->context);
        _exit(EXHAUST_COMPLETED);
    }
    close(ends[1]);
    int64_t length = 0;
    for (ssize_t got = 1; got > 0 && length<room - 1; length += got> 0 ? got : 0)
        got = read(ends[0], said + length, (size_t)(room - 1 - length));
    said[length] = '\0';
    close(ends[0]);
    int status = 0;
    if (child < 0 || waitpid(child, &status, 0) != child)
        return -1;
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

static inline bool exhaust_has_said_it(const char *said)
{
    static const char message[] = "error[WR5201]: out of memory: ";
    const char *first = strstr(said, message);
    return first != NULL && strstr(first + 1, message) == NULL;
}

static inline ExhaustResult exhaust_run(const Exhaust *exhaust)
{
    static char wrong[8192];
    ExhaustResult result = {0};
    int64_t number = exhaust->first > 0 ? exhaust->first : 1;
    for (int code = 0; code != EXHAUST_COMPLETED && result.attempts < EXHAUST_ATTEMPTS_MAX;) {
        char said[4096];
        code = exhaust_attempt(exhaust, number, said, sizeof said);
        result.attempts++;
        bool has_ended_well = code == MEMORY_EXIT_CODE && exhaust_has_said_it(said);
        if (code != EXHAUST_COMPLETED && !has_ended_well) {
            snprintf(wrong, sizeof wrong,
                     "allocation %lld failed: exit code %d, and it said:\n%s\n", (long long)number,
                     code, said);
            result.wrong = wrong;
            return result;
        }
        if (exhaust->after != NULL)
            exhaust->after(exhaust->context, code == EXHAUST_COMPLETED);
        number += exhaust->step > 0 ? exhaust->step : 1;
    }
    return result;
}

#endif
