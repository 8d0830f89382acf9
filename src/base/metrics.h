/* Counters and gauges that the HTTP listener shows at /metrics and progress lines read.
 *
 * A metric is made once (by name and labels; the same name and labels give the same metric)
 * and then updated from any thread without a lock. It lives as long as the process. Names
 * follow the Prometheus rules: weir_ prefix, base unit, _total on counters. */
#ifndef WEIR_BASE_METRICS_H
#define WEIR_BASE_METRICS_H

#include <stdatomic.h>
#include <stdint.h>

#include "base/buffer.h"

typedef struct Metric {
    _Atomic int64_t value; /* counters: events; gauges: the level, in the name's unit x scale */
} Metric;

typedef enum MetricKind { METRIC_COUNTER, METRIC_GAUGE } MetricKind;

/* `labels` is the text between the braces, already escaped: `table="orders"`, or "". `help`
 * is one sentence. `divisor` is what the value is divided by when shown (1000000 shows
 * microseconds as seconds), 1 for none. */
Metric *metric_get(MetricKind kind, const char *name, const char *labels, const char *help,
                   int64_t divisor);

static inline void metric_add(Metric *metric, int64_t amount)
{
    atomic_fetch_add_explicit(&metric->value, amount, memory_order_relaxed);
}

static inline void metric_set(Metric *metric, int64_t value)
{
    atomic_store_explicit(&metric->value, value, memory_order_relaxed);
}

static inline int64_t metric_value(const Metric *metric)
{
    return atomic_load_explicit(&metric->value, memory_order_relaxed);
}

/* The values of all metrics of this name, whatever their labels, added up. */
int64_t metrics_sum(const char *name);

typedef struct MetricSample {
    const char *labels;
    int64_t value;
} MetricSample;

/* Those of this name with the largest values, the largest first; how many. None while somebody
 * makes a metric: this does not wait, and asks for no memory. */
int32_t metrics_largest(const char *name, MetricSample *out, int32_t room);

/* The text exposition format of Prometheus 0.0.4, all metrics, grouped by name. */
void metrics_print(Buffer *out);

#endif
