"""Groups whose processes, here threads, find each other through a callable."""

import threading
import unittest

import horizonlm as hlm
import tiny

QUICK = {"several_per_machine": True, "timeout_seconds": 60, "silence_seconds": 10}


class Engine:
    """An all-gather between threads."""

    def __init__(self, size):
        self.barrier, self.all, self.calls = threading.Barrier(size), [b""] * size, 0

    def gather(self, rank, own):
        self.all[rank] = own
        self.calls += 1
        self.barrier.wait(timeout=60)
        return list(self.all)


def every(size, work):
    """What work(rank) gives or raises on a thread for each rank."""
    results = [None] * size

    def run(rank):
        try:
            results[rank] = work(rank)
        except BaseException as error:
            results[rank] = error

    threads = [threading.Thread(target=run, args=(rank,)) for rank in range(size)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return results


class GroupTest(unittest.TestCase):
    def test_two_find_each_other_by_a_callable(self):
        joined = {"list": lambda ranks: ranks, "tuple": tuple, "bytes": b"".join, "bytearrays": lambda ranks: [bytearray(one) for one in ranks]}
        for name, form in joined.items():
            engine = Engine(2)

            def work(rank):
                with hlm.Group.from_callback(rank, 2, lambda own: form(engine.gather(rank, own)), **QUICK) as group:
                    return group.rank, group.size, group.all_gather(bytes([rank, 7])), group.describe()["local_size"]

            with self.subTest(name):
                self.assertEqual(every(2, work), [(rank, 2, [b"\0\7", b"\1\7"], 2) for rank in range(2)])
                self.assertEqual(engine.calls, 2)
                self.assertEqual({type(one) for one in engine.all}, {bytes})

    def test_steps_are_shared(self):
        documents, engine = [[1, 2, 3, 4, 5, 6, 7, 8], [9, 8, 7, 6, 5]], Engine(2)

        def losses(batch, group=None):
            size = 1 if group is None else group.size
            shape = {"batch_size": 2, "seq_len": 8, "device": "cpu", "threads": 1, "reduction_groups": 2, "processes": size}
            with tiny.model() as model, model.plan(**shape) as plan, hlm.Trainer(model, plan, group=group, lr=1e-2) as trainer:
                return [trainer.step(hlm.Batch.of(batch)).loss for _ in range(2)]

        def work(rank):
            with hlm.Group.from_callback(rank, 2, lambda own: engine.gather(rank, own), **QUICK) as group:
                return losses([documents[rank]], group)

        self.assertEqual(every(2, work), [losses(documents)] * 2)

    def test_alone_nothing_is_gathered(self):
        with hlm.Group.from_callback(0, 1, self.fail) as group:
            self.assertEqual((group.rank, group.size, group.all_gather(b"x")), (0, 1, [b"x"]))

    def test_what_the_callable_raises_is_the_cause(self):
        own = ValueError("no network")

        def fails(given):
            raise own

        with self.assertRaisesRegex(hlm.UnavailableError, "^all_gather failed: ValueError: no network$") as caught:
            hlm.Group.from_callback(0, 2, fails)
        self.assertIs(caught.exception.__cause__, own)

        def interrupted(given):
            raise KeyboardInterrupt

        with self.assertRaises(KeyboardInterrupt):
            hlm.Group.from_callback(0, 2, interrupted)

    def test_other_than_everybodys_bytes_is_refused(self):
        def refused(kind, text, answer):
            with self.assertRaisesRegex(kind, text) as caught:
                hlm.Group.from_callback(0, 2, answer)
            self.assertIsNone(caught.exception.__cause__)

        wrong = hlm.InvalidArgumentError
        refused(wrong, r"^all_gather gave 2048 bytes; 2 ranks of 2048 bytes have 4096$", lambda own: own)
        refused(wrong, r"^all_gather gave 6144 bytes; 2 ranks of 2048 bytes have 4096$", lambda own: [own] * 3)
        refused(wrong, r"^all_gather gave 2047 bytes of rank 1; every rank has 2048$", lambda own: [own, own[1:]])
        refused(TypeError, "int", lambda own: [1, 2])
        refused(TypeError, "None", lambda own: None)
        refused(TypeError, "must be a function of bytes; it is int", 5)

    def test_what_no_launcher_says(self):
        self.assertEqual(hlm.Group.describe_environment(), {"rank": 0, "size": 1, "local_size": 1, "launcher": ""})

    def test_places_that_are_none_are_refused(self):
        for rank, size in ((2, 2), (-1, 2), (0, 0)):
            with self.assertRaises(hlm.InvalidArgumentError):
                hlm.Group.from_callback(rank, size, self.fail)


if __name__ == "__main__":
    unittest.main()
