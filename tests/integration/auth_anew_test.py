#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Users and permissions that change while a broker works: what that means for who is in."""

import signal

import harness
from auth_case import AuthCase, AuthFolder, entry
from wire_client import AUTH_FAILED, DENIED, OK, Client, packing
from wire_login import Login

LISTEN = 'listen "joinq://127.0.0.1:0" { }\n'


class Anew(AuthCase):
    users = ("ann", "bob", "eve")
    configuration = LISTEN + 'permission "all" { who = "*" may = "put,declare" queues = "*" }\n'
    other = LISTEN + 'permission "all" { who = "*" may = "get" queues = "*" }\n'

    def test_what_has_changed_holds_for_who_is_in(self):
        """proves: AUT-6"""
        clients = ann, bob, eve = [self.client(user) for user in self.users]
        for client in clients:
            self.assertEqual(client.put("q", [b"x"])[1], OK)
        with open(f"{self.made}/users", encoding="utf-8") as file:
            same = next(line for line in file if line.startswith("ann"))
        self.write("users", same + entry("bob", "another"), 0o600)
        self.configure(self.other)
        self.reload("user 'eve' has changed")
        self.assertEqual(ann.put("q", [b"x"])[1], DENIED)
        self.assertEqual(ann.get("q")[1], OK)
        for client in (bob, eve):
            self.assertEqual(client.receive()[:3], ["RESULT", 0, AUTH_FAILED])
            self.assertIsNone(client.receive())
        with Login(self.url, "bob", "another") as client:
            self.assertEqual(client.login()[0], "WELCOME")
            self.assertEqual(client.get("q")[1], OK)
        with Login(self.url, "eve", "eve") as client:
            self.assertEqual(client.login()[1], AUTH_FAILED)

    def test_the_tool_does_not_try_a_password_that_is_no_more_again_and_again(self):
        """proves: AUT-6"""
        self.configure(LISTEN + 'permission "all" { who = "*" may = "get,declare" queues = "*" }\n')
        self.reload("read again")
        self.tool_of("eve")
        ann, waits = self.client("ann"), self.spawn("get", "q", "-n", "1")

        def one_waits():
            answer = ann.ask("STAT", "q", 0)
            return answer[:2] == ["STATS", OK] and dict(answer[3][0]).get(27) == 1

        self.until(one_waits, "a get waits")
        with open(f"{self.made}/users", encoding="utf-8") as file:
            others = [line for line in file if not line.startswith("eve")]
        self.write("users", "".join(others), 0o600)
        self.reload("user 'eve' has changed")
        _, said = self.ends(waits, 1)
        self.assertIn("user or password is wrong", said)

    def test_users_that_have_changed_are_told(self):
        """How many, and their names; nothing that they prove themselves by."""
        with open(f"{self.made}/users", encoding="utf-8") as file:
            same = next(line for line in file if line.startswith("ann"))
        others = [entry("bob", "another"), entry("joe", "joe"), entry("kim", "kim")]
        self.write("users", same + "".join(others), 0o600)
        self.reload("read again")
        said = self.broker.said()
        for what in ("access.users: 2 new: joe, kim", "access.users: 1 gone: eve", "access.users: 1 there with another password: bob"):
            self.assertIn(f"configuration: {what}", said)
        self.assertNotIn("nothing has changed", said)
        self.assertNotIn("ann", said)
        for line in others:
            self.assertNotIn(line.split("$")[1].strip(), said)
        self.reload("nothing has changed")
        many = [f"user-{number:03}-{'x' * 40}" for number in range(20)]
        proof = same.partition(":")[2]
        self.write("users", same + "".join(f"{name}:{proof}" for name in many), 0o600)
        self.reload("20 new: ")
        self.assertIn(f"{many[0]}, {many[1]}, ", self.broker.said())
        self.assertRegex(self.broker.said(), r"20 new: .*, \.\.\.\"")

    def test_what_waits_without_a_permission_waits_no_more(self):
        """proves: AUT-6"""
        rules = LISTEN + 'permission "a" { who = "ann" may = "all" queues = "%s" }\npermission "b" { who = "bob" may = "all" queues = "*" }\n'
        self.configure(rules % "*")
        self.reload("read again")
        ann, bob = self.client("ann"), self.client("bob")
        bound = packing.Pairs([(1, 1)])
        for queue in ("full", "kept", "lost", "lost2"):
            self.assertEqual(ann.ask("DECLARE", queue, 0, 0, bound)[1], OK)
        self.assertEqual(ann.put("full", [b"x"])[1], OK)
        two = packing.Pairs([(0, "full"), (2, 1)])
        gone = [
            ann.send("GET", "lost", 0, None, 1, 0, [], [], [], 0),
            ann.send("GET", "kept", 0, None, 1, 0, [], [], [packing.Pairs([(0, "lost2")])], 0),
            ann.send("PUT", "full", 0, None, 0, [b"y"], packing.Pairs()),
            ann.send("JOIN", "full", 0, None, 0, 0),
            ann.send("FORWARD", None, [], [two], [b"z"], packing.Pairs()),
        ]
        goes_on = ann.send("GET", "kept", 0, None, 1, 0, [], [], [], 0)
        ann.send("PING", 1)
        self.assertEqual(ann.receive()[2], OK)
        self.configure(rules % "kept")
        self.broker.process.send_signal(signal.SIGHUP)
        answers = [ann.receive() for _ in gone]
        self.assertEqual(sorted((answer[1], answer[2]) for answer in answers), [(request, DENIED) for request in gone])
        self.assertEqual(bob.put("lost", [b"secret"])[1], OK)
        self.assertEqual(bob.put("kept", [b"1"])[1], OK)
        got = ann.receive()
        self.assertEqual((got[1], got[2], got[-1]), (goes_on, OK, [b"1"]))
        self.assertEqual((bob.stat("full")[9], bob.stat("lost")[9]), (1, 1))

    def test_who_came_in_where_nobody_was_asked_is_asked(self):
        """proves: AUT-6"""
        with AuthFolder('listen "joinq://127.0.0.1:0" { }\nlisten "unix://FOLDER/s" { clients = "open" }\n') as folder:
            broker = harness.Broker("-c", f"{folder}/joinqd.conf", listen=False)
            self.addCleanup(broker.remove)
            self.addCleanup(broker.stop)
            inside, greeting, open_to_all = (
                Client(broker.urls[0]), Client(broker.urls[0], hello=False), Client(broker.urls[1])
            )  # fmt: skip
            self.assertEqual(inside.put("q", [b"x"])[1], OK)
            with open(f"{folder}/joinqd.conf", "a", encoding="utf-8") as file:
                file.write('permission "ann" { who = "ann" may = "put" queues = "*" }\n')
            broker.process.send_signal(signal.SIGHUP)
            for client in (inside, greeting):
                self.assertEqual(client.receive()[:3], ["RESULT", 0, AUTH_FAILED])
                self.assertIsNone(client.receive())
                client.close()
            self.assertEqual(open_to_all.put("q", [b"x"])[1], OK)
            open_to_all.close()

    def test_what_makes_no_sense_changes_nothing(self):
        """proves: AUT-6"""
        ann = self.client("ann")
        self.write("users", "ann:nonsense\n", 0o600)
        self.reload("users:1:")
        self.assertEqual(ann.put("q", [b"x"])[1], OK)
        self.client("bob")


if __name__ == "__main__":
    harness.main()
