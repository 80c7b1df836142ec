"""Log-probabilities, losses on them, kept weights, and checkpoints, against values from formulas."""

import math
import os
import tempfile
import unittest
from array import array

import numpy as np

import horizonlm as hlm
import tiny

PAIRS = [[1, 2, 3, 4, 5], [1, 2, 6, 7], [8, 9, 10], [8, 9, 11, 12, 13]]
WEIGHTS = [[0, 0, 1, 1, 1], [0, 0, 1, 1], [0, 0, 1], [0, 0, 1, 1, 1]]  # answers only


def pairs():
    return hlm.Batch.of(PAIRS, weights=WEIGHTS)


class LogprobsTest(unittest.TestCase):
    def setUp(self):
        self.trainer = tiny.trainer(batch_size=4, frozen_copies=1, compute="f32")
        self.addCleanup(self.trainer.close)

    def test_logprobs_are_the_softmax_of_the_logits(self):
        batch = hlm.Batch(np.array([3, 1, 4, 1, 5, 9], np.int32), temperature=0.7)
        entropies, greedy = np.zeros(6, np.float32), np.zeros(6, np.float32)
        found = self.trainer.logprobs(batch, entropies=entropies, greedy=greedy)
        logits = self.trainer.logits(batch).astype(np.float64) / 0.7
        p = np.exp(logits - logits.max(1, keepdims=True))
        p /= p.sum(1, keepdims=True)
        wanted = np.log(p[np.arange(5), batch.ids[1:]])
        np.testing.assert_allclose(found[1:], wanted, atol=2e-5)
        np.testing.assert_allclose(entropies[1:], -(p[:5] * np.log(p[:5])).sum(1), atol=2e-5)
        np.testing.assert_allclose(greedy[1:], np.log(p[:5].max(1)), atol=2e-5)
        self.assertEqual(found[0], 0)
        self.assertAlmostEqual(self.trainer.evaluate(batch).loss, -wanted.mean(), places=5)
        out = array("f", [1.0] * 6)
        self.assertIs(self.trainer.logprobs(batch, out=out), out)
        self.assertEqual(list(out), list(found))

    def test_sums(self):
        logprobs = np.arange(17, dtype=np.float32) / 7
        sums, tokens = hlm.sum_logprobs(pairs(), logprobs)
        weights = np.concatenate([np.array(w, np.float64) for w in WEIGHTS])
        ends = np.cumsum([len(p) for p in PAIRS])
        wanted = [part.sum() for part in np.split(weights * logprobs, ends[:-1])]
        np.testing.assert_allclose(sums, wanted, rtol=1e-12)
        self.assertEqual(list(tokens), [3, 2, 1, 3])

    def test_kept_weights_are_those_of_before(self):
        batch = tiny.batch()
        before = list(self.trainer.logprobs(batch))
        loss = self.trainer.evaluate(batch)
        with self.trainer.keep_weights() as kept:
            with self.assertRaises(hlm.ResourceExhaustedError):
                self.trainer.keep_weights()
            for _ in range(3):
                self.trainer.step(batch)
            self.assertNotEqual(list(self.trainer.logprobs(batch)), before)
            self.assertEqual(list(self.trainer.logprobs(batch, kept=kept)), before)
            self.assertEqual(self.trainer.evaluate(batch, kept=kept), loss)
            other = tiny.trainer()
            with self.assertRaises(hlm.Error):
                other.logprobs(batch, kept=kept)
            other.close()
        with self.assertRaisesRegex(hlm.FailedPreconditionError, "the weights is closed"):
            self.trainer.logprobs(batch, kept=kept)
        kept = self.trainer.keep_weights()  # its place is free again
        self.trainer.close()
        kept.close()

    def test_first_dpo_loss_is_ln_2(self):
        batch = pairs()
        logprobs = self.trainer.logprobs(batch)
        sums, tokens = hlm.sum_logprobs(batch, logprobs)
        for reference in ({"reference_sums": sums}, {"reference_logprobs": logprobs}):
            found = self.trainer.accumulate_preference(batch, **reference)
            self.assertAlmostEqual(found.loss, math.log(2), places=12)
            self.assertEqual((found.pairs, found.tokens, found.margin, found.accuracy), (2, 13, 0, 0))
            self.assertAlmostEqual(found.logprob_chosen, (sums[0] + sums[2]) / 2, places=9)
        metrics = self.trainer.apply()
        self.assertEqual(metrics.step, 1)
        later = self.trainer.accumulate_preference(batch, reference_sums=sums)
        self.assertLess(later.loss, math.log(2))
        self.assertEqual(later.accuracy, 1)
        self.trainer.discard()

    def test_other_preferences(self):
        batch = pairs()
        sums, tokens = hlm.sum_logprobs(batch, self.trainer.logprobs(batch))
        x = [2.0 * (sums[2 * i] / tokens[2 * i] - sums[2 * i + 1] / tokens[2 * i + 1]) - 0.5 for i in range(2)]
        found = self.trainer.accumulate_preference(batch, kind="simpo", beta=2.0, gamma=0.5)
        self.assertAlmostEqual(found.loss, np.mean([math.log1p(math.exp(-value)) for value in x]), places=6)
        found = self.trainer.accumulate_preference(batch, kind="hinge", reference_sums=sums, denominator=4)
        self.assertAlmostEqual(found.loss, 2 / 4)  # 1 a pair
        with self.assertRaisesRegex(ValueError, "kind is 'dpo'; it must be one of apo_down"):
            self.trainer.accumulate_preference(batch, kind="dpo", reference_sums=sums)

    def test_kto(self):
        batch = pairs()
        sums, _ = hlm.sum_logprobs(batch, self.trainer.logprobs(batch))
        found = self.trainer.accumulate_kto(batch, [1, 0, 0, 1], reference_sums=sums, desirable_weight=2.0)
        self.assertAlmostEqual(found.loss, (2 * 0.5 * 2 + 2 * 0.5) / 4, places=12)  # every reward is 0
        self.assertEqual((found.desirable, found.undesirable, found.kl), (2, 2, 0))
        lower = array("d", [value - 1 for value in sums])  # the reference finds them less likely: r = 1
        found = self.trainer.accumulate_kto(batch, [1, 1, 1, 1], reference_sums=lower, mismatched=batch, mismatched_sums=lower)
        self.assertAlmostEqual(found.kl, 1, places=9)
        self.assertAlmostEqual(found.loss, 0.5, places=9)

    def test_policy(self):
        batch = pairs()
        n = 17
        rng = np.random.default_rng(1)
        advantages = rng.normal(size=n).astype(np.float32)
        current = self.trainer.logprobs(batch).astype(np.float64)
        weights = np.concatenate([np.array(w, np.float64) for w in WEIGHTS])
        found = self.trainer.accumulate_policy(batch, advantages)
        self.assertAlmostEqual(found.loss, -(weights * advantages).sum() / 9, places=6)
        self.assertEqual((found.ratio, found.weight, found.tokens), (1, 9, 13))
        # The gradient is that of -A logprob, by the other way: weights of the caller's own.
        name = "model.layers.0.self_attn.q_proj.weight"
        gradient = self.trainer.read(name, "gradient")
        self.trainer.discard()
        self.trainer.accumulate(hlm.Batch(batch.ids, batch.offsets, weights=(weights * advantages / 9).astype(np.float32), denominator=1))
        np.testing.assert_allclose(gradient, self.trainer.read(name, "gradient"), rtol=1e-4, atol=1e-7)
        old = (current - 0.3 * rng.normal(size=n)).astype(np.float32)
        ratio = np.exp(current - old)
        wanted = np.maximum(-advantages * ratio, -advantages * np.clip(ratio, 0.9, 1.1))
        d = (old.astype(np.float64) - 0.1) - current
        k3 = np.exp(d) - 1 - d
        found = self.trainer.accumulate_policy(
            batch, advantages, old_logprobs=old, reference_logprobs=old - np.float32(0.1), clip_low=0.1, clip_high=0.1, kl_weight=0.5
        )
        self.assertAlmostEqual(found.loss, (weights * (wanted + 0.5 * k3)).sum() / 9, places=4)

    def test_refused(self):
        batch = pairs()
        sums = array("d", [0] * 4)
        with self.assertRaisesRegex(TypeError, "reference_sums must hold float64"):
            self.trainer.accumulate_preference(batch, reference_sums=np.zeros(4, np.float32))
        with self.assertRaisesRegex(hlm.InvalidArgumentError, "n_reference_sums is 3"):
            self.trainer.accumulate_preference(batch, reference_sums=sums[:3])
        with self.assertRaises(hlm.InvalidArgumentError):  # no reference
            self.trainer.accumulate_preference(batch)
        with self.assertRaises(hlm.InvalidArgumentError):  # no pairs
            self.trainer.accumulate_preference(hlm.Batch.of(PAIRS[:3]), reference_sums=sums[:3])
        with self.assertRaisesRegex(hlm.InvalidArgumentError, "n_advantages"):
            self.trainer.accumulate_policy(batch, [1.0] * 3)
        with self.assertRaises(hlm.InvalidArgumentError):
            self.trainer.accumulate_kto(batch, [1, 0, 2, 1], reference_sums=sums)
        with self.assertRaisesRegex(hlm.InvalidArgumentError, "mismatched"):
            self.trainer.accumulate_kto(batch, [1, 0, 0, 1], reference_sums=sums, mismatched_sums=sums)
        with self.assertRaisesRegex(hlm.InvalidArgumentError, "n_logprobs is 4"):
            self.trainer.logprobs(batch, out=np.zeros(4, np.float32))
        with self.assertRaisesRegex(BufferError, "logprobs is written to"):
            self.trainer.logprobs(batch, out=np.frombuffer(bytes(68), np.float32))
        with self.assertRaisesRegex(BufferError, "greedy must be contiguous"):
            self.trainer.logprobs(batch, greedy=np.zeros(34, np.float32)[::2])
        with self.assertRaises(hlm.InvalidArgumentError):
            hlm.sum_logprobs(batch, [0.0] * 3)
        with self.assertRaises(TypeError):
            hlm.Weights()


class CheckpointTest(unittest.TestCase):
    def test_a_resumed_run_goes_on_bit_for_bit(self):
        with tempfile.TemporaryDirectory() as folder:
            first = tiny.trainer()
            for _ in range(3):
                first.step(tiny.batch())
            with self.assertRaises(hlm.NotFoundError):
                first.resume(folder + "/none")
            self.assertEqual(hlm.checkpoints(folder + "/none"), {"checkpoints": [], "damaged": []})
            first.save(folder + "/all", keep=2, user_data='{"position": "ü"}')
            self.assertTrue(first.save_wait())
            wanted = [first.step(tiny.batch())._replace(seconds=0) for _ in range(3)]
            first.save(folder + "/all", background=False, user_data=None)
            weights = first.read("model.layers.1.mlp.down_proj.weight")
            moment = first.read("model.norm.weight", "second_moment")
            first.close()

            listed = hlm.checkpoints(folder + "/all")["checkpoints"]
            self.assertEqual([(one["step"], one["user_data"]) for one in listed], [(6, None), (3, '{"position": "ü"}')])
            second = tiny.trainer(seed=9)
            self.assertEqual(second.resume(listed[1]["path"])["user_data"], '{"position": "ü"}')
            self.assertEqual([second.step(tiny.batch())._replace(seconds=0) for _ in range(3)], wanted)
            self.assertTrue((second.read("model.layers.1.mlp.down_proj.weight") == weights).all())
            self.assertTrue((second.read("model.norm.weight", "second_moment") == moment).all())

            # A damaged one is passed over; another model is refused.
            largest = max((os.path.join(root, name) for root, _, names in os.walk(listed[0]["path"]) for name in names), key=os.path.getsize)
            with open(largest, "r+b") as file:
                file.seek(os.path.getsize(largest) // 2)
                byte = file.read(1)
                file.seek(-1, 1)
                file.write(bytes([byte[0] ^ 1]))
            found = second.resume(folder + "/all")
            self.assertEqual((found["step"], len(found["passed_over"])), (3, 1))
            second.accumulate(tiny.batch())
            with self.assertRaises(hlm.FailedPreconditionError):
                second.save(folder + "/all")
            second.close()
            with hlm.Model.create({**tiny.CONFIG, "hidden_size": 64}, 1) as model, model.plan(device="cpu", batch_size=2, seq_len=8) as plan:
                with hlm.Trainer(model, plan) as other:
                    with self.assertRaises(hlm.FailedPreconditionError):
                        other.resume(listed[1]["path"])
            with hlm.Model.open(listed[1]["path"]) as model:  # a checkpoint is a model, too
                self.assertEqual(model.describe()["vocab_size"], 16)

    def test_a_failed_background_save_is_told_once(self):
        with tempfile.TemporaryDirectory() as folder, tiny.trainer() as trainer:
            trainer.step(tiny.batch())
            with open(folder + "/file", "w"):
                pass
            with self.assertRaises(hlm.Error):
                trainer.save(folder + "/file")
                trainer.save_wait()
            self.assertTrue(trainer.save_wait(0))


class StatesTest(unittest.TestCase):
    def test_packed_moments(self):
        n = 1000
        gradient = np.linspace(-1, 1, n, dtype=np.float32)
        for states in ("bf16", "int8"):
            with hlm.Optimizer(states=states, weight_decay=0.0) as adamw:
                size, scales = adamw.state_size("first_moment", n)
                self.assertEqual((size, scales), (2 * n, 0) if states == "bf16" else (n, 4))
                kind = np.uint16 if states == "bf16" else np.uint8
                moments = [np.zeros(n, kind) for _ in range(2)]
                blocks = [np.zeros(scales, np.float32) if scales else None for _ in range(2)]
                weight = np.zeros(n, np.float32)
                adamw.step(1, 1e-3, weight=weight, first_moment_packed=moments[0], second_moment_packed=moments[1], first_scales=blocks[0],
                           second_scales=blocks[1], gradient=gradient)  # fmt: skip
                np.testing.assert_allclose(weight, -1e-3 * np.sign(gradient), atol=1e-7 if states == "bf16" else 1e-4)
                first = np.empty(n, np.float32)
                adamw.read_state("first_moment", moments[0], first, blocks[0])
                np.testing.assert_allclose(first, 0.1 * gradient, rtol=0.01 if states == "bf16" else 0.1, atol=2e-3)
                again, scale = np.zeros(n, kind), None if blocks[0] is None else np.zeros(scales, np.float32)
                adamw.write_state("first_moment", first, again, scale)
                self.assertTrue((again == moments[0]).all())
                with self.assertRaisesRegex(hlm.InvalidArgumentError, "moment has 3 bytes"):
                    adamw.read_state("first_moment", np.zeros(3, np.uint8), first, blocks[0])
        with hlm.Optimizer(algorithm="lion") as lion:
            self.assertEqual(lion.state_size("second_moment", n), (0, 0))


class PlanTest(unittest.TestCase):
    def test_a_machine_of_a_file_and_numerics_of_a_plan(self):
        machine = hlm.describe_machine("cpu")
        with tiny.model() as model, model.plan(machine_json=machine, batch_size=2, seq_len=8) as plan:
            numerics = plan.json()["numerics"]
            with model.plan(device="cpu", batch_size=2, seq_len=8, numerics_json=numerics) as again:
                self.assertEqual(again.json()["numerics"], numerics)
        with tiny.model() as model, model.plan(device="cpu", states="bf16", optimizer="lion", frozen_copies=2) as plan:
            self.assertIn("lion", str(plan.json()).lower())


if __name__ == "__main__":
    unittest.main()
