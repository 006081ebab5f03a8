#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Data folders of which something is damaged, cut off or missing: it is told, nothing is changed, and a repair keeps what there is."""

import hashlib
import json
import os
import shutil
import subprocess

import harness
from durable_test import MIB, DataCase, segments
from wire_client import EMPTY, OK, Client, packing

STORAGE = 24


def contents(folder):
    """Of all that is in it, but for what a start may leave there."""
    found = {}
    for name in os.listdir(folder):
        if name not in ("lock", "copying"):
            with open(os.path.join(folder, name), "rb") as file:
                found[name] = hashlib.sha256(file.read()).hexdigest()
    return found


def is_told(folder):
    """Whether a snapshot has come to its end."""
    for name in os.listdir(folder):
        if name.startswith("needed-"):
            with open(os.path.join(folder, name), "rb") as file:
                return file.read(1) == b"j"
    return False


class Damage(DataCase):
    def setUp(self):
        super().setUp()
        self.joinq("declare", "jobs", "--durable")
        for number in range(20):
            self.joinq("put", "jobs", f"{number}-" + "x" * 1000)
        self.kill()
        self.segment = os.path.join(self.data, segments(self.data)[0])

    def flip(self, offset):
        with open(self.segment, "r+b") as file:
            file.seek(offset)
            byte = file.read(1)[0]
            file.seek(offset)
            file.write(bytes([byte ^ 1]))

    def test_damage_stops_the_start_and_is_repaired(self):
        self.assertIn(" 0 damaged", self.joinqd("--check-data"))
        self.flip(8000)
        before = {name: os.path.getsize(os.path.join(self.data, name)) for name in segments(self.data)}
        said = self.joinqd("--listen", f"unix://{self.data}/socket", status=1)
        for part in (os.path.basename(self.segment), "offset", "--repair"):
            self.assertIn(part, said)
        self.assertIn(os.path.basename(self.segment), self.joinqd("--check-data", status=1))
        self.assertEqual(before, {name: os.path.getsize(os.path.join(self.data, name)) for name in segments(self.data)})
        said = self.joinqd("--repair")
        self.assertIn("lost", said)
        self.assertIn(" 0 damaged", self.joinqd("--check-data"))
        self.begin()
        left = [line.split("-")[0] for line in self.joinq("get", "jobs", "--all", "--nowait", status=3).splitlines()]
        self.assertEqual(len(left), 19)
        self.assertEqual(left, sorted(left, key=int))
        stat = self.stat("jobs")
        self.assertEqual(stat["put"], stat["done"])

    def test_a_torn_end_is_cut(self):
        size = next(at for at in range(0, 100_000, 8) if self.is_zero_from(at))
        with open(self.segment, "r+b") as file:
            file.seek(size)
            file.write(b"JFM1 but no frame" * 10)
        self.begin()
        self.assertEqual(self.stat("jobs")["ready"], 20)

    def is_zero_from(self, at):
        with open(self.segment, "rb") as file:
            file.seek(at)
            return not any(file.read(4096))

    def test_other_data_is_not_taken(self):
        self.flip(30)
        self.assertIn(os.path.basename(self.segment), self.joinqd("--listen", f"unix://{self.data}/socket", status=1))
        self.flip(30)
        self.begin()


class Nameless(DataCase):
    """What says how a queue is named and declared is lost, and with it whose its messages were."""

    def setUp(self):
        super().setUp()
        self.joinq("declare", "gone", "--durable")
        for number in range(8):
            self.joinq("put", "gone", f"{number}-" + "x" * 1000, f"{number}+" + "x" * 1000)
        self.joinq("get", "gone", "-n", "3")
        self.joinq("declare", "stays", "--durable")
        self.joinq("put", "stays", *"abc")
        self.kill()
        self.name = segments(self.data)[0]
        self.segment = os.path.join(self.data, self.name)

    def test_a_queue_that_is_given_up_is_told(self):
        """proves: RST-2"""
        with open(self.segment, "r+b") as file:
            before = file.read()
            file.seek(0)
            file.write(bytes(4096))
        records = "of 12 messages put and 3 finished"
        for arguments, status in (("--check-data",), 1), (("--repair",), 0):
            said = self.joinqd(*arguments, status=status)
            for part in ("names and options of 1 queue are lost", records):
                self.assertIn(part, said)
        self.assertIn(f"{self.data}/*.jql.damaged", said)
        with open(self.segment + ".damaged", "rb") as file:
            self.assertEqual(file.read()[4096:], before[4096:])
        said = self.joinqd("--check-data")
        self.assertIn(" 0 damaged", said)
        self.assertNotIn("lost", said)
        self.begin()
        self.assertEqual([queue["queue"] for queue in self.objects("list")], ["stays"])
        self.assertEqual(self.stat("stays")["ready"], 3)

    def test_of_a_queue_that_was_deleted_nothing_is_told(self):
        """proves: RST-2"""
        self.begin()
        self.joinq("delete", "gone")
        self.kill()
        with open(self.segment, "r+b") as file:
            file.write(bytes(4096))
        said = self.joinqd("--repair")
        self.assertIn("are lost", said)
        self.assertNotIn("names", said)
        self.begin()
        self.assertEqual([queue["queue"] for queue in self.objects("list")], ["stays"])


class BodiesElsewhere(DataCase):
    """A snapshot tells of messages whose bodies stay where they were, in a segment of which no record is needed any more."""

    def setUp(self):
        super().setUp()
        for queue in ("stays", "goes"):
            self.joinq("declare", queue, "--durable")
        line = b"x" * (MIB - 1) + b"\n"
        self.joinq("put", "stays", given=line * 40)
        self.joinq("put", "goes", given=line * 60)
        self.joinq("get", "goes", "-n", "60")
        self.until(lambda: is_told(self.data), "a snapshot")
        self.kill()
        self.name = segments(self.data)[0]
        self.segment = os.path.join(self.data, self.name)

    def assert_told(self, *words):
        for arguments in (("--check-data",), ("--listen", f"unix://{self.data}/socket")):
            said = self.joinqd(*arguments, status=1)
            for word in (self.name, "Restore", "--repair", *words):
                self.assertIn(word, said)

    def test_a_segment_that_only_has_bodies_is_missed(self):
        """proves: RST-2"""
        self.assertIn(" 0 damaged", self.joinqd("--check-data"))
        away = self.segment + ".away"
        os.rename(self.segment, away)
        self.assert_told("missing", " 40 messages")
        os.rename(away, self.segment)
        self.begin()
        self.assertEqual(self.stat("stays")["ready"], 40)

    def test_a_start_that_is_refused_changes_nothing(self):
        """proves: RST-2"""
        other = os.path.join(self.data, "99".zfill(20) + ".jql")
        os.rename(self.segment, other)
        before = contents(self.data)
        self.assert_told("missing", " 40 messages")
        self.assertEqual(contents(self.data), before)
        os.rename(other, self.segment)
        self.begin()
        self.assertEqual(self.stat("stays")["ready"], 40)

    def test_a_body_that_is_damaged_is_passed_over(self):
        """proves: LSE-4 GET-1 CSV-1"""
        with open(self.segment, "r+b") as file:
            file.seek(12 * MIB)
            file.write(b"damaged")
        self.assertIn(self.name, self.joinqd("--check-data", status=1))
        self.begin()
        with Client(self.broker.url) as client:
            got = 0
            while (answer := client.get("stays", 4))[1] == OK:
                self.assertEqual({bytes(body) for body in answer[-1]}, {b"x" * (MIB - 1)})
                got += len(answer[-1])
            self.assertIn(answer[1], (EMPTY, STORAGE))
            self.until(lambda: client.get("stays")[1] == STORAGE, "it is tried again, and nothing else is ready")
            self.assertTrue(20 < got < 40, got)
            stat = self.stat("stays")
            self.assertEqual((stat["leased"], stat["ready"] + stat["delayed"]), (got, 40 - got))
            self.assertEqual(stat["put"], stat["done"] + stat["unfinished"])
            self.assertGreater(stat["unreadable"], 0)
            figures = self.objects("stat")[0]
            self.assertGreaterEqual(figures["messages_unreadable"], 40 - got)
            self.assertGreater(figures["journal_read_errors"], 0)
        self.assertIn(f"{self.name}: cannot be read at", self.broker.said())
        self.kill()
        with open(self.segment, "r+b") as file:  # as from a backup
            file.seek(12 * MIB)
            file.write(b"xxxxxxx")
        self.begin()
        self.assertIn("x" * 99, self.joinq("get", "stays", "-n", "40"))
        self.assertEqual(self.stat("stays")["unfinished"], 0)

    def test_an_export_leaves_out_what_cannot_be_read(self):
        """proves: ADM-1"""
        for place in (0, 12, 13, 30):  # a body, and two, and two that are neighbours
            with open(self.segment, "r+b") as file:
                file.seek(place * MIB + MIB // 2)
                file.write(b"damaged")
        self.begin()
        written = [json.loads(line)["id"].split("-")[1] for line in self.joinq("export", "stays", status=1).splitlines()]
        self.assertEqual(written, [str(number) for number in range(1, 41) if number not in (1, 13, 14, 31)])
        told = self.done.stderr.decode()
        for part in ("message 1 cannot be read", "messages 13 to 14,", "message 31 cannot be read"):
            self.assertIn(part, told)

    def test_one_that_is_cut_off_is_too_and_repair_gives_up_what_is_gone(self):
        """proves: RST-2 CSV-1"""
        os.truncate(self.segment, 20 * MIB)
        self.assert_told("up to")
        said = self.joinqd("--repair")
        self.assertIn(" messages are lost", said)
        self.assertNotIn("names and options", said)
        self.assertIn(" 0 damaged", self.joinqd("--check-data"))
        self.begin()
        stat = self.stat("stays")
        self.assertIn(stat["ready"], (18, 19, 20))
        self.assertEqual(stat["put"], stat["ready"] + stat["discarded"])
        self.joinq("get", "stays", "-n", str(stat["ready"]))

    def test_newer_segments_that_are_missing_are_missed(self):
        """proves: RST-2"""
        for name in segments(self.data)[1:]:
            os.rename(os.path.join(self.data, name), os.path.join(self.data, name + ".away"))
        before = sorted(os.listdir(self.data))
        for arguments in (("--check-data",), ("--listen", f"unix://{self.data}/socket")):
            said = self.joinqd(*arguments, status=1)
            for word in ("missing", "Restore", "--repair"):
                self.assertIn(word, said)
        self.assertEqual(sorted(os.listdir(self.data)), before)
        self.assertIn("are lost", self.joinqd("--repair"))
        self.assertIn(" 0 damaged", self.joinqd("--check-data"))
        self.begin()
        self.assertEqual(self.stat("stays")["ready"], 40)


class DamageStays(DataCase):
    """More is alive in a damaged segment than a repair has memory to write anew: it stays, and so does its damage."""

    COUNT = 8000

    def setUp(self):
        super().setUp()
        self.joinq("declare", "jobs", "--durable")
        self.joinq("put", "jobs", given=b"".join(b"%08d-%s\n" % (number, b"x" * 4000) for number in range(self.COUNT)))
        self.kill()
        self.name = segments(self.data)[0]
        self.segment = os.path.join(self.data, self.name)
        self.spoil(self.segment, 8 * MIB, 4096)
        self.assertIn("are lost", self.joinqd("--repair", "--max-memory", "24M"))
        self.assertIn(self.name, segments(self.data))

    def spoil(self, path, offset, size):
        with open(path, "r+b") as file:
            file.seek(offset)
            file.write(bytes(size))

    def bodies(self, folder):
        """Of all messages, as a broker has them on that folder."""
        self.arguments = ("--data", folder)
        self.restart()
        return [json.loads(line)["body"] for line in self.lines("export", "jobs")]

    def test_what_lies_behind_it_is_there_and_is_copied(self):
        """proves: RST-2"""
        said = self.joinqd("--check-data")
        for part in (self.name, "nothing is needed", " 0 damaged"):
            self.assertIn(part, said)
        copy = os.path.join(self.data, "copy")
        self.addCleanup(shutil.rmtree, copy, True)
        self.assertIn(" 0 damaged", self.joinqd("--copy-data", copy))
        self.begin()
        bodies = self.bodies(self.data)
        self.assertTrue(self.COUNT // 2 < len(bodies) < self.COUNT, len(bodies))
        self.assertEqual(bodies, sorted(set(bodies)))
        self.assertEqual(self.bodies(copy), bodies)

    def test_what_is_damaged_behind_it_is_told(self):
        """proves: RST-2"""
        self.spoil(self.segment, 16 * MIB, 4096)
        said = self.joinqd("--check-data", status=1)
        for part in (self.name, "cannot be read", "Restore the file"):
            self.assertIn(part, said)
        self.joinqd("--copy-data", os.path.join(self.data, "copy"), status=1)
        self.begin()


class PartOfASnapshot(DataCase):
    """The newest segment has lost its end, and with it the end of the snapshot that older records went for."""

    def setUp(self):
        super().setUp()
        queues = [f"queue-{number:03}" for number in range(400)]
        with Client(self.broker.url) as client:
            for queue in queues:
                self.assertEqual(client.ask("DECLARE", queue, 0, 2, packing.Pairs([]))[1], OK)
                self.assertEqual(client.put(queue, [b"k" * 100_000])[1], OK)
        self.joinq("declare", "goes", "--durable")
        line = b"x" * (MIB - 1) + b"\n"
        self.joinq("put", "goes", given=line * 60)
        self.joinq("get", "goes", "-n", "60")
        self.until(lambda: is_told(self.data), "a snapshot")
        self.kill()
        self.needed = max(name for name in os.listdir(self.data) if name.startswith("needed-"))
        self.first = int(self.needed[7:])

    def frames(self, name):
        """Offset, first record and count of each."""
        with open(os.path.join(self.data, name), "rb") as file:
            content = file.read()
        at = 64
        while content[at : at + 4] == b"JFM1":
            size, first, count = (int.from_bytes(content[at + i : at + i + n], "little") for i, n in ((12, 4), (16, 8), (24, 4)))
            yield at, first, count
            at += 48 + size

    def test_it_is_told_and_what_is_left_is_repaired(self):
        """proves: RST-2"""
        places = [(name, *frame) for name in segments(self.data) for frame in self.frames(name)]
        name, at, _, _ = [place for place in places if place[2] >= self.first][1]
        for later in segments(self.data):
            if later > name:
                os.unlink(os.path.join(self.data, later))
        os.truncate(os.path.join(self.data, name), at)
        before = contents(self.data)
        said = self.joinqd("--listen", f"unix://{self.data}/socket", status=1)
        for word in (name, f"offset {at}", "Nothing has been changed", "Restore", "--repair"):
            self.assertIn(word, said)
        self.assertEqual(contents(self.data), before)
        self.assertIn(name, self.joinqd("--check-data", status=1))
        said = self.joinqd("--repair")
        self.assertIn("older segments", said)
        self.assertNotIn("names and options", said)
        self.assertIn(" 0 damaged", self.joinqd("--check-data"))
        self.begin()
        kept = [queue for queue in self.objects("list") if queue["queue"].startswith("queue-")]
        self.assertEqual([queue["ready"] for queue in kept], [1] * 400)


class Identity(DataCase):
    """The small file that says which data it is."""

    def setUp(self):
        super().setUp()
        self.joinq("declare", "jobs", "--durable")
        self.joinq("put", "jobs", *"abc")
        self.kill()
        self.file = os.path.join(self.data, "data-id")
        with open(self.file, "rb") as file:
            self.id = file.read()

    def refuses(self, *words):
        before = {name: self.content(name) for name in os.listdir(self.data) if name != "lock"}
        for arguments in (("--check-data",), ("--listen", f"unix://{self.data}/socket")):
            said = self.joinqd(*arguments, status=1)
            for word in words:
                self.assertIn(word, said)
        self.assertEqual({name: self.content(name) for name in os.listdir(self.data) if name != "lock"}, before)

    def content(self, name):
        with open(os.path.join(self.data, name), "rb") as file:
            return file.read()

    def test_half_of_it_is_told_and_half_is_secret(self):
        self.assertEqual(len(self.id), 32)
        self.begin()
        self.assertEqual(self.objects("stat")[0]["data"], self.id[:16].hex())

    def is_repaired(self):
        self.assertIn("made anew", self.joinqd("--repair"))
        self.assertEqual(self.content("data-id"), self.id)
        self.begin()
        self.assertEqual(self.stat("jobs")["ready"], 3)

    def test_it_is_missing(self):
        os.unlink(self.file)
        self.refuses("'data-id'", "missing", "--repair")
        self.is_repaired()

    def test_it_is_cut_off(self):
        os.truncate(self.file, 7)
        self.refuses("'data-id'", "damaged", "--repair")
        self.is_repaired()

    def test_it_is_another_one(self):
        with open(self.file, "wb") as file:
            file.write(bytes(32))
        note = os.path.join(self.data, "needed-" + "2".zfill(20))
        with open(note, "wb") as file:  # as much as can be told of it without the id
            file.write(b"another data folder's")
        self.refuses("another data folder")
        os.unlink(note)
        self.is_repaired()

    def test_what_is_not_there_is_not_made(self):
        none = os.path.join(self.data, "none")
        for argument in ("--check-data", "--repair"):
            done = subprocess.run([harness.JOINQD, "--data", none, argument], capture_output=True, check=False)
            self.assertEqual(done.returncode, 1)
            self.assertIn(b"none", done.stderr)
            self.assertFalse(os.path.exists(none))
        self.begin()


if __name__ == "__main__":
    harness.main()
