"""Buffers of every kind: those that are taken are taken in place, the others are Python's own errors that name the argument."""

import ctypes
import pickle
import unittest
import warnings
from array import array

import numpy as np

import horizonlm as hlm
import tiny


class BuffersTest(unittest.TestCase):
    def setUp(self):
        self.trainer = tiny.trainer()
        self.addCleanup(self.trainer.close)

    def test_every_kind_of_buffer_gives_the_same_loss(self):
        ids = [1, 2, 3, 4, 5, 6]
        wanted = self.trainer.evaluate(ids)
        for kind in (array("i", ids), np.array(ids, np.int32), memoryview(array("i", ids)), (ctypes.c_int32 * 6)(*ids), tuple(ids), range(1, 7)):
            self.assertEqual(self.trainer.evaluate(kind), wanted, type(kind))

    def test_rows_are_documents(self):
        rows = np.array([[1, 2, 3, 4], [5, 6, 7, 8]], np.int32)
        self.assertEqual(self.trainer.evaluate(rows), self.trainer.evaluate(hlm.Batch(rows.ravel(), [0, 4, 8])))

    def test_wrong_elements(self):
        for wrong in (np.ones(4, np.float32), np.arange(4, dtype=">i4"), np.arange(4, dtype=">i8"), np.arange(4, dtype=np.int8), b"abcd", bytearray(8)):
            with self.assertRaisesRegex(TypeError, "ids must hold int32"):
                self.trainer.evaluate(wrong)
        with self.assertRaisesRegex(TypeError, "offsets must hold int64"):
            self.trainer.evaluate([1, 2, 3], offsets=array("f", [0, 3]))
        for wrong in (np.ones(3, np.uint16), np.ones(3, complex), np.ones(3, dtype=">f4")):
            with self.assertRaisesRegex(TypeError, "weights must hold float32"):
                self.trainer.evaluate([1, 2, 3], weights=wrong)
        for wrong in ("text", 5, object(), None):
            with self.assertRaisesRegex(TypeError, "ids must be a buffer"):
                self.trainer.evaluate(wrong)
        with self.assertRaises(TypeError):
            self.trainer.evaluate(["a", "b"])
        with self.assertRaises(OverflowError):
            self.trainer.evaluate([1 << 40])

    def test_whole_numbers_of_another_width_are_copied(self):
        ids = [1, 2, 3, 4, 5, 6]
        wanted = self.trainer.evaluate(ids)
        for kind in (np.int64, np.uint16, np.uint32, np.int16, np.uint64):
            self.assertEqual(self.trainer.evaluate(np.array(ids, kind)), wanted, kind)
            self.assertEqual(self.trainer.evaluate(np.repeat(np.array(ids, kind), 2)[::2]), wanted, kind)
        for kind in "qHLl":
            self.assertEqual(self.trainer.evaluate(array(kind, ids)), wanted, kind)
        rows = np.array([[1, 2, 3, 4], [5, 6, 7, 8]])
        self.assertEqual(hlm.Batch(rows).n_documents, 2)
        self.assertEqual(self.trainer.evaluate(rows), self.trainer.evaluate(rows.astype(np.int32)))
        self.assertEqual(self.trainer.evaluate(ids, offsets=np.array([0, 2, 6], np.int32)), self.trainer.evaluate(ids, offsets=[0, 2, 6]))
        self.assertEqual(self.trainer.evaluate(ids, labels=np.array(ids)), wanted)
        for large in (np.array([1 << 40, 1]), [1 << 40], array("q", [-1 << 40]), np.array([1 << 31], np.uint32)):
            with self.assertRaisesRegex(OverflowError, f"number 0 is {large[0]}; it must lie in .-2147483648, 2147483648"):
                self.trainer.evaluate(large)
        with self.assertRaisesRegex(OverflowError, f"number 2 is {1 << 63}; it must lie in .-{1 << 63}, "):
            self.trainer.evaluate(ids, offsets=[0, 2, 1 << 63])

    def test_parts_and_shapes_that_there_are_not(self):
        with self.assertRaisesRegex(TypeError, r"a batch has no 'label' \(did you mean labels\?\); it has offsets, labels, weights"):
            self.trainer.evaluate([1, 2, 3], label=[1, 2, 3])
        with self.assertRaisesRegex(TypeError, "a batch has no 'zebra'; it has"):
            self.trainer.step([1, 2, 3], zebra=1)
        for kind in (np.int32, np.int64):
            with self.assertRaisesRegex(ValueError, r"ids have 3 dimensions, \(2, 2, 2\)"):
                self.trainer.evaluate(np.ones((2, 2, 2), kind))

    def test_a_batch_can_be_pickled(self):
        rows = np.array([[1, 2, 3, 4], [5, 6, 7, 8]])
        for batch in (
            hlm.Batch(rows, weights=np.ones((2, 4))),
            hlm.Batch(rows.astype(np.int32), labels=rows, temperature=2.0),
            hlm.Batch(memoryview(array("i", [1, 2, 3])), entropy_weights=[0.5, 0.5, 0.5]),
            hlm.Batch([[1, 2, 3], [4, 5]], denominator=3.0),
        ):
            again = pickle.loads(pickle.dumps(batch))
            self.assertEqual([list(ids) for ids in again], [list(ids) for ids in batch])
            self.assertEqual(self.trainer.evaluate(again), self.trainer.evaluate(batch))

    def test_a_batch_is_a_sequence_of_documents(self):
        batch = hlm.Batch.of([[1, 2, 3], [4, 5]])
        self.assertEqual([list(document) for document in batch], [[1, 2, 3], [4, 5]])
        self.assertEqual(len(batch), 2)
        self.assertEqual(repr(batch), "<Batch of 2 documents, 5 ids>")
        self.assertEqual(repr(hlm.Batch([[7]])), "<Batch of 1 document, 1 id>")

    def test_floats_that_float32_does_not_hold_are_refused_without_a_warning(self):
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            with self.assertRaisesRegex(hlm.InvalidArgumentError, r"weights.1. is inf"):
                self.trainer.evaluate([1, 2, 3], weights=np.array([1, 1e300, 1]))

    def test_floats_of_another_type_and_masks_are_copied(self):
        ids, weights = [1, 2, 3, 4], [1, 0, 1, 1]
        wanted = self.trainer.evaluate(ids, weights=weights)
        for kind in (np.float64, np.float16, np.int64, np.int32, np.uint8, bool):
            self.assertEqual(self.trainer.evaluate(ids, weights=np.array(weights, kind)), wanted, kind)
        self.assertEqual(self.trainer.evaluate(ids, weights=array("d", weights)), wanted)
        self.assertNotEqual(self.trainer.evaluate(ids, weights=[1, 1, 1, 1]), wanted)

    def test_what_numpy_makes_an_array_of_is_taken(self):
        class Tensor:  # as PyTorch's and JAX's
            def __init__(self, values):
                self.values = values

            def __len__(self):
                return len(self.values)

            def __array__(self, dtype=None, copy=None):
                if self.values is None:
                    raise TypeError("it is on another device")
                return self.values

        ids = np.array([1, 2, 3, 4], np.int32)
        wanted = self.trainer.evaluate(ids, weights=[1, 0, 1, 1])
        self.assertEqual(self.trainer.evaluate(Tensor(ids), weights=Tensor(np.array([1.0, 0, 1, 1]))), wanted)
        own = Tensor(ids)
        self.assertIs(hlm.Batch(own).ids, ids)  # no copy
        self.assertEqual(hlm.Batch([own, own]).n_documents, 2)
        with self.assertRaisesRegex(TypeError, "a Tensor cannot be passed: it is on another device"):
            self.trainer.evaluate(Tensor(None))

    def test_a_list_of_lists_is_documents(self):
        documents, labels = [[1, 2, 3], [4, 5]], [[1, -100, 3], [4, 5]]
        wanted = self.trainer.evaluate(hlm.Batch.of(documents, labels, [[1, 1, 1], [1, 0.5]]))
        self.assertEqual(self.trainer.evaluate(documents, labels=labels, weights=[[1, 1, 1], [1, 0.5]]), wanted)
        self.assertEqual(self.trainer.evaluate((np.array([1, 2, 3]), [4, 5]), labels=labels, weights=[1, 1, 1, 1, 0.5]), wanted)
        with self.assertRaisesRegex(TypeError, "document 1 is a int"):
            self.trainer.evaluate([[1, 2], 3])

    def test_not_contiguous(self):
        ids = np.arange(12, dtype=np.int32)
        self.assertEqual(self.trainer.evaluate(ids[::2]), self.trainer.evaluate(list(range(0, 12, 2))))
        turned = ids.reshape(3, 4).T
        self.assertEqual([list(document) for document in hlm.Batch(turned)], turned.tolist())
        self.assertEqual(self.trainer.evaluate(ids[:4], weights=np.ones((4, 2), np.float32)[:, 1]), self.trainer.evaluate(ids[:4]))
        with self.assertRaisesRegex(BufferError, "data must be contiguous"):
            self.trainer.read("model.norm.weight", out=np.zeros((32, 2), np.float32)[:, 0])

    def test_read_only_where_written(self):
        with self.assertRaisesRegex(BufferError, "data is written to"):
            self.trainer.read("model.norm.weight", out=np.frombuffer(bytes(128), np.float32))
        with self.assertRaisesRegex(BufferError, "logits is written to"):
            self.trainer.logits([1, 2], [0], out=memoryview(bytes(64)).cast("f"))

    def test_wrong_lengths(self):
        with self.assertRaisesRegex(hlm.InvalidArgumentError, "n_labels"):
            self.trainer.step([1, 2, 3], labels=[1, 2])
        with self.assertRaisesRegex(hlm.InvalidArgumentError, "n_logits is 15"):
            self.trainer.logits([1, 2], [0], out=np.zeros(15, np.float32))
        with self.assertRaises(hlm.OutOfRangeError):
            self.trainer.read("model.norm.weight", out=np.zeros(33, np.float32))
        with self.assertRaises(IndexError):  # the same, as Python's own kind
            self.trainer.read("model.norm.weight", out=np.zeros(4, np.float32), byte_offset=32 * 4)

    def test_misaligned(self):
        odd = np.frombuffer(bytearray(41), np.uint8)[1:41].view(np.int32)
        with self.assertRaises(hlm.InvalidArgumentError):
            self.trainer.evaluate(odd)

    def test_a_buffer_is_released_after_the_call_and_after_an_error(self):
        ids = bytearray(array("i", [1, 2, 3]).tobytes())
        self.trainer.evaluate(memoryview(ids).cast("i"))
        ids.extend(b"1234")  # BufferError while a view is held
        ids = bytearray(array("i", [99, 2, 3]).tobytes())
        with self.assertRaises(hlm.Error):
            self.trainer.evaluate(memoryview(ids).cast("i"))
        ids.extend(b"1234")

    def test_tensors_go_in_and_out(self):
        name = "model.layers.0.self_attn.q_proj.weight"
        weight = self.trainer.read(name)
        self.assertEqual(weight.shape, (32, 32))
        out = np.zeros((32, 32), np.float32)
        self.assertIs(self.trainer.read(name, out=out), out)
        self.assertTrue((weight == out).all())
        self.trainer.write(name, weight * 2)
        self.assertTrue((self.trainer.read(name) == weight * 2).all())
        part = array("f", [0.0] * 3)
        self.trainer.read(name, out=part, byte_offset=4 * 33)
        self.assertEqual(list(part), [float(x) for x in (weight * 2)[1, 1:4]])
        with self.assertRaises(hlm.InvalidArgumentError):
            self.trainer.write(name, np.full((32, 32), np.nan, np.float32))
        # Other elements are converted, or refused: their bytes are not those of float32.
        for kind in (np.float64, np.float16):
            self.trainer.write(name, np.full((32, 32), 0.25, kind))
            self.assertTrue((self.trainer.read(name) == 0.25).all(), kind)
        with self.assertRaisesRegex(TypeError, "data must hold float32"):
            self.trainer.write(name, np.ones((32, 32), np.uint16))
        for kind in (np.uint16, np.float16, np.float64):
            with self.assertRaisesRegex(TypeError, "out must hold float32"):
                self.trainer.read(name, out=np.zeros((32, 32), kind))

    def test_logits(self):
        whole = self.trainer.logits([1, 2, 3])
        self.assertEqual(whole.shape, (3, 16))
        np.testing.assert_allclose(self.trainer.logits([1, 2, 3], [1]), whole[1:2], atol=1e-5)  # another shape of product

    def test_optimizer_in_place(self):
        n = 1000
        rng = np.random.default_rng(1)
        weight = rng.normal(size=n).astype(np.float32)
        gradient = rng.normal(size=n).astype(np.float32)
        first, second = np.zeros(n, np.float32), np.zeros(n, np.float32)
        before = weight.astype(np.float64)
        with hlm.Optimizer(weight_decay=0.0) as adamw:
            adamw.step(1, 1e-3, weight=weight, first_moment=first, second_moment=second, gradient=gradient)
            # After the first step the update is lr * g / (|g| + eps), in double here.
            wanted = before - 1e-3 * gradient / (np.abs(gradient.astype(np.float64)) + 1e-8)
            np.testing.assert_allclose(weight, wanted, rtol=0, atol=3e-7)
            high, low, back = np.zeros(n, np.uint16), np.zeros(n, np.uint16), np.zeros(n, np.float32)
            adamw.split(weight, high, low)
            adamw.join(high, low, back)
            self.assertTrue((weight == back).all())
            self.assertAlmostEqual(adamw.squared_norm(gradient), float((gradient.astype(np.float64) ** 2).sum()), places=6)
            total = gradient.copy()
            adamw.accumulate(total, gradient)
            self.assertTrue((total == gradient + gradient).all())
            with self.assertRaisesRegex(hlm.InvalidArgumentError, "second_moment has 40 bytes"):
                adamw.step(1, 1e-3, weight=weight, first_moment=first, second_moment=np.zeros(10, np.float32), gradient=gradient)
            with self.assertRaisesRegex(hlm.InvalidArgumentError, "gradient has 20 bytes"):
                adamw.step(1, 1e-3, weight=weight, first_moment=first, second_moment=second, gradient=np.zeros(10, np.uint16))
            with self.assertRaisesRegex(TypeError, "gradient must hold float32"):
                adamw.step(1, 1e-3, weight=weight, first_moment=first, second_moment=second, gradient=np.zeros(n))


if __name__ == "__main__":
    unittest.main()
