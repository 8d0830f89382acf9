package weir.conformance;

import java.lang.reflect.Method;
import java.util.Collection;
import org.apache.flink.metrics.groups.CacheMetricGroup;
import org.apache.flink.table.connector.source.lookup.cache.DefaultLookupCache;
import org.apache.flink.table.connector.source.lookup.cache.LookupCache;
import org.apache.flink.table.data.RowData;
import org.apache.flink.util.clock.Clock;

/** Flink's cache of lookups, by the virtual clock. */
final class ClockedCache implements LookupCache {
    private static final long serialVersionUID = 1L;

    private final DefaultLookupCache cache;

    ClockedCache(DefaultLookupCache cache) {
        this.cache = cache;
    }

    @Override
    public void open(CacheMetricGroup metrics) {
        try {
            Method withClock = DefaultLookupCache.class.getDeclaredMethod("withClock", Clock.class);
            withClock.setAccessible(true);
            withClock.invoke(cache, VirtualClock.CLOCK);
        } catch (ReflectiveOperationException changed) {
            throw new IllegalStateException(changed);
        }
        cache.open(metrics);
    }

    @Override
    public Collection<RowData> getIfPresent(RowData key) {
        return cache.getIfPresent(key);
    }

    @Override
    public Collection<RowData> put(RowData key, Collection<RowData> value) {
        return cache.put(key, value);
    }

    @Override
    public void invalidate(RowData key) {
        cache.invalidate(key);
    }

    @Override
    public long size() {
        return cache.size();
    }

    @Override
    public void close() throws Exception {
        cache.close();
    }

    @Override
    public boolean equals(Object other) {
        return other instanceof ClockedCache clocked && clocked.cache.equals(cache);
    }

    @Override
    public int hashCode() {
        return cache.hashCode();
    }
}
