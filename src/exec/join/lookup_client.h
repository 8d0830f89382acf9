/* Asking a connector for rows by key: again and again until the server answers, one request after
 * the other or several at a time.
 *
 *     requests ──> [ thread, reader ] … ──find──> server      async
 *     requests ──> reader ──find──> server                    else, on the caller's thread
 *
 * The caller waits in lookup_client_run and is told of each request when it is done: in their
 * order, or as they are done. */
#ifndef WEIR_EXEC_JOIN_LOOKUP_CLIENT_H
#define WEIR_EXEC_JOIN_LOOKUP_CLIENT_H

#include "connect/lookup.h"
#include "exec/exec.h"

typedef struct LookupClient LookupClient;

/* Filled by the caller: keys. `rows` are good until the next run. */
typedef struct LookupRequest {
    const Batch *keys;
    int32_t first; /* the caller's */
    LookupRows *rows;
} LookupRequest;

typedef Status LookupDone(void *context, LookupRequest *request);

/* An instance of a connector's reader, not open; its arena is its own and the caller's to free. */
LookupReader *lookup_make_reader(const LookupKind *kind, const PlanNode *node,
                                 const TaskContext *task);

/* For the operator of a PLAN_LOOKUP_JOIN. */
LookupClient *lookup_client_new(Operator *op, const LookupKind *kind);
/* Connect. Waits for a server that is not there. */
Status lookup_client_open(LookupClient *client);
/* How many keys a request may have. */
int32_t lookup_client_keys_max(const LookupClient *client);
/* Have all requests answered. Fails with what is no passing trouble, and when the job stops. */
Status lookup_client_run(LookupClient *client, LookupRequest *requests, int32_t count,
                         LookupDone *done, void *context);
/* From another thread: make calls return soon. */
void lookup_client_interrupt(LookupClient *client);
/* NULL is allowed. */
void lookup_client_close(LookupClient *client);
/* False when the job stops meanwhile. */
bool lookup_client_pause(LookupClient *client, int64_t pause_us);

#endif
