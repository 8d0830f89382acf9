"""The main job: what MariaDB answers, Redis, the HTTP API and the lake answer too."""

import pathlib
import random
import sys

from lib import TOP, Skip, main, wait_until

sys.path.insert(0, str(TOP / "examples" / "store-sales"))

import agree  # noqa: E402
import orders  # noqa: E402


def play(job, shop, session, minutes):
    for _ in range(minutes):
        for statements in shop.next_minute():
            session.send(";".join(statements))
        session.sync()


def finish(job, shop, session):
    upto = agree.last_full_window(shop.now)
    session.run(orders.closing_payment(shop.next_id, shop.now))
    job.wait_for(upto)
    lines, windows = job.compare(upto)
    assert not lines, "\n".join(lines)
    assert windows > 500, windows


def test_a_living_shop_is_the_same_everywhere(box):
    """Snapshot, then payments, amendments, moves, refunds, cancellations, deletes, roll-backs."""
    job = agree.Job(box)
    shop = orders.Shop(rate=120)
    session = job.db.session("shop")
    play(job, shop, session, 30)
    job.start()
    play(job, shop, session, 60)
    finish(job, shop, session)


def test_a_killed_pipeline_goes_on_where_it_was(box):
    """kill -9 again and again while the shop lives: still the same in every window."""
    job = agree.Job(box)
    shop = orders.Shop(seed=2, rate=60)
    session = job.db.session("shop")
    play(job, shop, session, 20)
    choice = random.Random(3)
    job.start()
    for _ in range(6):
        play(job, shop, session, choice.randint(1, 12))
        if choice.random() < 0.5:
            wait_until(lambda: job.redis.keys("sales:*"), "a first result", 60, process=job.weir)
        job.weir.kill()
        play(job, shop, session, 2)
        job.start()
    finish(job, shop, session)


def test_half_a_million_real_invoice_lines(box):
    """Online Retail, cancellations included, every store and window of a year."""
    path = TOP.parent / "shared" / "data" / "online_retail" / "online_retail.csv.gz"
    if not pathlib.Path(path).exists():
        raise Skip("the Online Retail data is not beside the project")
    job = agree.Job(box).start()
    session = job.db.session("shop")
    rows = 0
    for statement, last, count in orders.retail_payments(path):
        session.send(statement)
        rows += count
    at = orders.datetime.datetime.strptime(last, "%Y-%m-%d %H:%M:%S")
    session.run(orders.closing_payment(rows + 1, at))
    upto = agree.last_full_window(at)
    job.wait_for(upto, 300)
    lines, windows = job.compare(upto, is_sparse=True)
    assert rows == 541909, rows
    assert not lines, "\n".join(lines)
    assert windows > 100000, windows


main()
