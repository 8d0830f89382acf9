/* The registry: a list that only grows, guarded for making and printing, not for updating. */
#include "base/metrics.h"

#include <assert.h>
#include <pthread.h>
#include <string.h>

#include "base/arena.h"

enum { METRICS_MAX = 10000 };

typedef struct Entry {
    struct Entry *next;
    const char *name;
    const char *labels;
    const char *help;
    MetricKind kind;
    int64_t divisor;
    Metric metric;
} Entry;

static pthread_mutex_t registry_mutex = PTHREAD_MUTEX_INITIALIZER;
static Arena *registry_arena;
static Entry *registry_first;
static int32_t registry_count;

static Entry *registry_find(const char *name, const char *labels)
{
    for (Entry *entry = registry_first; entry != NULL; entry = entry->next)
        if (strcmp(entry->name, name) == 0 && strcmp(entry->labels, labels) == 0)
            return entry;
    return NULL;
}

/* Next to the entries of its name, so that printing is grouped. */
static void registry_insert(Entry *entry)
{
    Entry **at = &registry_first;
    bool is_seen = false;
    while (*at != NULL) {
        bool is_same = strcmp((*at)->name, entry->name) == 0;
        if (is_seen && !is_same)
            break;
        is_seen = is_seen || is_same;
        at = &(*at)->next;
    }
    entry->next = *at;
    *at = entry;
    registry_count++;
}

Metric *metric_get(MetricKind kind, const char *name, const char *labels, const char *help,
                   int64_t divisor)
{
    assert(divisor > 0);
    pthread_mutex_lock(&registry_mutex);
    if (registry_arena == NULL)
        registry_arena = arena_new(0);
    /* Beyond the bound series fold into one per name, so a runaway label cannot grow memory. */
    if (registry_count >= METRICS_MAX)
        labels = "series=\"other\"";
    Entry *entry = registry_find(name, labels);
    if (entry == NULL) {
        entry = ARENA_NEW(registry_arena, Entry);
        entry->name = arena_printf(registry_arena, "%s", name);
        entry->labels = arena_printf(registry_arena, "%s", labels);
        entry->help = arena_printf(registry_arena, "%s", help);
        entry->kind = kind;
        entry->divisor = divisor;
        registry_insert(entry);
    }
    pthread_mutex_unlock(&registry_mutex);
    return &entry->metric;
}

int64_t metrics_sum(const char *name)
{
    int64_t sum = 0;
    pthread_mutex_lock(&registry_mutex);
    for (const Entry *entry = registry_first; entry != NULL; entry = entry->next)
        if (strcmp(entry->name, name) == 0)
            sum += metric_value(&entry->metric);
    pthread_mutex_unlock(&registry_mutex);
    return sum;
}

int32_t metrics_largest(const char *name, MetricSample *out, int32_t room)
{
    int32_t count = 0;
    if (pthread_mutex_trylock(&registry_mutex) != 0)
        return 0;
    for (const Entry *entry = registry_first; entry != NULL; entry = entry->next) {
        if (strcmp(entry->name, name) != 0)
            continue;
        MetricSample sample = {entry->labels, metric_value(&entry->metric)};
        int32_t at = count;
        while (at > 0 && out[at - 1].value < sample.value)
            at--;
        if (at == room)
            continue;
        count += count < room;
        memmove(&out[at + 1], &out[at], sizeof *out * (size_t)(count - at - 1));
        out[at] = sample;
    }
    pthread_mutex_unlock(&registry_mutex);
    return count;
}

static void print_sample(Buffer *out, const Entry *entry)
{
    buffer_append_text(out, entry->name);
    if (entry->labels[0] != '\0')
        buffer_printf(out, "{%s}", entry->labels);
    int64_t value = metric_value(&entry->metric);
    if (entry->divisor == 1)
        buffer_printf(out, " %lld\n", (long long)value);
    else
        buffer_printf(out, " %.6f\n", (double)value / (double)entry->divisor);
}

void metrics_print(Buffer *out)
{
    pthread_mutex_lock(&registry_mutex);
    const char *previous = "";
    for (const Entry *entry = registry_first; entry != NULL; entry = entry->next) {
        if (strcmp(previous, entry->name) != 0)
            buffer_printf(out, "# HELP %s %s\n# TYPE %s %s\n", entry->name, entry->help,
                          entry->name, entry->kind == METRIC_COUNTER ? "counter" : "gauge");
        previous = entry->name;
        print_sample(out, entry);
    }
    pthread_mutex_unlock(&registry_mutex);
}
