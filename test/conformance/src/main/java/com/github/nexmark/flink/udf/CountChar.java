package com.github.nexmark.flink.udf;

import org.apache.flink.table.annotation.DataTypeHint;
import org.apache.flink.table.data.StringData;
import org.apache.flink.table.functions.ScalarFunction;

/** What Nexmark's function of this name does: counts a byte in a text. */
public class CountChar extends ScalarFunction {
    private static final long serialVersionUID = 1L;

    public long eval(
            @DataTypeHint(value = "STRING", bridgedTo = StringData.class) StringData text,
            @DataTypeHint(value = "STRING", bridgedTo = StringData.class) StringData character) {
        long count = 0;
        if (text != null) {
            byte wanted = character.toBytes()[0];
            for (byte each : text.toBytes()) {
                count += each == wanted ? 1 : 0;
            }
        }
        return count;
    }
}
