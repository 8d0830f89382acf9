/* Looking rows up in Redis, for redis.c. */
#ifndef WEIR_CONNECT_REDIS_LOOKUP_H
#define WEIR_CONNECT_REDIS_LOOKUP_H

#include "connect/connect.h"

bool redis_looks_up(const TableOptions *table, LookupInfo *out);
/* Why the table cannot be looked up as it is declared, with the option it is about and what to do;
 * or NULL. */
const char *redis_lookup_refuse(const TableCheck *check, const char **key, const char **help);

extern const LookupKind redis_lookup;

#endif
