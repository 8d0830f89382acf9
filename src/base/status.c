/* Filling the error slot. */
#include "base/status.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

Status fail(Error *error, Status status, const char *code, const char *format, ...)
{
    if (error == NULL)
        return status;
    error_clear(error);
    error->status = status;
    snprintf(error->code, sizeof error->code, "%s", code);
    va_list args;
    va_start(args, format);
    vsnprintf(error->text, sizeof error->text, format, args);
    va_end(args);
    return status;
}

Status fail_thread(Error *error, const char *purpose)
{
    Status status = fail(error, ERR_LIMIT, "WR4404", "could not start a thread %s", purpose);
    error_hint(error, "the system's limit of processes or memory is reached; see `ulimit -u`");
    if (error != NULL)
        error->is_retriable = true;
    return status;
}

void error_hint(Error *error, const char *format, ...)
{
    if (error == NULL)
        return;
    va_list args;
    va_start(args, format);
    vsnprintf(error->hint, sizeof error->hint, format, args);
    va_end(args);
}

void error_clear(Error *error)
{
    error->status = OK;
    error->code[0] = '\0';
    error->text[0] = '\0';
    error->hint[0] = '\0';
    error->is_retriable = false;
    error->is_in_place = false;
}

const char *status_name(Status status)
{
    switch (status) {
    case OK: return "ok";
    case ERR_AGAIN: return "again";
    case ERR_END: return "end";
    case ERR_INVALID: return "invalid";
    case ERR_NOT_FOUND: return "not found";
    case ERR_PERMISSION: return "permission denied";
    case ERR_UNAVAILABLE: return "unavailable";
    case ERR_IO: return "i/o";
    case ERR_FULL: return "no space";
    case ERR_LIMIT: return "limit";
    case ERR_DECODE: return "decode";
    case ERR_CORRUPT: return "corrupt";
    case ERR_LOST: return "history lost";
    case ERR_CANCELLED: return "cancelled";
    case ERR_INTERNAL: return "internal";
    }
    return "unknown";
}
