"""Certificates for a test, made by openssl: an authority, servers and clients of it.

    ca = Authority(box.path("ca"))
    cert, key = ca.sign("server", "/CN=hub", "IP:127.0.0.1")
"""

import pathlib
import subprocess


def _openssl(*arguments, back=None):
    argv = ["openssl", *map(str, arguments)]
    done = subprocess.run(["faketime", back, *argv] if back else argv, capture_output=True, text=True, check=False)
    assert done.returncode == 0, (arguments, done.stderr)


class Authority:
    def __init__(self, folder):
        self.folder = pathlib.Path(folder)
        self.folder.mkdir()
        self.cert, self.key = self.folder / "ca.pem", self.folder / "ca.key"
        _openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", 30, "-subj",
                 "/CN=test authority", "-keyout", self.key, "-out", self.cert)

    def sign(self, name, subject, alternative=None, back=None):
        """(certificate, key): PEM files; `back`: as of then, valid for a day ("40 days ago")."""
        cert, key, ask = (self.folder / f"{name}{end}" for end in (".pem", ".key", ".csr"))
        extensions = self.folder / f"{name}.ext"
        extensions.write_text(f"subjectAltName={alternative}\n" if alternative else "basicConstraints=CA:false\n")
        _openssl("req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", subject,
                 "-keyout", key, "-out", ask)
        _openssl("x509", "-req", "-in", ask, "-CA", self.cert, "-CAkey", self.key, "-days", 1, "-extfile", extensions,
                 "-out", cert, back=back)
        return cert, key
