"""What the Nexmark queries must give, worked out over the events one by one, with nothing of weir.

Each function takes the events of a file and returns rows as tuples of what `print` writes.
"""

import collections
import datetime
import re

TEN_SECONDS = 10_000


class Events:
    """The events of a file of JSON lines, by kind, in order."""

    def __init__(self, lines):
        self.persons, self.auctions, self.bids = [], [], []
        for event in lines:
            kind = event["event_type"]
            rows = (self.persons, self.auctions, self.bids)[kind]
            row = event[("person", "auction", "bid")[kind]]
            row["ms"] = millis(row["dateTime"])
            if "expires" in row:
                row["expires_ms"] = millis(row["expires"])
            rows.append(row)

    def auction_bids(self):
        """Each bid that came while its auction was open, with the auction."""
        auctions = {a["id"]: a for a in self.auctions}
        for bid in self.bids:
            auction = auctions.get(bid["auction"])
            if auction and auction["ms"] <= bid["ms"] <= auction["expires_ms"]:
                yield auction, bid


EPOCH = datetime.datetime(1970, 1, 1)


def millis(text):
    shape = "%Y-%m-%d %H:%M:%S.%f" if "." in text else "%Y-%m-%d %H:%M:%S"
    return round((datetime.datetime.strptime(text, shape) - EPOCH).total_seconds() * 1000)


def stamp(ms):
    """A TIMESTAMP(3) as `print` writes it."""
    when = EPOCH + datetime.timedelta(milliseconds=ms)
    if ms % 1000:
        return when.strftime("%Y-%m-%dT%H:%M:%S.") + f"{ms % 1000:03d}"
    return when.strftime("%Y-%m-%dT%H:%M:%S" if when.second else "%Y-%m-%dT%H:%M")


def day(ms):
    return stamp(ms)[:10]


def texts(*values):
    return tuple("null" if value is None else str(value) for value in values)


def bid_row(bid):
    return (bid["auction"], bid["bidder"], bid["price"], stamp(bid["ms"]), bid["extra"])


def euros(price):
    return f"{price * 908 // 1000}.{price * 908 % 1000:03d}"


# ---------------------------------------------------------------- row by row

def q0(events):
    return [texts(*bid_row(b)) for b in events.bids]


def q1(events):
    return [texts(b["auction"], b["bidder"], euros(b["price"]), stamp(b["ms"]), b["extra"])
            for b in events.bids]


def q2(events):
    return [texts(b["auction"], b["price"]) for b in events.bids if b["auction"] % 123 == 0]


def q10(events):
    return [texts(*bid_row(b), day(b["ms"]), stamp(b["ms"])[11:16]) for b in events.bids]


def q13(events):
    return [texts(b["auction"], b["bidder"], b["price"], stamp(b["ms"]), b["auction"] % 10000)
            for b in events.bids]


def q14(events):
    rows = []
    for b in events.bids:
        if not 1_000_000_000 < 908 * b["price"] < 50_000_000_000:
            continue
        hour = b["ms"] // 3_600_000 % 24
        name = "dayTime" if 8 <= hour <= 18 else "nightTime" if hour <= 6 or hour >= 20 \
            else "otherTime"
        rows.append(texts(b["auction"], b["bidder"], euros(b["price"]), name, stamp(b["ms"]),
                          b["extra"], b["extra"].count("c")))
    return rows


def q21(events):
    known = {"apple": "0", "google": "1", "facebook": "2", "baidu": "3"}
    rows = []
    for b in events.bids:
        found = re.search(r"(?:&|^)channel_id=([^&]*)", b["url"])
        number = known.get(b["channel"].lower(), found and found.group(1))
        if number is not None:
            rows.append(texts(b["auction"], b["bidder"], b["price"], b["channel"], number))
    return rows


def q22(events):
    return [texts(b["auction"], b["bidder"], b["price"], b["channel"], *b["url"].split("/")[3:6])
            for b in events.bids]


# ---------------------------------------------------------------- joins

def q3(events):
    persons = {p["id"]: p for p in events.persons if p["state"] in ("OR", "ID", "CA")}
    return [texts(persons[a["seller"]]["name"], persons[a["seller"]]["city"],
                  persons[a["seller"]]["state"], a["id"])
            for a in events.auctions if a["category"] == 10 and a["seller"] in persons]


def auction_tail(a):
    return (a["itemName"], a["description"], a["initialBid"], a["reserve"], stamp(a["ms"]),
            stamp(a["expires_ms"]), a["seller"], a["category"], a["extra"])


def q20(events):
    auctions = {a["id"]: a for a in events.auctions if a["category"] == 10}
    return [texts(b["auction"], b["bidder"], b["price"], b["channel"], b["url"], stamp(b["ms"]),
                  b["extra"], *auction_tail(auctions[b["auction"]]))
            for b in events.bids if b["auction"] in auctions]


def q23(events):
    persons = {p["id"]: p for p in events.persons}
    sellers = collections.defaultdict(list)
    for a in events.auctions:
        sellers[a["seller"]].append(a)
    rows = []
    for b in events.bids:
        p = persons.get(b["bidder"])
        for a in sellers[b["bidder"]] if p else ():
            rows.append(texts(b["bidder"], b["price"], b["channel"], b["url"], b["extra"], p["id"],
                              p["name"], p["emailAddress"], p["creditCard"], p["city"], p["state"],
                              p["extra"], *auction_tail(a)))
    return rows


def q4(events):
    winning = {}
    for a, b in events.auction_bids():
        winning[a["id"]] = (a["category"], max(b["price"], winning.get(a["id"], (0, 0))[1]))
    prices = collections.defaultdict(list)
    for category, price in winning.values():
        prices[category].append(price)
    return [texts(category, sum(found) // len(found)) for category, found in prices.items()]


def q9(events):
    best = {}
    for a, b in events.auction_bids():
        other = best.get(a["id"])
        if other is None or (-b["price"], b["ms"]) < (-other[1]["price"], other[1]["ms"]):
            best[a["id"]] = (a, b)
    return [texts(a["id"], a["itemName"], a["description"], a["initialBid"], a["reserve"],
                  stamp(a["ms"]), stamp(a["expires_ms"]), a["seller"], a["category"], a["extra"],
                  *bid_row(b)) for a, b in best.values()]


# ---------------------------------------------------------------- windows

def q5(events):
    windows = collections.defaultdict(collections.Counter)
    for b in events.bids:
        first = b["ms"] // 2000 * 2000 - 8000
        for start in range(first, b["ms"] + 1, 2000):
            windows[start][b["auction"]] += 1
    rows = []
    for counts in windows.values():
        most = max(counts.values())
        rows += [texts(auction, count) for auction, count in counts.items() if count == most]
    return rows


def q7(events):
    most = collections.Counter()
    for b in events.bids:
        window = b["ms"] // TEN_SECONDS
        most[window] = max(most[window], b["price"])
    rows = []
    for window, price in most.items():
        start = window * TEN_SECONDS
        rows += [texts(b["auction"], b["price"], b["bidder"], stamp(b["ms"]), b["extra"])
                 for b in events.bids
                 if b["price"] == price and start <= b["ms"] <= start + TEN_SECONDS]
    return rows


def q8(events):
    sellers = {(a["seller"], a["ms"] // TEN_SECONDS) for a in events.auctions}
    return [texts(p["id"], p["name"], stamp(p["ms"] // TEN_SECONDS * TEN_SECONDS))
            for p in events.persons if (p["id"], p["ms"] // TEN_SECONDS) in sellers]


def q11(events):
    rows, sessions = [], {}

    def close(bidder):
        count, start, end = sessions.pop(bidder)
        rows.append(texts(bidder, count, stamp(start), stamp(end)))

    for b in events.bids:
        bidder = b["bidder"]
        if bidder in sessions and sessions[bidder][2] < b["ms"]:
            close(bidder)
        count, start, _ = sessions.get(bidder, (0, b["ms"], 0))
        sessions[bidder] = (count + 1, start, b["ms"] + TEN_SECONDS)
    for bidder in list(sessions):
        close(bidder)
    return rows


# ---------------------------------------------------------------- groups

def statistics(bids, with_distinct):
    ranks = (bids, [b for b in bids if b["price"] < 10_000],
             [b for b in bids if 10_000 <= b["price"] < 1_000_000],
             [b for b in bids if b["price"] >= 1_000_000])
    out = [len(rank) for rank in ranks]
    for key in ("bidder", "auction") if with_distinct else ():
        out += [len({b[key] for b in rank}) for rank in ranks]
    return out


def grouped(events, key):
    groups = collections.defaultdict(list)
    for b in events.bids:
        groups[key(b)].append(b)
    return groups.items()


def q15(events):
    return [texts(when, *statistics(bids, True))
            for when, bids in grouped(events, lambda b: day(b["ms"]))]


def q16(events):
    return [texts(*key, max(stamp(b["ms"])[11:16] for b in bids), *statistics(bids, True))
            for key, bids in grouped(events, lambda b: (b["channel"], day(b["ms"])))]


def q17(events):
    rows = []
    for key, bids in grouped(events, lambda b: (b["auction"], day(b["ms"]))):
        prices = [b["price"] for b in bids]
        rows.append(texts(*key, *statistics(bids, False), min(prices), max(prices),
                          sum(prices) // len(prices), sum(prices)))
    return rows


def full_bid(b):
    return (b["auction"], b["bidder"], b["price"], b["channel"], b["url"], stamp(b["ms"]),
            b["extra"])


def q18(events):
    last = {(b["bidder"], b["auction"]): b for b in events.bids}
    return [texts(*full_bid(b)) for b in last.values()]


def q19(events):
    rows = []
    for _, bids in grouped(events, lambda b: b["auction"]):
        bids.sort(key=lambda b: -b["price"])
        rows += [texts(*full_bid(b), rank) for rank, b in enumerate(bids[:10], 1)]
    return rows


# ---------------------------------------------------------------- patterns

def by_auction_and_bidder(events):
    return grouped(events, lambda b: (b["auction"], b["bidder"]))


def c0(events):
    """At most one of the two variables fits each bid, so a start has one match or none."""
    rows = []
    for key, bids in by_auction_and_bidder(events):
        start = 0
        while start < len(bids):
            end = start + 1
            while end < len(bids) and bids[end]["price"] < bids[end - 1]["price"]:
                end += 1
            if end < len(bids) and end - start > 2 and bids[end]["price"] > bids[end - 2]["price"]:
                rows.append(texts(*key, stamp(bids[start]["ms"]), stamp(bids[end - 1]["ms"]),
                                  stamp(bids[end]["ms"])))
                start = end
            else:
                start += 1
    return rows


class Begun:
    """A match that has begun and can end in one way only, as in the patterns below."""

    def __init__(self, bid, index):
        self.first = self.last = bid
        self.start = index
        self.sum = bid["price"]
        self.count = 1


def matches(bids, take, skips_past, within_ms=None):
    """`take` gives True if the match takes the bid and goes on, "end" if it ends with it, else
    False. A match comes out as soon as none that began earlier is unfinished."""
    begun, ended = [], []

    def come_out():
        nonlocal begun, ended
        while ended and (not begun or ended[0][0].start < begun[0].start):
            match, last, end = ended.pop(0)
            if skips_past:
                begun = [other for other in begun if other.start > end]
                ended = [other for other in ended if other[0].start > end]
            yield match, last

    for i, bid in enumerate(bids):
        if within_ms:
            begun = [match for match in begun if bid["ms"] - match.first["ms"] < within_ms]
            yield from come_out()
        goes_on = []
        for match in begun:
            taken = take(match, bid)
            if taken == "end":
                ended.append((match, bid, i))
            elif taken:
                match.last = bid
                match.sum += bid["price"]
                match.count += 1
                goes_on.append(match)
        match = Begun(bid, i)
        begun = goes_on + ([match] if take(None, bid) else [])
        ended.sort(key=lambda found: found[0].start)
        yield from come_out()
    if within_ms:
        begun = []
        yield from come_out()


def low_averages(events, skips_past):
    """(A+ B), A AS AVG(A.price) < 10000"""
    def take(match, bid):
        total, count = (match.sum, match.count) if match else (0, 0)
        if (total + bid["price"]) // (count + 1) < 10_000:
            return True
        return "end" if match else False

    return [texts(*key, stamp(match.first["ms"]), stamp(match.last["ms"]),
                  match.sum // match.count)
            for key, bids in by_auction_and_bidder(events)
            for match, _ in matches(bids, take, skips_past)]


def c1(events):
    return low_averages(events, True)


def c2(events):
    return low_averages(events, False)


def c3(events):
    """(A B* C) WITHIN INTERVAL '5' SECOND"""
    def take(match, bid):
        least = match.first["price"] - 50 if match else 0
        return bid["price"] > least or (bid["price"] < least and "end")

    return [texts(*key, stamp(last["ms"]), match.first["price"] - last["price"])
            for key, bids in by_auction_and_bidder(events)
            for match, last in matches(bids, take, True, 5000)]
