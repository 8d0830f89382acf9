/* The hub of this process: topics in the pipeline's own data folder, for tables that name no
 * cluster. It is opened when the first of them asks, and others may reach it if it listens. */
#ifndef WEIR_CONNECT_EMBEDDED_H
#define WEIR_CONNECT_EMBEDDED_H

#include "base/status.h"
#include "base/world.h"
#include "format/format.h"

typedef struct EmbeddedHub EmbeddedHub;

/* The log is DATA_DIR/hub. `listen` is HOST:PORT or NULL, and `advertise` where clients are told
 * that it is, or NULL. Nothing is opened yet. */
EmbeddedHub *embedded_hub_new(World *world, const char *data_dir, const char *listen,
                              const char *advertise);
/* Ends it; nobody may be connected any more. NULL is allowed. */
void embedded_hub_free(EmbeddedHub *hub);

/* Open it unless that is done; from any thread. */
Status embedded_hub_need(EmbeddedHub *hub, Error *error);
/* HOST:PORT as clients are told, once it is open. */
const char *embedded_hub_address(const EmbeddedHub *hub);
/* A socket to it, once it is open; from any thread. -1: there is none. */
int embedded_hub_connect(EmbeddedHub *hub);
/* The schema registry over its topics; the hub is opened when it is first asked. NULL of NULL. */
const LocalRegistry *embedded_hub_registry(EmbeddedHub *hub);
/* Why it has ended before its time, if it has. */
Status embedded_hub_trouble(EmbeddedHub *hub, Error *error);

#endif
