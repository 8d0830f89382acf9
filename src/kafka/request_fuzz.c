/* A request from the network: it is parsed or refused, within limits of memory; nothing runs. */
#include <stddef.h>

#include "kafka/broker.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    Logins *logins = logins_new(world_system(), &(LoginsConfig){0});
    Peer *peer = peer_new(logins, &(PeerOrigin){.host = "h"});
    Broker *broker = broker_new(world_system(), NULL, &(BrokerConfig){.logins = logins});
    call_free(call_new(broker, peer, str_make((const char *)data, (int64_t)size)));
    broker_free(broker);
    peer_free(peer);
    logins_free(logins);
    return 0;
}
