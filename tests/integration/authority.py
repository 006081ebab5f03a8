# SPDX-License-Identifier: Apache-2.0
"""A certificate authority for a test, made with openssl in a folder: what it issues, what has expired, what it revokes."""

import os
import subprocess

PATIENCE = 60
KEY = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-noenc"]

# What `openssl ca` wants, which alone makes certificates of the past, and revocation lists.
SETTINGS = """[ca]
default_ca = own
[own]
database = {folder}/index
new_certs_dir = {folder}
rand_serial = yes
unique_subject = no
default_md = sha256
default_crl_days = 30
policy = any
copy_extensions = copy
[any]
commonName = supplied
"""


def openssl(*arguments, given=b"", status=0):
    """Runs it to its end; returns what it printed."""
    done = subprocess.run(["openssl", *arguments], input=given, capture_output=True, timeout=PATIENCE, check=False)
    assert status is None or done.returncode == status, (arguments, done.stdout, done.stderr)
    return (done.stdout + done.stderr).decode(errors="replace")


class Authority:
    """Its certificate is ca.pem in its folder, those that it issues NAME.pem with NAME.key."""

    def __init__(self, folder, name="a CA"):
        os.makedirs(folder, exist_ok=True)
        self.folder = folder
        self.pem, self.key = self.path("ca.pem"), self.path("ca.key")
        openssl("req", "-x509", *KEY, "-days", "30", "-subj", f"/CN={name}", "-keyout", self.key, "-out", self.pem)
        with open(self.path("settings"), "w", encoding="ascii") as file:
            file.write(SETTINGS.format(folder=folder))
        with open(self.path("index"), "w", encoding="ascii"):
            pass

    def path(self, name):
        return os.path.join(self.folder, name)

    def _ca(self, *arguments):
        settings = ["-config", self.path("settings"), "-cert", self.pem, "-keyfile", self.key]
        return openssl("ca", "-batch", *settings, *arguments)

    def issue(self, name, alternatives="", start="20200101000000Z", end="20490101000000Z"):
        """(certificate, key) for this common name."""
        request, pem, key = (self.path(name + end) for end in (".csr", ".pem", ".key"))
        more = ["-addext", "subjectAltName=" + alternatives] if alternatives else []
        openssl("req", "-new", *KEY, "-subj", f"/CN={name}", *more, "-keyout", key, "-out", request)
        self._ca("-notext", "-startdate", start, "-enddate", end, "-in", request, "-out", pem)
        return pem, key

    def revoked(self, *pems):
        """A list of what is revoked, now these, too."""
        for pem in pems:
            self._ca("-revoke", pem)
        self._ca("-gencrl", "-out", self.path("crl.pem"))
        return self.path("crl.pem")


def fingerprint(pem):
    return openssl("x509", "-in", pem, "-noout", "-fingerprint", "-sha256").strip().partition("=")[2]
