#!/usr/bin/env python3
"""Stores in a bucket: what comes back, what others see of it, and what happens when the network or
the server does not do as it should."""

import random
import ssl
import subprocess

from lib import main
from s3 import PART, S3, TRIES, Proxy, Store, answer, cut_after, cut_before, cut_body, refuse

# Each of them a name that some signer, server or parser has tripped over.
ODD_NAMES = ["plain", "k=v/a=1/part-0", "with space", "a+b", "a&b=c?d#e", "per%20cent%", "tilde~",
             "quote'\"`", "brackets[](){}", "star*!;:@$,", "back\\slash", "<tag>&amp;",
             "\u00fcml\u00e4ut/\u65e5\u672c/\U0001f600", "-", "a/b/c/d/e", "...", "x" * 200]


def server(box):
    return box.keep(S3(box.path("s3"))).start()


def content(size, seed=1):
    return random.Random(seed).randbytes(size)


def test_objects_come_back(box):
    """Of every size around that of a part, whatever the pieces in which they are written."""
    s3 = server(box)
    store = Store(s3)
    pieces = [("0", 0, 7), ("1", 1, 7), ("few", 1000, 999), ("less", PART - 1, 4096 * 3),
              ("part", PART, PART), ("more", PART + 1, PART * 2), ("three", 20_000_000, 70_001)]
    for name, size, piece in pieces:
        store("write", f"sizes/{name}", piece, stdin=content(size))
        assert store("cat", f"sizes/{name}", 30_000_000) == content(size), name
        assert int(store("size", f"sizes/{name}")) == size
    seen = s3.boto("{n: [s3.head_object(Bucket='weir', Key='some/prefix/sizes/' + n)[k] "
                   f"for k in ('ContentLength', 'ETag')] for n in {[p[0] for p in pieces]}}}")
    for name, size, _ in pieces:
        length, etag = seen[name]
        assert length == size, (name, length)
        parts = -(-size // PART)
        assert etag.strip('"').endswith(f"-{parts}") == (size >= PART), (name, etag)
    # Files go the same way, and an object takes the place of one that had the name.
    path, back = box.path("file"), box.path("back")
    path.write_bytes(content(10_000_000, 2))
    store("put", "sizes/few", path)
    store("get", "sizes/few", back)
    assert back.read_bytes() == path.read_bytes()
    assert "WR4432" in store.error("cat", "sizes/few", 9_999_999)
    assert store.names("sizes/") == sorted(f"sizes/{name}" for name, _, _ in pieces)


def test_ranges(box):
    """Any part of an object, also at and behind its end."""
    s3 = server(box)
    store = Store(s3)
    data = content(100_000)
    store("write", "data", 100_000, stdin=data)
    for offset, size in ((0, 1), (0, 100_000), (0, 200_000), (5, 10), (99_999, 1), (99_999, 5),
                         (100_000, 1), (500_000, 10), (7, 0)):
        assert store("read", "data", offset, size) == data[offset:offset + size], (offset, size)
    assert "WR4450" in store.error("read", "nothing", 0, 1)
    assert "WR4450" in store.error("read", "nothing", 0, 0)
    assert "WR4450" in store.error("size", "nothing")


def test_odd_names(box):
    """Every name is signed, stored, listed and read as it is."""
    s3 = server(box)
    store = Store(s3, "s3a://weir/a prefix/k=v/")
    for name in ODD_NAMES:
        store("write", name, 100, stdin=name.encode())
    for name in ODD_NAMES:
        assert store("cat", name, 1000).decode() == name
        assert int(store("size", name)) == len(name.encode())
    assert store.names() == sorted(ODD_NAMES, key=str.encode)
    assert store.names("k=v/a") == ["k=v/a=1/part-0"]
    assert sorted(s3.keys("a prefix/")) == sorted(f"a prefix/k=v/{name}" for name in ODD_NAMES)
    # What others keep under the prefix and ours cannot be is not ours.
    s3.boto("[s3.put_object(Bucket='weir', Key='a prefix/k=v/' + k, Body=b'')['ETag'] "
            "for k in ('', 'folder/', '/root', 'half.tmp')]")
    assert store.names() == sorted(ODD_NAMES, key=str.encode)
    for name in ODD_NAMES:
        store("remove", name)
        store("remove", name)
    assert store.names() == []


def test_long_lists(box):
    """More names than come in one answer, and only those with the prefix."""
    s3 = server(box)
    store = Store(s3)
    store("many", "many/", 1105)
    store("many", "other/", 3)
    assert store.names("many/") == [f"many/{i:04}" for i in range(1, 1106)]
    assert len(store.names()) == 1108
    assert store.names("many/11") == [f"many/11{i:02}" for i in range(6)]


def test_unfinished_writes(box):
    """A write that is given up leaves nothing; one whose process died leaves parts, until they are
    swept up."""
    s3 = server(box)
    store = Store(s3)
    uploads = "[u['Key'] for u in s3.list_multipart_uploads(Bucket='weir').get('Uploads', [])]"
    store("give-up", "small", 1000)
    store("give-up", "large", PART * 2 + 1)
    assert s3.boto(uploads) == [] and s3.keys() == []
    store("leave", "a/small", 1000)
    store("leave", "a/large", PART * 2 + 1)
    store("leave", "b/large", PART + 1)
    assert sorted(s3.boto(uploads)) == ["some/prefix/a/large", "some/prefix/b/large"]
    assert store.names() == []
    store("sweep", "a/")
    assert s3.boto(uploads) == ["some/prefix/b/large"]
    store("sweep", "")
    assert s3.boto(uploads) == []
    # More of them than come in one answer: the second is the server's own.
    proxy = box.keep(Proxy(s3.url))
    proxy.plan("GET", "uploads", answer(
        "<ListMultipartUploadsResult><IsTruncated>true</IsTruncated>"
        "<NextKeyMarker>some/prefix/a b</NextKeyMarker>"
        "<NextUploadIdMarker>4+2</NextUploadIdMarker></ListMultipartUploadsResult>"))
    store("leave", "b/large", PART + 1)
    Store(s3, url=proxy.url)("sweep", "")
    assert s3.boto(uploads) == []
    asked = [r.path for r in proxy.requests if r.method == "GET"]
    assert len(asked) == 2 and "marker" not in asked[0], asked
    assert "key-marker=some%2Fprefix%2Fa%20b&" in asked[1], asked
    assert "upload-id-marker=4%2B2" in asked[1], asked


def test_troubles_that_pass(box):
    """Connections that break and servers that are busy are tried again, and what was read before
    is not read again."""
    s3 = server(box)
    proxy = box.keep(Proxy(s3.url))
    store = Store(s3, url=proxy.url)
    data = content(3_000_000)
    busy = refuse(503, "SlowDown")

    proxy.plan("PUT", "/object", busy, cut_before, cut_after, refuse(429, "Throttled"),
               refuse(500, "InternalError"), refuse(400, "RequestTimeout"))
    store("write", "object", 100_000, stdin=data)
    assert proxy.count("PUT") == TRIES
    proxy.plan("GET", "/object", cut_before, cut_body(1_000_000), busy, cut_body(500_000))
    assert store("cat", "object", 5_000_000) == data
    assert [r.headers["Range"] for r in proxy.requests] == \
        ["bytes=0-5000000"] * 2 + ["bytes=1000000-5000000"] * 2 + ["bytes=1500000-5000000"]
    # Cut off at the very end, where nothing is left to ask for.
    proxy.plan("GET", "/object", cut_body(2_999_999), cut_body(0))
    assert store("read", "object", 0, 3_000_000) == data
    proxy.plan("HEAD", "/object", busy, cut_before)
    assert int(store("size", "object")) == len(data)
    proxy.plan("GET", "list-type", busy, cut_body(100))
    assert store.names() == ["object"]
    proxy.plan("DELETE", "/object", busy, cut_after)
    store("remove", "object")
    assert s3.keys() == []


def test_troubles_of_uploads(box):
    """The same for an object in parts, where the server may have heard what it did not answer."""
    s3 = server(box)
    proxy = box.keep(Proxy(s3.url))
    store = Store(s3, url=proxy.url)
    for number, plan in enumerate((
            ("POST", "uploads", cut_before, refuse(500, "InternalError")),
            ("PUT", "partNumber=2", cut_after, cut_before, refuse(503, "SlowDown")),
            ("POST", "uploadId", refuse(500, "InternalError"), cut_before),
            # All of it is there already when it is asked for once more.
            ("POST", "uploadId", cut_after),
            # Completing is answered before it is done: the refusal comes in a 200.
            ("POST", "uploadId", refuse(200, "InternalError")))):
        data = content(PART + 12345, number)
        proxy.plan(*plan)
        store("write", "object", 1_000_000, stdin=data)
        assert not proxy.plans[0][2], "the fault did not happen"
        assert store("cat", "object", PART * 2) == data, plan
    # An upload that somebody else has ended is not taken for ours, even if an object is there.
    proxy.plan("POST", "uploadId", cut_before, refuse(404, "NoSuchUpload"))
    assert "WR4448" in store.error("write", "object", 1_000_000, stdin=content(PART + 12345, 9))
    assert proxy.count("DELETE") == 1
    assert store("cat", "object", PART * 2) == content(PART + 12345, 4)


def test_outages(box):
    """A write outlasts a server that is away for longer than the store itself tries: what could not
    be sent is kept and given again."""
    s3 = server(box)
    proxy = box.keep(Proxy(s3.url))
    store = Store(s3, url=proxy.url)
    away = [refuse(503, "SlowDown")] * TRIES
    for number, (size, plan) in enumerate((
            (1000, ("PUT", "/object", *away)),
            (PART * 3 + 5, ("PUT", "partNumber=2", *away, cut_after)),
            (PART + 5, ("PUT", "partNumber=2", *away)),
            # The end was heard, and then nobody was there for a while.
            (PART + 5, ("POST", "uploadId", cut_after, *away)))):
        data = content(size, number)
        proxy.plan(*plan)
        # Pieces that are larger than a part, and smaller.
        done = store.run("insist", "object", 100_000 if number % 2 else PART * 2 + 1, stdin=data)
        assert done.returncode == 0, done.stderr
        assert done.stderr.count(b"WR4447: again") == 1, done.stderr
        assert store("cat", "object", PART * 4) == data, plan
    assert s3.boto("s3.list_multipart_uploads(Bucket='weir').get('Uploads', [])") == []


def test_pieces(box):
    """Small reads in a row are few requests, and what is written in between is seen."""
    s3 = server(box)
    proxy = box.keep(Proxy(s3.url))
    store = Store(s3, url=proxy.url)
    data = content(PART * 2 + 12345)
    store("write", "object", PART, stdin=data)
    for piece in (300_007, PART // 2 - 1, PART // 2, PART * 3):
        proxy.requests.clear()
        assert store("pieces", "object", piece) == data, piece
        assert proxy.count("GET") <= 7, piece
    proxy.requests.clear()
    assert store("pieces", "object", 300_007) == data
    assert proxy.count("GET") == 3


def test_refusals(box):
    """What does not pass is said at once, with what to do about it."""
    s3 = server(box)
    proxy = box.keep(Proxy(s3.url))
    store = Store(s3, url=proxy.url)
    for status, code, headers, wanted in (
            (403, "AccessDenied", {}, ("WR4441", "s3:PutObject")),
            (400, "ExpiredToken", {}, ("WR4442", "run out")),
            (403, "RequestTimeTooSkewed", {}, ("WR4445", "NTP")),
            (301, "PermanentRedirect", {"x_amz_bucket_region": "eu-west-1"},
             ("WR4444", "`us-east-1`", "`eu-west-1`")),
            (501, "NotImplemented", {}, ("WR4448", "NotImplemented"))):
        proxy.plan("PUT", "/object", *[refuse(status, code, **headers)] * 2)
        text = store.error("write", "object", 10, stdin=b"x")
        assert all(word in text for word in wanted), text
        assert proxy.count("PUT") == 1, code
    # A request without a body in its answer has only the status and the headers to go by.
    proxy.plan("HEAD", "/object", refuse(400, "", x_amz_bucket_region="eu-west-1"))
    assert "WR4444" in store.error("size", "object")
    proxy.plan("PUT", "/object", *[refuse(503, "SlowDown")] * TRIES)
    text = store.error("write", "object", 10, stdin=b"x")
    assert "WR4447" in text and "[may pass]" in text and proxy.count("PUT") == TRIES, text
    assert s3.keys() == []

    wrong = Store(s3, AWS_SECRET_ACCESS_KEY="wrong")
    assert "WR4442" in wrong.error("list", "")
    assert "WR4442" in Store(s3, AWS_ACCESS_KEY_ID="AKIAWRONG").error("list", "")
    text = Store(s3, "s3://other/prefix").error("list", "")
    assert "WR4443" in text and "create it" in text, text
    assert "WR4440" in Store(s3, AWS_ACCESS_KEY_ID="").error("list", "")
    assert "WR4431" in Store(s3, "s3:///prefix").error("list", "")


def test_addresses_of_aws(box):
    """At AWS itself the bucket stands in the name of the host. The proxy is told that name."""
    s3 = server(box)
    proxy = box.keep(Proxy(s3.url))
    store = Store(s3, url="http://s3.us-east-1.amazonaws.com", http_proxy=proxy.url)
    store("write", "k=v/object", 10, stdin=b"text")
    assert store("cat", "k=v/object", 10) == b"text"
    assert store.names() == ["k=v/object"]
    assert {r.headers["Host"] for r in proxy.requests} == {"weir.s3.us-east-1.amazonaws.com"}
    assert s3.keys() == ["some/prefix/k=v/object"]


def test_tls(box):
    """A certificate must be known and made out to the server's name."""
    s3 = server(box)
    for name, is_right in (("IP:127.0.0.1", True), ("DNS:other.example.com", False)):
        key, cert = box.path("key.pem"), box.path("cert.pem")
        subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2",
                        "-keyout", key, "-out", cert, "-subj", "/CN=test",
                        "-addext", f"subjectAltName={name}"], check=True, capture_output=True)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(cert, key)
        proxy = box.keep(Proxy(s3.url, context))
        text = Store(s3, url=proxy.url).error("list", "")
        assert "WR4446" in text and "AWS_CA_BUNDLE" in text, text
        store = Store(s3, url=proxy.url, AWS_CA_BUNDLE=str(cert))
        if is_right:
            store("write", "object", 10, stdin=b"text")
            assert store("cat", "object", 10) == b"text"
        else:
            assert "WR4446" in store.error("list", "")


main()
