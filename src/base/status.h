/* How an operation says that it failed.
 *
 * Three kinds of trouble, three answers. A bug is an assert, which stays on in release
 * builds. Bad data is not an error: the row goes to the dead letters and is counted.
 * Everything else is a Status, returned by the function that noticed and passed on by its
 * callers; the first to notice also fills the Error with what a person needs to act. */
#ifndef WEIR_BASE_STATUS_H
#define WEIR_BASE_STATUS_H

#include <stdbool.h>
#include <stdint.h>

typedef enum [[nodiscard]] Status{
    OK = 0,          ERR_AGAIN, /* nothing now, try later: not a failure */
    ERR_END,                    /* no more input, ever: not a failure */
    ERR_INVALID,                /* the user's SQL, option or argument is wrong */
    ERR_NOT_FOUND,              /* a file, table or server object does not exist */
    ERR_PERMISSION,             /* refused by the system or a server */
    ERR_UNAVAILABLE,            /* a server cannot be reached or went away */
    ERR_IO,                     /* reading or writing failed */
    ERR_FULL,                   /* no space left on the device */
    ERR_LIMIT,                  /* a named bound was reached */
    ERR_DECODE,                 /* bytes are not what their format promises */
    ERR_CORRUPT,                /* our own files are damaged */
    ERR_LOST,                   /* history that is needed no longer exists */
    ERR_CANCELLED,              /* the user or a shutdown asked to stop */
    ERR_INTERNAL,               /* a bug that was caught */
} Status;

enum { ERROR_CODE_BYTES = 8, ERROR_TEXT_BYTES = 2048, ERROR_HINT_BYTES = 768 };

/* The one error slot of a query or job. Plain data; copied by assignment. */
typedef struct Error {
    Status status;
    char code[ERROR_CODE_BYTES]; /* "WR3001", or "" */
    char text[ERROR_TEXT_BYTES]; /* lower case, no full stop at the end */
    char hint[ERROR_HINT_BYTES]; /* what to do, or "" */
    bool is_retriable;           /* the same call may succeed later */
    bool is_in_place;            /* of a source: all before it is good, and where it stands can be
                                    gone on from when the cause is removed */
} Error;

/* Fill `error` (unless NULL) and return `status`, so that a failing function ends with
 * `return fail(error, ERR_IO, "WR5002", "could not read %s: %s", path, strerror(errno));`.
 * `code` has the form WRnnnn and is documented in docs/errors.md. */
Status fail(Error *error, Status status, const char *code, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

/* The system refused a thread for what `purpose` says ("to read files"). Retriable: it may be had
 * later. */
Status fail_thread(Error *error, const char *purpose);

/* Add the advice that follows the message after "help:". */
void error_hint(Error *error, const char *format, ...) __attribute__((format(printf, 2, 3)));

void error_clear(Error *error);

/* A short English name, for logs: "unavailable". */
const char *status_name(Status status);

/* The only macro that returns: pass a failure on unchanged. Not for functions that must
 * clean up; those use one `done:` label. */
#define TRY(call)                                                                                  \
    do {                                                                                           \
        Status try_status_ = (call);                                                               \
        if (try_status_ != OK)                                                                     \
            return try_status_;                                                                    \
    } while (0)

#endif
