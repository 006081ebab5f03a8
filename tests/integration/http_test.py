#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The pages over HTTP, as a monitor, a browser and somebody hostile ask for them."""

import http.client
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import unittest
import urllib.parse

sys.dont_write_bytecode = True

import harness
from wire_client import DISCONNECTED, OK, Client, packing

TOKEN = "a token of many letters"
ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
QUEUES_MAX = 10000  # PAGE_QUEUES_MAX


def folder_of(test):
    folder = tempfile.mkdtemp(prefix="joinq-http-")
    test.addCleanup(shutil.rmtree, folder)
    return folder


class Pages(harness.BrokerCase):
    token = True
    listen_at = "127.0.0.1:0"
    limits = ""  # further sections

    def setUp(self):
        self.configuration = folder_of(self)
        path = os.path.join(self.configuration, "joinqd.conf")
        with open(path, "w", encoding="ascii") as file:
            file.write(f'{self.limits}http {{\n  listen = "{self.listen_at}"\n')
            if self.token:
                file.write('  token_file = "token"\n')
            file.write("}\n")
        token = os.path.join(self.configuration, "token")
        with open(token, "w", encoding="ascii") as file:
            file.write(TOKEN + "\n")
        os.chmod(token, 0o600)
        self.arguments = ("-c", path, *self.more())
        super().setUp()
        pages = next(url for url in self.broker.urls if url.startswith("http"))
        self.host = urllib.parse.urlsplit(pages).netloc

    def more(self):
        return ()

    def ask(self, path, method="GET", headers=None, body=None):
        """Status, headers and text."""
        connection = http.client.HTTPConnection(self.host, timeout=harness.PATIENCE)
        try:
            connection.request(method, path, body=body, headers=headers or {})
            answer = connection.getresponse()
            return answer.status, dict(answer.getheaders()), answer.read().decode()
        finally:
            connection.close()

    def change(self, path, method="POST"):
        status, _, text = self.ask(path, method, {"Authorization": f"Bearer {TOKEN}"})
        return status, text


class Seen(Pages):
    def more(self):
        return ("--data", os.path.join(self.configuration, "data"))

    def test_it_is_alive_and_ready(self):
        self.assertEqual(self.ask("/healthz")[::2], (200, "ok\n"))
        self.assertEqual(self.ask("/readyz")[::2], (200, "ready\n"))
        self.assertEqual(self.ask("/healthz", "HEAD")[::2], (200, ""))

    def metrics(self):
        status, headers, text = self.ask("/metrics")
        self.assertEqual((status, headers["Content-Type"].split(";")[0]), (200, "text/plain"))
        return text

    def test_metrics_say_what_stat_says(self):
        """proves: CSV-1"""
        self.joinq("declare", "jobs/1", "--max", "10")
        self.joinq("put", "jobs/1", "a", "b", "c")
        self.joinq("get", "jobs/1")
        text = self.metrics()
        found = dict(re.findall(r'^(\S+)\{queue="jobs/1"\} (\S+)$', text, re.M))
        self.assertEqual(found["joinq_queue_ready"], "2")
        self.assertEqual(found["joinq_queue_put_total"], "3")
        self.assertEqual(found["joinq_queue_done_total"], "1")
        self.assertEqual(found["joinq_queue_max_messages"], "10")
        self.assertRegex(text, r'(?m)^joinq_requests_by_operation_total\{operation="put"\} \d+$')
        self.assertRegex(text, r'(?m)^joinq_build_info\{version="\d+\.\d+\.\d+"\} 1$')
        self.assertRegex(text, r"(?m)^joinq_uptime_seconds \d+\.\d{3}$")

    def test_a_list_of_very_many_is_cut_off_and_says_so(self):
        status, _, text = self.ask("/api/queues")
        self.assertFalse(json.loads(text)["more"])
        with Client(self.broker.url) as client:
            for number in range(QUEUES_MAX + 1):
                client.send("DECLARE", f"queue-{number}", 0, 0, packing.Pairs())
                if number % 100 == 0:
                    self.hear(client, 1 if number == 0 else 100)
            self.assertEqual(len(json.loads(self.ask("/api/queues")[2])["queues"]), QUEUES_MAX)
            self.assertTrue(json.loads(self.ask("/api/queues")[2])["more"])
            text = self.metrics()
            self.assertIn(f"\njoinq_queues_shown {QUEUES_MAX}\njoinq_queues_cut_off 1\n", re.sub(r"(?m)^#.*\n", "", text))
            self.assertEqual(len(re.findall(r"^joinq_queue_ready\{", text, re.M)), QUEUES_MAX)
            client.send("DELETE", "queue-7", 0, 0)
            self.hear(client, 1)
        self.assertFalse(json.loads(self.ask("/api/queues")[2])["more"])
        self.assertIn("\njoinq_queues_cut_off 0\n", self.metrics())

    def hear(self, client, count):
        for _ in range(count):
            self.assertEqual(client.receive()[2], OK)

    def test_prometheus_takes_them(self):
        if not shutil.which("promtool"):
            self.skipTest("there is no promtool (package prometheus)")
        for number in range(250):  # more than one answer to a list
            self.joinq("put", f"queue-{number}", "x")
        text = self.metrics()
        checked = subprocess.run(["promtool", "check", "metrics"], input=text, text=True, capture_output=True)
        self.assertEqual((checked.returncode, checked.stdout + checked.stderr), (0, ""))
        self.assertEqual(len(re.findall(r"^joinq_queue_ready\{", text, re.M)), 250)

    def test_alerts_the_dashboard_and_the_guide_name_what_there_is(self):
        self.joinq("put", "jobs", "a")
        shown = set(re.findall(r"^# TYPE (\S+)", self.metrics(), re.M))
        for path in ("conf/prometheus/alerts.yaml", "conf/grafana/joinq.json", "docs/guide/observe.md"):
            with open(os.path.join(ROOT, path), encoding="utf-8") as file:
                named = set(re.findall(r"\bjoinq_[a-z_]*[a-z]\b", file.read())) - {"joinq_memory"}
            self.assertGreater(len(named), 10, path)
            self.assertEqual(named - shown, set(), path)

    def test_rules_are_proper(self):
        if not shutil.which("promtool"):
            self.skipTest("there is no promtool (package prometheus)")
        checked = subprocess.run(["promtool", "check", "rules", os.path.join(ROOT, "conf", "prometheus", "alerts.yaml")], text=True,
                                 capture_output=True, check=False)
        self.assertEqual(checked.returncode, 0, checked.stdout + checked.stderr)

    def test_json_is_what_the_tool_shows(self):
        self.joinq("declare", "jobs", "--bound", "outstanding", "--accounting", "counter", "--max", "10")
        self.joinq("put", "jobs", "a", "b")
        status, headers, text = self.ask("/api/queue?name=jobs")
        self.assertEqual((status, headers["Content-Type"]), (200, "application/json"))
        shown, told = self.stat("jobs"), json.loads(text)
        self.assertEqual({name: told.get(name) for name in shown if name != "age_ms"}, {name: shown[name] for name in shown if name != "age_ms"})
        listed = json.loads(self.ask("/api/queues")[2])
        self.assertEqual(([queue["queue"] for queue in listed["queues"]], listed["more"]), (["jobs"], False))
        self.assertEqual(json.loads(self.ask("/api/why?name=jobs")[2])["queue"], "jobs")
        self.assertIn("connections", json.loads(self.ask("/api/broker")[2]))

    def test_what_is_not_there(self):
        for path, status in (("/", 404), ("/metrics/", 404), ("/api/queue?name=none", 404), ("/api/queue", 400),
                             ("/api/queue?name=" + "x" * 300, 400), ("/api/why?name=none", 404), ("/api/queue?name=a%20b", 400),
                             ("/api/queue?name=jobs%00", 400), ("/api/why?name=a%20b", 400)):
            self.assertEqual(self.ask(path)[0], status, path)
        self.assertEqual(self.ask("/metrics", "POST")[0], 405)
        self.assertEqual(self.ask("/api/close?name=jobs")[0], 405)

    def test_no_body_is_ever_shown(self):
        self.joinq("put", "jobs", "a secret that nobody sees")
        for path in ("/metrics", "/api/queues", "/api/queue?name=jobs", "/api/why?name=jobs", "/api/broker"):
            self.assertNotIn("secret", self.ask(path)[2])


class Changed(Pages):
    def test_a_token_is_wanted_and_then_it_is_done(self):
        self.joinq("put", "jobs", "a", "b")
        for headers in ({}, {"Authorization": "Bearer wrong"}, {"Authorization": f"Bearer {TOKEN}x"},
                        {"Authorization": f"Basic {TOKEN}"}, {"Authorization": "Bearer "}):
            self.assertEqual(self.ask("/api/purge?name=jobs", "POST", headers)[0], 401, headers)
        self.assertIn('level=warn msg="refused a page without its token" peer=127.0.0.1 page=/api/purge queue=jobs', self.broker.said())
        self.assertEqual(self.stat("jobs")["ready"], 2)
        self.assertEqual(self.change("/api/pause?name=jobs&what=puts")[0], 200)
        self.assertEqual(self.stat("jobs")["paused"], 1)
        self.assertIn('level=info msg="a page that changes something" peer=127.0.0.1 page=/api/pause queue=jobs', self.broker.said())
        self.assertEqual(self.change("/api/resume?name=jobs")[0], 200)
        self.assertEqual(self.stat("jobs")["paused"], 0)
        status, text = self.change("/api/purge?name=jobs")
        self.assertEqual((status, json.loads(text)["count"]), (200, 2))
        self.assertEqual(self.change("/api/close?name=jobs")[0], 200)
        self.assertEqual(self.stat("jobs")["state"], "closed")
        self.assertEqual(self.change("/api/reopen?name=jobs")[0], 200)
        self.assertEqual(self.change("/api/close?name=jobs&immediate=1")[0], 200)
        self.assertEqual(self.stat("jobs")["state"], "closed-immediately")
        self.assertEqual(self.change("/api/queue?name=jobs", "DELETE")[0], 200)
        self.assertEqual(self.change("/api/queue?name=jobs", "DELETE")[0], 404)
        self.joinq("stat", "jobs", status=1)


    def test_what_is_not_understood_changes_nothing(self):
        self.joinq("put", "jobs", "a")
        for path in ("/api/pause?name=jobs&what=bogus", "/api/pause?name=jobs&what=", "/api/pause?name=jobs&what", "/api/pause?name=jobs&what=puts,gets",
                     "/api/close?name=jobs&immediate=false", "/api/close?name=jobs&immediate=", "/api/close?name=jobs&immediate=1%00"):
            self.assertEqual(self.change(path)[0], 400, path)
        self.assertEqual(self.change("/api/queue?name=a%20b", "DELETE")[0], 400)
        self.assertEqual((self.stat("jobs")["paused"], self.stat("jobs")["state"]), (0, "open"))
        self.assertEqual(self.change("/api/pause?name=jobs")[0], 200)
        self.assertEqual(self.change("/api/resume?name=jobs&what=bogus")[0], 400)
        self.assertEqual(self.stat("jobs")["paused"], 3)
        self.assertEqual(self.change("/api/close?name=jobs&immediate=0")[0], 200)
        self.assertEqual(self.stat("jobs")["state"], "closed")

    def test_the_scheme_in_small_letters(self):
        self.joinq("put", "jobs", "a")
        self.assertEqual(self.ask("/api/purge?name=jobs", "POST", {"Authorization": f"bearer {TOKEN}"})[0], 200)


class Renewed(Pages):
    def hang_up(self, done):
        before = len(self.broker.said())
        self.broker.process.send_signal(signal.SIGHUP)
        self.until(lambda: done in self.broker.said()[before:], done)

    def put_token(self, text, mode=0o600):
        path = os.path.join(self.configuration, "token")
        with open(path, "w", encoding="ascii") as file:
            file.write(text)
        os.chmod(path, mode)

    def test_a_token_is_replaced_by_a_signal(self):
        self.joinq("put", "jobs", "a")
        self.assertEqual(self.change("/api/pause?name=jobs")[0], 200)
        self.hang_up("nothing has changed")
        self.put_token("another one\n")
        self.hang_up("http.token_file: the token is another one")
        self.assertNotIn("another one,", self.broker.said())
        self.assertEqual(self.change("/api/resume?name=jobs")[0], 401)
        other = {"Authorization": "Bearer another one"}
        self.assertEqual(self.ask("/api/resume?name=jobs", "POST", other)[0], 200)
        self.put_token("a third one\n", 0o644)
        self.hang_up("nothing is changed")
        self.put_token("")
        self.hang_up("is no secret")
        self.assertEqual(self.ask("/api/pause?name=jobs", "POST", other)[0], 200)


class Sixth(Pages):
    listen_at = "[::1]:0"

    def setUp(self):
        try:
            with socket.socket(socket.AF_INET6) as probe:
                probe.bind(("::1", 0))
        except OSError:
            self.skipTest("there is no IPv6 here")
        super().setUp()

    def test_where_they_are_is_an_address_of_them(self):
        self.assertRegex(self.host, r"^\[::1\]:\d+$")
        self.assertEqual(self.ask("/healthz")[0], 200)


class Limited(Pages):
    """What bounds strangers does not bound the pages."""

    limits = 'limits { idle_timeout = 50ms\nmax_connections = 1 }\nquota "all" { who = "nobody"\nconnections = 1 }\n'

    def test_who_is_idle_goes_and_the_pages_stay(self):
        with Client(self.broker.url) as client:
            self.assertEqual(client.receive()[2], DISCONNECTED)
        for path in ("/healthz", "/readyz", "/metrics"):
            self.assertEqual(self.ask(path)[0], 200, path)


class NoToken(Pages):
    token = False

    def test_nothing_can_be_changed(self):
        self.joinq("put", "jobs", "a")
        for headers in ({}, {"Authorization": "Bearer "}, {"Authorization": f"Bearer {TOKEN}"}):
            self.assertEqual(self.ask("/api/purge?name=jobs", "POST", headers)[0], 403)
        self.assertEqual(self.stat("jobs")["ready"], 1)


class Hostile(Pages):
    def raw(self, data):
        host, port = self.host.rsplit(":", 1)
        with socket.create_connection((host, int(port)), harness.PATIENCE) as connection:
            try:
                connection.sendall(data)
                connection.shutdown(socket.SHUT_WR)
            except OSError:
                pass  # it has been ended already

    def test_garbage_is_survived(self):
        for data in (b"", b"\0" * 100, b"GET", b"GET / HTTP/9.9\r\n\r\n", b"GET " + b"a" * 100000, b"BREW /metrics HTTP/1.1\r\n\r\n",
                     b"GET /api/queue?name=%00%ff%zz HTTP/1.1\r\nHost: localhost\r\n\r\n", b"POST /api/purge?name=x HTTP/1.1\r\nHost: x\r\n"
                     b"Content-Length: 99999999999999999999\r\n\r\n", b"POST /api/purge HTTP/1.1\r\nHost: x\r\nContent-Length: 100000\r\n\r\n"
                     + b"x" * 100000, b"A: b\r\n" * 10000, b"GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n" * 200):
            self.raw(data)
            self.assertEqual(self.ask("/healthz")[0], 200, data[:40])

    def test_who_sends_a_byte_now_and_then_is_not_there_for_ever(self):
        host, port = self.host.rsplit(":", 1)
        began = time.monotonic()
        with socket.create_connection((host, int(port)), harness.PATIENCE) as connection:
            connection.sendall(b"GET /healthz HTTP/1.1\r\nHost: x")
            connection.settimeout(0.5)
            over = False
            while not over:
                self.assertLess(time.monotonic() - began, harness.PATIENCE)
                try:
                    connection.sendall(b"x")
                    over = connection.recv(1000) == b""
                except TimeoutError:
                    pass
                except OSError:
                    over = True
        self.assertEqual(self.ask("/healthz")[0], 200)

    def test_a_browser_that_was_sent_here_by_a_page_is_refused(self):
        for name in ("evil.example", "evil.example:19026", "localhost.evil.example", "127.0.0.1.evil.example", "", "1" * 100):
            self.assertEqual(self.ask("/api/queues", headers={"Host": name})[0], 403, name)
        for name in ("localhost", "LOCALHOST:1", "127.0.0.1:2", "[::1]:3", "192.0.2.1"):
            status, headers, _ = self.ask("/api/queues", headers={"Host": name})
            self.assertEqual((status, headers["X-Content-Type-Options"]), (200, "nosniff"), name)

    def test_many_at_once_and_some_that_leave(self):
        for number in range(30):
            self.joinq("put", f"queue-{number}", "x")
        host, port = self.host.rsplit(":", 1)

        def leave():
            for _ in range(50):
                with socket.create_connection((host, int(port)), harness.PATIENCE) as connection:
                    connection.sendall(b"GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n")

        threads = [threading.Thread(target=leave) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.until(lambda: self.answers(), "it answers")

    def answers(self):
        try:
            return self.ask("/healthz")[0] == 200
        except OSError:
            return False

    def test_the_loop_goes_on_while_nobody_reads(self):
        """proves: FLW-1"""
        host, port = self.host.rsplit(":", 1)
        held = []
        for _ in range(20):
            connection = socket.create_connection((host, int(port)), harness.PATIENCE)
            self.addCleanup(connection.close)
            connection.sendall(b"GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n" * 20)
            held.append(connection)
        self.joinq("put", "jobs", "a")
        self.assertEqual(self.lines("get", "jobs"), ["a"])


class Refused(unittest.TestCase):
    def joinqd(self, text):
        folder = folder_of(self)
        path = os.path.join(folder, "joinqd.conf")
        with open(path, "w", encoding="ascii") as file:
            file.write(text)
        return subprocess.run([harness.JOINQD, "-c", path, "--listen", f"unix://{folder}/s"], text=True, capture_output=True,
                              timeout=harness.PATIENCE, check=False)

    def test_a_network_is_not_listened_to_unless_it_is_said(self):
        ended = self.joinqd('http { listen = "0.0.0.0:0" }\n')
        self.assertEqual(ended.returncode, 1)
        self.assertIn("allow_network", ended.stderr)

    def test_a_token_that_others_may_read_is_refused(self):
        folder = folder_of(self)
        token = os.path.join(folder, "token")
        with open(token, "w", encoding="ascii") as file:
            file.write(TOKEN)
        os.chmod(token, 0o644)
        ended = self.joinqd(f'http {{ listen = "127.0.0.1:0"\n token_file = "{token}" }}\n')
        self.assertEqual(ended.returncode, 1)
        self.assertIn(token, ended.stderr)

    def test_an_address_that_is_none(self):
        ended = self.joinqd('http { listen = "nowhere:port" }\n')
        self.assertNotEqual(ended.returncode, 0)
        self.assertIn("joinqd.conf:1", ended.stderr)


if __name__ == "__main__":
    harness.main()
