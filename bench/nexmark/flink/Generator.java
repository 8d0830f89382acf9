package weir.bench;

import org.apache.flink.table.data.StringData;
import org.apache.flink.table.data.TimestampData;

/**
 * The events of weir's nexmark connector, draw for draw, in its default proportions; how they are made is said in
 * src/connect/nexmark/generator.c. As there, only the fields that a query reads are made.
 */
final class Generator {
    static final int PERSON = 0, AUCTION = 1, BID = 2;
    /* Numbers of the fields, from which their draws are made. */
    static final int PERSON_ID = 0, PERSON_NAME = 1, PERSON_EMAIL = 2, PERSON_CARD = 3, PERSON_CITY = 4,
        PERSON_STATE = 5, PERSON_TIME = 6, PERSON_EXTRA = 7, AUCTION_ID = 8, AUCTION_ITEM = 9,
        AUCTION_DESCRIPTION = 10, AUCTION_INITIAL = 11, AUCTION_RESERVE = 12, AUCTION_TIME = 13, AUCTION_EXPIRES = 14,
        AUCTION_SELLER = 15, AUCTION_CATEGORY = 16, AUCTION_EXTRA = 17, BID_AUCTION = 18, BID_BIDDER = 19,
        BID_PRICE = 20, BID_CHANNEL = 21, BID_URL = 22, BID_TIME = 23, BID_EXTRA = 24, FIELDS = 25;

    private static final int PERSONS = 1, AUCTIONS = 3, TOTAL = 50;
    private static final int[] SIZES = {200, 500, 100};
    private static final int[] PERSON_TEXTS = {PERSON_NAME, PERSON_EMAIL, PERSON_CARD, PERSON_CITY, PERSON_STATE};
    private static final int[] AUCTION_TEXTS = {AUCTION_ITEM, AUCTION_DESCRIPTION};
    private static final long FIRST_ID = 1000, ACTIVE_PERSONS = 1000, IN_FLIGHT = 100, ID_LEAD = 10, HOT_BATCH = 100,
        HOT_AUCTIONS = 2, HOT_BIDDERS = 4, HOT_SELLERS = 4;

    private final Texts texts;
    private final long seed, baseMillis;
    private final double delayMicros;
    private long id, number;

    Generator(long seed, long baseMillis, double delayMicros) {
        this.texts = new Texts(Texts.hash(seed + 1));
        this.seed = Texts.hash(seed + 1);
        this.baseMillis = baseMillis;
        this.delayMicros = delayMicros;
    }

    /** To event `number` of a generator whose ids begin at `firstId`. */
    void moveTo(long firstId, long number) {
        this.id = firstId + number;
        this.number = number;
    }

    int kind() {
        long remainder = id % TOTAL;
        return remainder < PERSONS ? PERSON : remainder < PERSONS + AUCTIONS ? AUCTION : BID;
    }

    static int kindOf(int field) {
        return field < AUCTION_ID ? PERSON : field < BID_AUCTION ? AUCTION : BID;
    }

    /** A value of the event, as Flink has it inside. */
    Object value(int field) {
        return switch (field) {
            case PERSON_ID -> FIRST_ID + lastPerson();
            case AUCTION_ID -> FIRST_ID + lastAuction();
            case PERSON_TIME, AUCTION_TIME, BID_TIME -> TimestampData.fromEpochMillis(millis(number));
            case AUCTION_EXPIRES -> TimestampData.fromEpochMillis(expires());
            case AUCTION_INITIAL, BID_PRICE -> texts.price(draw(field));
            case AUCTION_RESERVE -> texts.price(draw(AUCTION_INITIAL)) + texts.price(draw(field));
            case AUCTION_SELLER -> FIRST_ID + seller();
            case AUCTION_CATEGORY -> 10 + drawBelow(draw(field), 5);
            case BID_AUCTION -> FIRST_ID + auction();
            case BID_BIDDER -> 2 * FIRST_ID + bidder();
            case PERSON_EXTRA, AUCTION_EXTRA, BID_EXTRA -> extra(field);
            case BID_CHANNEL, BID_URL -> StringData.fromBytes(texts.channel(draw(BID_CHANNEL), field == BID_URL));
            default -> StringData.fromBytes(texts.text(field, draw(field)));
        };
    }

    private long draw(int field) {
        return Texts.hash(seed + id * 0x9e3779b97f4a7c15L + field * 0xd1b54a32d192ed03L);
    }

    private static long drawBelow(long bits, long bound) {
        return ((bits & 0xffffffffL) * bound) >>> 32;
    }

    private static boolean isCold(long bits, long ratio) {
        return drawBelow(bits >>> 32, ratio) == 0;
    }

    private long millis(long number) {
        return baseMillis + (long) (number * delayMicros) / 1000;
    }

    private long lastPerson() {
        return id / TOTAL * PERSONS + Math.min(id % TOTAL, PERSONS - 1);
    }

    private long lastAuction() {
        long round = id / TOTAL, offset = id % TOTAL;
        return offset < PERSONS ? round * AUCTIONS - 1 : round * AUCTIONS + Math.min(offset - PERSONS, AUCTIONS - 1);
    }

    private long randomPerson(long bits) {
        long count = lastPerson() + 1, active = Math.min(count, ACTIVE_PERSONS);
        return count - active + drawBelow(bits, active + ID_LEAD);
    }

    private long seller() {
        long bits = draw(AUCTION_SELLER);
        return isCold(bits, HOT_SELLERS) ? randomPerson(bits) : lastPerson() / HOT_BATCH * HOT_BATCH;
    }

    private long auction() {
        long bits = draw(BID_AUCTION), last = lastAuction(), least = Math.max(last - IN_FLIGHT, 0);
        return isCold(bits, HOT_AUCTIONS) ? least + drawBelow(bits, last - least + 1 + ID_LEAD)
            : last / HOT_BATCH * HOT_BATCH;
    }

    private long bidder() {
        long bits = draw(BID_BIDDER);
        return isCold(bits, HOT_BIDDERS) ? randomPerson(bits) : lastPerson() / HOT_BATCH * HOT_BATCH + 1;
    }

    private long expires() {
        long now = millis(number), horizon = millis(number + IN_FLIGHT * TOTAL / AUCTIONS) - now;
        return now + 1 + drawBelow(draw(AUCTION_EXPIRES), Math.max(horizon * 2, 1));
    }

    private int size(int kind) {
        if (kind == BID) {
            return 32;
        }
        int size = kind == PERSON ? 8 : 48;
        for (int field : kind == PERSON ? PERSON_TEXTS : AUCTION_TEXTS) {
            size += texts.textLength(field, draw(field));
        }
        return size;
    }

    private StringData extra(int field) {
        int kind = kindOf(field), missing = SIZES[kind] - size(kind);
        if (missing <= 0) {
            return StringData.fromBytes(new byte[0]);
        }
        long bits = draw(field);
        int delta = (missing + 2) / 5;
        int length = missing - delta + (delta == 0 ? 0 : (int) drawBelow(bits, 2L * delta));
        return StringData.fromBytes(texts.letters(length, bits));
    }
}
