package weir.bench;

import java.nio.charset.StandardCharsets;
import java.util.Arrays;

/** Names, addresses, channels, letters and prices from random bits, as src/connect/nexmark/text.c makes them. */
final class Texts {
    private static final int CHANNELS = 10000, POWER_STEPS = 4096, LETTERS_BITS = 14, LETTERS_STEP = 32;
    private static final double STEP = 6 * 2.302585092994045684 / POWER_STEPS;
    private static final byte[][] FIRST_NAMES = bytes(
        "Peter", "Paul", "Luke", "John", "Saul", "Vicky", "Kate", "Julie", "Sarah", "Deiter", "Walter");
    private static final byte[][] LAST_NAMES = bytes(
        "Shultz", "Abrams", "Spencer", "White", "Bartels", "Walton", "Smith", "Jones", "Noris");
    private static final byte[][] CITIES = bytes(
        "Phoenix", "Los Angeles", "San Francisco", "Boise", "Portland", "Bend", "Redmond", "Seattle", "Kent",
        "Cheyenne");
    private static final byte[][] STATES = bytes("AZ", "CA", "ID", "OR", "WA", "WY");
    private static final byte[][] HOT_CHANNELS = bytes("Google", "Facebook", "Baidu", "Apple");

    private final double[] powers = new double[POWER_STEPS];
    private final byte[] letters = new byte[(1 << LETTERS_BITS) + LETTERS_STEP];
    private final byte[][] channels = new byte[CHANNELS + HOT_CHANNELS.length][];
    private final byte[][] urls = new byte[CHANNELS + HOT_CHANNELS.length][];
    private final byte[] room = new byte[128];
    private long state;
    private int length;

    Texts(long seed) {
        for (int i = 0; i < POWER_STEPS; i++) {
            powers[i] = 100 * Math.pow(10, 6.0 * i / POWER_STEPS);
        }
        state = hash(seed ^ 0x6368616e6e656c73L);
        makeLetters();
        for (int i = 0; i < channels.length; i++) {
            boolean isHot = i >= CHANNELS;
            channels[i] = isHot ? HOT_CHANNELS[i - CHANNELS] : ("channel-" + i).getBytes(StandardCharsets.US_ASCII);
            boolean hasChannel = !isHot && below(10) > 0;
            urls[i] = makeUrl(hasChannel, i);
        }
    }

    private static byte[][] bytes(String... texts) {
        return Arrays.stream(texts).map(text -> text.getBytes(StandardCharsets.US_ASCII)).toArray(byte[][]::new);
    }

    static long hash(long value) {
        value ^= value >>> 33;
        value *= 0xff51afd7ed558ccdL;
        value ^= value >>> 33;
        value *= 0xc4ceb9fe1a85ec53L;
        return value ^ (value >>> 33);
    }

    private long next() {
        state += 0x9e3779b97f4a7c15L;
        return hash(state);
    }

    private int below(int bound) {
        return (int) (((next() >>> 32) * bound) >>> 32);
    }

    private void makeLetters() {
        int bits = 0;
        for (int i = 0; i < letters.length; i++) {
            bits = i % 6 == 0 ? (int) (next() >>> 32) : bits / 26;
            letters[i] = (byte) ('a' + bits % 26);
        }
    }

    private byte[] makeUrl(boolean hasChannel, int channel) {
        length = 0;
        put("https://www.nexmark.com");
        for (int i = 0; i < 3; i++) {
            room[length++] = '/';
            putString(5, '_');
        }
        put("/item.htm?query=1");
        if (hasChannel) {
            put("&channel_id=" + Math.abs((long) Integer.reverse(channel)));
        }
        return Arrays.copyOf(room, length);
    }

    private void put(String text) {
        put(text.getBytes(StandardCharsets.US_ASCII));
    }

    private void put(byte[] text) {
        System.arraycopy(text, 0, room, length, text.length);
        length += text.length;
    }

    /** Three to max - 1 letters, of which one in 13 is the other character; blanks at the ends go. */
    private void putString(int max, char other) {
        int count = 3 + below(max - 3), from = length, first = length, end = length + count;
        long bits = 0;
        for (int i = 0; i < count; i++) {
            bits = i % 4 == 0 ? next() : bits >>> 16;
            int which = (int) (((bits & 0xffff) * 13 * 26) >>> 16);
            room[from + i] = (byte) (which % 13 == 0 ? other : 'a' + which / 13);
        }
        while (end > first && room[end - 1] == ' ') {
            end--;
        }
        while (first < end && room[first] == ' ') {
            first++;
        }
        System.arraycopy(room, first, room, from, end - first);
        length = from + end - first;
    }

    private void putCard() {
        for (int group = 0; group < 4; group++) {
            if (group > 0) {
                room[length++] = ' ';
            }
            int digits = below(10000);
            for (int i = 3; i >= 0; i--, digits /= 10) {
                room[length + i] = (byte) ('0' + digits % 10);
            }
            length += 4;
        }
    }

    /** Into `room`; how long it is. */
    private int makeText(int field, long bits) {
        state = bits;
        length = 0;
        switch (field) {
            case Generator.PERSON_NAME -> {
                put(FIRST_NAMES[below(FIRST_NAMES.length)]);
                room[length++] = ' ';
                put(LAST_NAMES[below(LAST_NAMES.length)]);
            }
            case Generator.PERSON_EMAIL -> {
                putString(7, ' ');
                room[length++] = '@';
                putString(5, ' ');
                put(".com");
            }
            case Generator.PERSON_CARD -> putCard();
            case Generator.PERSON_CITY -> put(CITIES[below(CITIES.length)]);
            case Generator.PERSON_STATE -> put(STATES[below(STATES.length)]);
            case Generator.AUCTION_ITEM -> putString(20, ' ');
            case Generator.AUCTION_DESCRIPTION -> putString(100, ' ');
            default -> throw new IllegalArgumentException("field " + field);
        }
        return length;
    }

    byte[] text(int field, long bits) {
        return Arrays.copyOf(room, makeText(field, bits));
    }

    int textLength(int field, long bits) {
        return makeText(field, bits);
    }

    long price(long bits) {
        double x = ((bits >>> 20) & 0xffffffffL) * (STEP / 4294967296.0);
        double power = powers[(int) (bits >>> 52)] * (1 + x * (1 + x * 0.5));
        return (long) (power + 0.5);
    }

    byte[] channel(long bits, boolean isUrl) {
        int index = (bits & 1) != 0
            ? CHANNELS + (int) Long.remainderUnsigned(bits >>> 1, HOT_CHANNELS.length)
            : (int) (((bits >>> 32) * CHANNELS) >>> 32);
        return (isUrl ? urls : channels)[index];
    }

    /** Pieces of a long random text, each from a place of its own. */
    byte[] letters(int count, long bits) {
        byte[] out = new byte[count];
        for (int at = 0; at < count; at += LETTERS_STEP) {
            System.arraycopy(letters, (int) (bits >>> (64 - LETTERS_BITS)), out, at,
                Math.min(LETTERS_STEP, count - at));
            bits = bits * 0xd1342543de82ef95L + 0x2545f4914f6cdd1dL;
        }
        return out;
    }
}
