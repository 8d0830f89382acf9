package org.apache.flink.runtime.state.ttl;

import weir.conformance.VirtualClock;

/** Stands before Flink's class of this name, so that state expires by the virtual clock. */
public interface TtlTimeProvider {
    TtlTimeProvider DEFAULT = VirtualClock::now;

    long currentTimestamp();
}
