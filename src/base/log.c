/* One line per event, with repeats held back. */
#include "base/log.h"

#include <pthread.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/hash.h"
#include "base/world.h"

enum {
    LOG_LINE_BYTES = 2048,
    LOG_REPEAT_SLOTS = 64,
    LOG_REPEAT_WINDOW_US = 10 * 1000 * 1000,
};

typedef struct Repeat {
    uint64_t hash;
    int64_t first_us;
    int64_t held_back;
} Repeat;

static pthread_mutex_t log_mutex = PTHREAD_MUTEX_INITIALIZER;
static LogLevel log_level = LOG_INFO;
static LogFormat log_format = LOG_TEXT;
static bool log_has_color;
static Repeat repeats[LOG_REPEAT_SLOTS];

void log_configure(LogLevel level, LogFormat format, bool has_color)
{
    pthread_mutex_lock(&log_mutex);
    log_level = level;
    log_format = format;
    log_has_color = has_color;
    pthread_mutex_unlock(&log_mutex);
}

static const char *level_name(LogLevel level)
{
    switch (level) {
    case LOG_DEBUG: return "debug";
    case LOG_INFO: return "info";
    case LOG_WARN: return "warn";
    case LOG_ERROR: return "error";
    case LOG_OFF: return "off";
    }
    return "";
}

/* Inside quotes of JSON and logfmt: escape what would end or break the line. */
static void print_quoted(const char *text)
{
    putc('"', stderr);
    for (const unsigned char *at = (const unsigned char *)text; *at != '\0'; at++) {
        if (*at == '"' || *at == '\\')
            fprintf(stderr, "\\%c", *at);
        else if (*at < 0x20)
            fprintf(stderr, "\\u%04x", *at);
        else
            putc(*at, stderr);
    }
    putc('"', stderr);
}

static void print_line(LogLevel level, const char *component, const char *text, int64_t now_us)
{
    char when[32];
    time_t seconds = (time_t)(now_us / 1000000);
    struct tm parts;
    gmtime_r(&seconds, &parts);
    strftime(when, sizeof when, "%Y-%m-%dT%H:%M:%S", &parts);
    int millis = (int)(now_us / 1000 % 1000);
    switch (log_format) {
    case LOG_TEXT:
        fprintf(stderr,
                log_has_color ? "\033[2m%s.%03dZ\033[0m %-5s %s: %s\n" : "%s.%03dZ %-5s %s: %s\n",
                when, millis, level_name(level), component, text);
        break;
    case LOG_LOGFMT:
        fprintf(stderr, "ts=%s.%03dZ level=%s component=%s msg=", when, millis, level_name(level),
                component);
        print_quoted(text);
        putc('\n', stderr);
        break;
    case LOG_JSON:
        fprintf(stderr, "{\"ts\":\"%s.%03dZ\",\"level\":\"%s\",\"component\":\"%s\",\"msg\":", when,
                millis, level_name(level), component);
        print_quoted(text);
        fputs("}\n", stderr);
        break;
    }
}

/* True when this line is to be printed; adds "(n more held back)" when some were not. */
static bool repeat_allows(char *text, uint64_t hash, int64_t now_us)
{
    Repeat *slot = &repeats[hash % LOG_REPEAT_SLOTS];
    if (slot->hash == hash && now_us - slot->first_us < LOG_REPEAT_WINDOW_US) {
        slot->held_back++;
        return false;
    }
    if (slot->hash == hash && slot->held_back > 0) {
        size_t used = strlen(text);
        snprintf(text + used, LOG_LINE_BYTES - used, " (%lld more held back)",
                 (long long)slot->held_back);
    }
    *slot = (Repeat){.hash = hash, .first_us = now_us};
    return true;
}

void log_event(LogLevel level, const char *component, const char *format, ...)
{
    char text[LOG_LINE_BYTES];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    World *world = world_system();
    pthread_mutex_lock(&log_mutex);
    if (level >= log_level) {
        uint64_t hash = hash_combine(hash_bytes(text, (int64_t)strlen(text)),
                                     hash_bytes(component, (int64_t)strlen(component)));
        if (repeat_allows(text, hash, world_monotonic_us(world)))
            print_line(level, component, text, world_clock_us(world));
    }
    pthread_mutex_unlock(&log_mutex);
}
