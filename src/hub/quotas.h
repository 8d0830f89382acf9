/* How many bytes a second clients may produce and consume, by user and client id (Kafka's client
 * quotas). The file FOLDER/quotas has a line for each entity:
 *
 *     [uU-] USER \t [cC-] CLIENT \t PRODUCED \t CONSUMED        u, c: that one; U, C: the default;
 * -: any
 *
 * What counts for a client is the first of: its user and client id, its user and the default of
 * client ids, its user; the same with the default of users; its client id, the default of client
 * ids. Whoever falls under one entry by it shares its rate. Calls come from one thread at a time.
 */
#ifndef WEIR_HUB_QUOTAS_H
#define WEIR_HUB_QUOTAS_H

#include "base/list.h"
#include "base/status.h"
#include "base/world.h"

enum { QUOTAS_MAX = 10000, QUOTA_NAME_BYTES_MAX = 1024 };

typedef enum QuotaKind { QUOTA_PRODUCE, QUOTA_CONSUME, QUOTA_KIND_COUNT } QuotaKind;

/* Of a user or of a client id. */
typedef enum QuotaScope { QUOTA_OF_ANY, QUOTA_OF_DEFAULT, QUOTA_OF_ONE } QuotaScope;

typedef struct QuotaName {
    QuotaScope scope;
    Str name; /* with QUOTA_OF_ONE */
} QuotaName;

typedef struct Quota {
    QuotaName user, client;         /* not both QUOTA_OF_ANY */
    double rates[QUOTA_KIND_COUNT]; /* bytes a second; 0: no limit */
} Quota;

typedef struct Quotas Quotas;

/* Read the file in `folder`, if there is one. Close with quotas_close. WR5501: a line is none. */
Status quotas_open(World *world, const char *folder, Quotas **out, Error *error);
/* NULL is allowed. */
void quotas_close(Quotas *quotas);

int32_t quotas_count(const Quotas *quotas);
/* Until the next change. */
const Quota *quotas_at(const Quotas *quotas, int32_t index);

/* Set the rates of an entity, durably: those that are not negative; 0 takes the limit away. Names
 * are without control characters. WR5509: too many. */
Status quotas_set(Quotas *quotas, const Quota *changed, Error *error);

/* The client has produced or consumed so much: how many microseconds it has to wait for that, at
 * most QUOTA_WAIT_US_MAX; 0: it is within its rate. */
int64_t quotas_charge(Quotas *quotas, QuotaKind kind, Str user, Str client, int64_t bytes);

enum { QUOTA_WAIT_US_MAX = 15 * 1000 * 1000 };

#endif
