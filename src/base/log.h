/* What weir tells the person who runs it: one line per event on standard error.
 *
 * Text on a terminal, logfmt otherwise. Never per record: callers count and say it once.
 * The same message from the same place is held back within a window of ten seconds and its
 * repeats are counted. Safe from any thread. Secrets must not be passed. */
#ifndef WEIR_BASE_LOG_H
#define WEIR_BASE_LOG_H

#include <stdbool.h>

typedef enum LogLevel { LOG_DEBUG, LOG_INFO, LOG_WARN, LOG_ERROR, LOG_OFF } LogLevel;
typedef enum LogFormat { LOG_TEXT, LOG_LOGFMT, LOG_JSON } LogFormat;

void log_configure(LogLevel level, LogFormat format, bool has_color);

/* `component` is a folder or connector name: "job", "mysql-cdc". */
void log_event(LogLevel level, const char *component, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

#endif
