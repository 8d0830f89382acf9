/* A request from the network: it is parsed or refused, within limits of memory; nothing runs. */
#include <stddef.h>

#include "kafka/broker.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    Broker *broker = broker_new(world_system(), NULL, &(BrokerConfig){.host = "h", .port = 1});
    call_free(call_new(broker, str_make((const char *)data, (int64_t)size)));
    broker_free(broker);
    return 0;
}
