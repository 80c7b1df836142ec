"""Models, plans and trainers as objects: options, errors, closing, threads, memory."""

import copy
import gc
import json
import os
import pathlib
import pickle
import signal
import tempfile
import threading
import time
import unittest
import warnings

import horizonlm as hlm
import tiny
from horizonlm import _native, _option_types, _options, trainer as trainer_module


def end_of(child):
    """What waitpid says of a forked child; of one that has not ended after a minute, which is killed, (0, 0)."""
    end = time.monotonic() + 60
    ended, status = os.waitpid(child, os.WNOHANG)
    while ended == 0 and time.monotonic() < end:
        time.sleep(0.01)
        ended, status = os.waitpid(child, os.WNOHANG)
    if ended == 0:
        os.kill(child, signal.SIGKILL)
    return ended, status


class OptionsTest(unittest.TestCase):
    def test_every_member_of_the_header_is_an_option_with_a_type(self):
        import re

        with open(_option_types.__file__) as file:
            source = file.read()
        for name in ("PlanOptions", "TrainerOptions", "SaveOptions", "OptimizerOptions"):
            body = re.search(rf"class {name}.*?(?=\n    class |\n\n\n)", source, re.S).group(0)
            typed = set(re.findall(r"^        (\w+): ", body, re.M))
            struct = "hlm_" + re.sub("(?<!^)(?=[A-Z])", "_", name).lower()
            self.assertEqual(typed, set(_options.members(struct)), name)

    def test_every_metric_of_the_header_is_a_field(self):
        found = {name[len("hlm_step_metrics_") : -4] for name in dir(_native) if name.startswith("hlm_step_metrics_") and name.endswith("_get")}
        self.assertEqual(set(trainer_module.StepMetrics._fields), found)

    def test_options_reach_the_library(self):
        with tiny.model() as model, model.plan(device="cpu", batch_size=3, seq_len=7, compute="f32", optimizer_timing="serial") as plan:
            json = plan.json()
            self.assertEqual((json["step_tokens"], json["numerics"]["compute"], json["optimizer_timing"]), (21, "f32", "serial"))
            self.assertEqual(plan.value("step_tokens"), 21)
            self.assertEqual(plan.value("memory.device.arena"), json["memory"]["device"]["arena"])
            with self.assertRaises(hlm.NotFoundError):
                plan.value("no_such_key")

    def test_a_list_is_a_text_with_commas(self):
        with tiny.model() as model:

            def numerics(**options):
                with model.plan(**options) as plan:
                    return plan.json()["numerics"]

            frozen = numerics(device="cpu:2", freeze="*embed*,*norm*")
            self.assertNotEqual(frozen, numerics(device="cpu:2", freeze="*norm*"))
            self.assertEqual(numerics(device=["CPU:2"], freeze=["*embed*", "*norm*"]), frozen)
            self.assertEqual(numerics(device="cpu", train_only=("*mlp*",)), numerics(device="cpu", train_only="*mlp*"))
            self.assertEqual(numerics(device="cpu", freeze=[]), numerics(device="cpu"))
            with self.assertRaisesRegex(TypeError, r"freeze is \[1\]"):
                model.plan(freeze=[1])

    def test_wrong_options(self):
        with tiny.model() as model:
            with self.assertRaisesRegex(TypeError, r"no option 'batchsize' \(did you mean batch_size\?\); there are activations,"):
                model.plan(batchsize=3)
            with self.assertRaisesRegex(TypeError, r"no option 'lr' \(it is an option of Trainer\)"):
                model.plan(lr=1e-5)
            with self.assertRaisesRegex(TypeError, r"no option 'max_grad_norm' \(did you mean grad_clip\?\)"):
                model.plan(max_grad_norm=1.0)
            with model.plan(device="cpu") as plan:
                with self.assertRaisesRegex(TypeError, r"no option 'learning_rate' \(did you mean lr\?\)"):
                    hlm.Trainer(model, plan, learning_rate=1e-5)
                with self.assertRaisesRegex(TypeError, r"no option 'zebra'; there are"):
                    hlm.Trainer(model, plan, zebra=1)
            with self.assertRaisesRegex(OverflowError, f"batch_size: {1 << 70} is not within"):
                model.plan(batch_size=1 << 70)
            with self.assertRaisesRegex(ValueError, "compute is 'f64'; it must be one of auto, bf16"):
                model.plan(compute="f64")
            with self.assertRaisesRegex(TypeError, "batch_size is 'eight'"):
                model.plan(batch_size="eight")
            with self.assertRaisesRegex(TypeError, "batch_size is 1.5"):
                model.plan(batch_size=1.5)
            with self.assertRaises(OverflowError):
                model.plan(batch_size=1 << 70)
            with self.assertRaisesRegex(hlm.InvalidArgumentError, "batch_size is -1"):
                model.plan(batch_size=-1)
            with self.assertRaises(ValueError):  # a NUL
                model.plan(device="cp\0u")
            with self.assertRaises(hlm.ResourceExhaustedError):
                model.plan(device="cpu", host_limit_bytes=1000)
            with self.assertRaises(hlm.NotFoundError):
                model.plan(device="tpu")

    def test_a_text_lives_as_long_as_its_struct(self):
        own = _native.new_hlm_plan_options()
        for i in range(100):
            _native.hlm_plan_options_device_set(own, "device-%d" % i)
        gc.collect()
        self.assertEqual(_native.hlm_plan_options_device_get(own), "device-99")
        _native.hlm_plan_options_device_set(own, None)
        self.assertIsNone(_native.hlm_plan_options_device_get(own))


class ErrorsTest(unittest.TestCase):
    def test_each_code_has_its_class(self):
        for code in (1, 3, 4, 5, 6, 8, 9, 11, 12, 13, 14, 15):
            from horizonlm._errors import make

            error = make(code, "text")
            self.assertEqual((error.code, error.name, str(error)), (code, _native.hlm_code_name(code), "text"))
            self.assertIsInstance(error, hlm.Error)
            self.assertIsNot(type(error), hlm.Error)
        self.assertEqual(make(77, "new").code, 77)

    def test_models(self):
        with self.assertRaisesRegex(hlm.NotFoundError, "/no/such"):
            hlm.Model.open("/no/such/folder")
        with self.assertRaisesRegex(hlm.NotFoundError, "Some-Org/Model-7B: .*nothing is downloaded: `hf download Some-Org/Model-7B --local-dir Model-7B`"):
            hlm.Model.open("Some-Org/Model-7B")
        for kind in (LookupError, FileNotFoundError, OSError):
            with self.assertRaises(kind):
                hlm.Model.open("/no/such/folder")
        with self.assertRaises(hlm.Error):
            hlm.Model.create("{not json")
        for path in ("folder/config.json", pathlib.Path("folder/config.json")):
            with self.assertRaisesRegex(hlm.InvalidArgumentError, "the config is 'folder/config.json', neither a mapping nor the text"):
                hlm.Model.create(path)
        with self.assertRaises(TypeError):
            hlm.Model()
        with self.assertRaises(TypeError):
            hlm.Model.open(7)
        with tempfile.TemporaryDirectory() as folder:
            with tiny.model() as model:
                model.save(folder + "/ünïcode 模型")
                with self.assertRaises(FileExistsError) as caught:
                    model.save(folder + "/ünïcode 模型")
                self.assertIsInstance(caught.exception, hlm.AlreadyExistsError)
                model.save(folder + "/ünïcode 模型", overwrite=True)
                self.assertEqual(model.describe()["vocab_size"], 16)
                self.assertGreater(model.check_save(folder + "/new"), model.describe()["parameters"])
                self.assertFalse(os.path.exists(folder + "/new"))
                with self.assertRaises(FileExistsError):
                    model.check_save(folder + "/ünïcode 模型")
                with self.assertRaises(hlm.Error):
                    model.check_save("/proc/new", overwrite=True)
                hlm.check_checkpoints(folder, 1)
                with self.assertRaises(hlm.ResourceExhaustedError):
                    hlm.check_checkpoints(folder, 2**62)
                with model.with_text(stop_ids_json=[3, 5]) as words:
                    self.assertEqual(words.describe()["stop_ids"], [3, 5])
                    words.save(folder + "/words")
                with open(folder + "/words/generation_config.json") as file:
                    self.assertEqual(json.load(file)["eos_token_id"], [3, 5])
                with self.assertRaisesRegex(hlm.InvalidArgumentError, "16"):
                    model.with_text(stop_ids_json=[16])
            hlm.Model.open(folder + "/ünïcode 模型").close()
            self.assertTrue(os.path.exists(folder + "/ünïcode 模型/config.json"))

    def test_devices(self):
        self.assertEqual(hlm.devices()[-1]["name"], "cpu")
        self.assertIn("reason", hlm.describe_device())
        with self.assertRaises(hlm.NotFoundError):
            hlm.describe_device("tpu")


class ClosingTest(unittest.TestCase):
    def test_closing_twice_and_using_after(self):
        model = tiny.model()
        plan = model.plan(device="cpu", batch_size=2, seq_len=8)
        trainer = hlm.Trainer(model, plan)
        for handle, call in ((model, model.describe), (plan, plan.json), (trainer, trainer.finish), (trainer, lambda: trainer.step(tiny.batch()))):
            handle.close()
            handle.close()
            self.assertTrue(handle.closed)
            with self.assertRaisesRegex(hlm.FailedPreconditionError, "is closed"):
                call()
        with self.assertRaises(hlm.FailedPreconditionError):
            hlm.Plan(model)
        trainer.cancel()  # never fails

    def test_a_trainer_outlives_its_model_and_plan(self):
        trainer = tiny.trainer()
        self.assertEqual(trainer.step(tiny.batch()).step, 1)
        trainer.close()

    def test_wrong_handles(self):
        with tiny.model() as model, model.plan(device="cpu") as plan:
            for wrong in (None, 5, plan, "model"):
                with self.assertRaises(TypeError):
                    hlm.Plan(wrong)
            with self.assertRaises(TypeError):
                hlm.Trainer(plan, model)
            with self.assertRaises(TypeError):
                _native.hlm_plan_json(model._box)
            with self.assertRaises(TypeError):
                _native.hlm_plan_json(12345)

    def test_what_they_say_of_themselves(self):
        with tiny.model() as model, model.plan(device="cpu") as plan, hlm.Trainer(model, plan) as trainer:
            self.assertRegex(repr(model), r"^<Model: LlamaForCausalLM, [0-9,]+ parameters>$")
            self.assertRegex(repr(plan), r"^<Plan: [0-9.]+ MiB of host memory, [0-9.]*[1-9][0-9.]* MiB on cpu>$")
            self.assertRegex(repr(trainer), r"^<Trainer: [0-9]+ tensors, [0-9,]+ parameters>$")
        self.assertEqual(repr(model), "<Model, closed>")

    def test_metrics_that_are_off_are_none(self):
        with tiny.model() as model, model.plan(device="cpu", batch_size=2, seq_len=8) as plan:
            with hlm.Trainer(model, plan) as trainer:
                metrics = trainer.step(tiny.batch())
                self.assertIsNone(metrics.mean_token_accuracy)
                self.assertIsNone(metrics.entropy)
                self.assertGreater(metrics.loss, 0)
        with tiny.trainer() as trainer:
            self.assertGreater(trainer.step(tiny.batch()).entropy, 0)

    def test_a_forked_child_gets_an_error_and_ends(self):
        trainer = tiny.trainer()
        trainer.step(tiny.batch())
        child = os.fork()
        if child == 0:
            status = 1
            try:
                trainer.step(tiny.batch())
            except hlm.FailedPreconditionError as error:
                if "forked child" in str(error) and "of process" in repr(trainer):
                    trainer.close()
                    del trainer  # frees nothing here, and waits for nobody
                    status = 0
            finally:
                os._exit(status)
        self.assertEqual(end_of(child), (child, 0))
        self.assertEqual(trainer.step(tiny.batch()).step, 2)
        trainer.close()

    def test_a_forked_child_may_make_its_own(self):
        trainer = tiny.trainer()
        loss = trainer.step(tiny.batch()).loss
        child = os.fork()
        if child == 0:
            status = 1
            try:
                with tiny.trainer() as own:
                    status = 0 if own.step(tiny.batch()).loss == loss else 2
            finally:
                os._exit(status)
        self.assertEqual(end_of(child), (child, 0))
        trainer.close()

    def test_an_interrupt_ends_a_long_call(self):
        config = dict(tiny.CONFIG, hidden_size=64, intermediate_size=256, num_hidden_layers=200, vocab_size=1000, max_position_embeddings=512)
        with hlm.Model.create(config, 1) as model, model.plan(device="cpu", batch_size=4, seq_len=512, compute="f32") as plan:
            with hlm.Trainer(model, plan) as trainer:
                documents = hlm.Batch.of([[1 + i % 999 for i in range(512)]] * 4)
                threading.Timer(0.3, os.kill, (os.getpid(), signal.SIGINT)).start()
                whole = 0
                with self.assertRaises(KeyboardInterrupt):
                    while True:
                        trainer.step(documents)
                        whole += 1
                # The step that was interrupted did not go on to its end.
                self.assertEqual(trainer.step(hlm.Batch.of([[1, 2, 3]])).step, whole + 1)
                # A handler of the program's own is not in the way of anything.
                seen = []
                own = signal.signal(signal.SIGINT, lambda *_: seen.append(1))
                try:
                    threading.Timer(0.1, os.kill, (os.getpid(), signal.SIGINT)).start()
                    self.assertGreater(trainer.evaluate(hlm.Batch.of([[1, 2, 3] * 99])).loss, 0)
                    while not seen:
                        time.sleep(0.01)
                finally:
                    signal.signal(signal.SIGINT, own)

    def test_no_copies(self):
        model = tiny.model()
        for attempt in (copy.copy, copy.deepcopy, pickle.dumps):
            with self.assertRaises(TypeError):
                attempt(model)
        model.close()

    def test_a_constructor_that_fails_leaves_an_object_that_closes(self):
        trainer = hlm.Trainer.__new__(hlm.Trainer)
        trainer.close()

    def test_cycles_do_not_grow(self):
        cycles = int(os.environ.get("HLM_CYCLES", "300"))

        folder = os.environ["HLM_MODEL"]
        temporary = tempfile.TemporaryDirectory()
        self.addCleanup(temporary.cleanup)
        with open(temporary.name + "/d.jsonl", "w") as file:
            file.write('{"text": "abc"}\n')
        config = {"data": temporary.name + "/d.jsonl", "cache_dir": None, "epochs": 1, "append_eos": False, "threads": 1, "task": "pretrain"}

        def cycle():
            model = tiny.model()
            with self.assertRaises(hlm.Error):
                model.plan(batch_size=-1)
            with model.plan(device="cpu", batch_size=2, seq_len=8) as plan:
                plan.json()
            model.close()
            tiny.model()  # and one that is forgotten
            with hlm.Tokenizer(folder) as tokenizer, hlm.Template.create("{{ messages[0].content }}") as template:
                self.assertEqual(tokenizer.decode(tokenizer.encode(template.render([{"role": "user", "content": "abc"}]))), "abc")
                tokenizer.decoder().push([97])  # forgotten
                with self.assertRaises(hlm.Error):
                    tokenizer.encode(b"\xff")
                with self.assertRaises(hlm.Error):
                    template.render("[")
                with hlm.Dataset(config, tokenizer) as dataset:
                    self.assertEqual(dataset.next(1).trained, 2)
                    dataset.next(1)
            with self.assertRaises(hlm.Error):
                tokenizer.token(0)  # closed

        for _ in range(min(cycles // 3, 2000)):
            cycle()
        gc.collect()
        before = tiny.resident_bytes()
        for _ in range(cycles):
            cycle()
        gc.collect()
        grown = tiny.resident_bytes() - before
        self.assertLess(grown, 4 << 20, f"{grown} bytes after {cycles} cycles")


class ThreadsTest(unittest.TestCase):
    def test_two_trainers_in_two_threads(self):
        alone = tiny.trainer()
        wanted = [alone.step(tiny.batch()).loss for _ in range(10)]
        alone.close()
        results = {}

        def run(index):
            trainer = tiny.trainer()
            results[index] = [trainer.step(tiny.batch()).loss for _ in range(10)]
            trainer.close()

        threads = [threading.Thread(target=run, args=(i,)) for i in range(2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(results, {0: wanted, 1: wanted})

    def long_evaluation(self, trainer):
        """Evaluates in a thread until an error ends it; returns the thread and where the error goes."""
        batch = hlm.Batch.of([[i % 16 for i in range(64)]] * 64)
        errors = []

        def run():
            try:
                while True:
                    trainer.evaluate(batch)
            except hlm.Error as error:
                errors.append(error)

        thread = threading.Thread(target=run)
        thread.start()
        return thread, errors

    def test_one_trainer_in_two_threads_closing_and_cancelling(self):
        trainer = tiny.trainer(batch_size=64, seq_len=64)
        thread, errors = self.long_evaluation(trainer)
        # The other thread is in calls nearly always; it is met there soon.
        met = {"second call": False, "close": False}
        deadline = time.monotonic() + 60
        while not all(met.values()) and time.monotonic() < deadline and not errors:
            if not met["second call"]:
                try:
                    trainer.finish()
                except hlm.FailedPreconditionError:
                    met["second call"] = True
            if met["second call"] and not met["close"]:
                try:
                    trainer.close()
                    break  # it was between two calls
                except hlm.FailedPreconditionError as error:
                    self.assertIn("in use by another thread", str(error))
                    met["close"] = True
            time.sleep(0.001)
        # The thread may have been the one that was refused.
        trainer.cancel()
        thread.join(60)
        self.assertFalse(thread.is_alive())
        self.assertIsInstance(errors[0], (hlm.CancelledError, hlm.FailedPreconditionError))
        trainer.close()

    def test_the_lock_is_released_during_a_call(self):
        trainer = tiny.trainer(batch_size=64, seq_len=64)
        thread, errors = self.long_evaluation(trainer)
        counted = 0
        end = time.monotonic() + 0.5
        while time.monotonic() < end:
            counted += 1
        trainer.cancel()
        thread.join(60)
        self.assertGreater(counted, 10000)
        self.assertIsInstance(errors[0], hlm.CancelledError)
        trainer.close()

    def test_cancel_and_deadline(self):
        trainer = tiny.trainer()
        before = trainer.read("model.norm.weight")
        trainer.cancel()
        with self.assertRaises(hlm.CancelledError):
            trainer.step(tiny.batch())
        self.assertTrue((before == trainer.read("model.norm.weight")).all())
        trainer.set_deadline(1e-9)
        with self.assertRaises(TimeoutError):
            trainer.step(tiny.batch())
        trainer.set_deadline(0)
        self.assertEqual(trainer.step(tiny.batch()).step, 1)
        trainer.close()


class TrainingTest(unittest.TestCase):
    def test_fit(self):
        trainer = tiny.trainer()
        self.addCleanup(trainer.close)
        seen = []

        def endless():
            while True:
                seen.append(1)
                yield tiny.batch()

        losses = [metrics.loss for metrics in trainer.fit(endless(), steps=5, progress=False)]
        self.assertEqual((len(losses), len(seen)), (5, 5))
        self.assertLess(losses[-1], losses[0])
        self.assertEqual([m.step for m in trainer.fit([tiny.batch()] * 2, progress=False)], [6, 7])
        with self.assertRaises(hlm.InvalidArgumentError):
            list(trainer.fit([[99]], progress=False))

    def test_a_fit_that_nobody_asks_for_warns(self):
        with tiny.trainer() as trainer:
            with self.assertWarnsRegex(RuntimeWarning, "nothing was trained"):
                trainer.fit([tiny.batch()], progress=False)
                gc.collect()
            with warnings.catch_warnings():
                warnings.simplefilter("error")
                for metrics in trainer.fit([tiny.batch()] * 3, progress=False):
                    break
                self.assertEqual(list(trainer.fit([], progress=False)), [])
            self.assertEqual(metrics.step, 1)
            with self.assertRaises(TypeError):
                trainer.fit([tiny.batch()], steps="3")
            with self.assertRaisesRegex(ValueError, "steps is -1; it must not be negative"):
                trainer.fit([tiny.batch()], steps=-1)
            with self.assertRaisesRegex(TypeError, "callbacks is a int; a list of callbacks is wanted"):
                trainer.fit([tiny.batch()], callbacks=3)

    def test_a_progress_bar_where_tqdm_is_there(self):
        import sys
        import types

        calls = []

        class Bar:
            def __init__(self, total, unit):
                calls.append(("bar", total))

            def set_postfix(self, **_):
                pass

            def update(self, n):
                calls.append(("update", n))

            def close(self):
                calls.append(("close",))

        module = types.ModuleType("tqdm.auto")
        module.tqdm = Bar
        saved = {name: sys.modules.get(name) for name in ("tqdm", "tqdm.auto")}
        sys.modules["tqdm"], sys.modules["tqdm.auto"] = types.ModuleType("tqdm"), module
        try:
            trainer = tiny.trainer()
            list(trainer.fit([tiny.batch()] * 2))
            trainer.close()
        finally:
            for name, old in saved.items():
                if old is None:
                    del sys.modules[name]
                else:
                    sys.modules[name] = old
        self.assertEqual(calls, [("bar", 2), ("update", 1), ("update", 1), ("close",)])

    def test_accumulate_and_apply_are_a_step(self):
        one, two = tiny.trainer(), tiny.trainer()
        with self.assertRaises(hlm.FailedPreconditionError):
            two.apply()
        result = two.accumulate(tiny.batch())
        self.assertEqual(result.tokens, 11)
        self.assertEqual(two.read("model.norm.weight", "gradient").shape, (32,))
        with self.assertRaises(ValueError):
            two.read("model.norm.weight", "gradients")
        applied = two.apply()
        self.assertEqual(applied._replace(seconds=0), one.step(tiny.batch())._replace(seconds=0))
        self.assertTrue(0 <= applied.mean_token_accuracy < 1 < applied.entropy)
        two.accumulate(tiny.batch())
        two.discard()
        with self.assertRaises(hlm.FailedPreconditionError):
            two.read("model.norm.weight", "gradient")
        two.set_learning_rate(0.5)
        self.assertEqual(two.step(tiny.batch()).lr, 0.5)
        self.assertIn("steps", " ".join(two.metrics()))
        one.close()
        two.close()

    def test_saving_and_tracing(self):
        with tempfile.TemporaryDirectory() as folder, tiny.trainer() as trainer:
            with self.assertRaises(hlm.FailedPreconditionError):
                trainer.trace_write(folder + "/trace.json")
            trainer.trace_start()
            trainer.step(tiny.batch())
            trainer.trace_write(folder + "/trace.json")
            self.assertGreater(os.path.getsize(folder + "/trace.json"), 100)
            trainer.save_model(folder + "/model", dtype="f32")
            loss = trainer.evaluate(tiny.batch()).loss
            with hlm.Model.open(folder + "/model") as model, model.plan(device="cpu", batch_size=2, seq_len=8, purpose="forward") as plan:
                with hlm.Trainer(model, plan) as again:
                    self.assertAlmostEqual(again.evaluate(tiny.batch()).loss, loss, places=5)


if __name__ == "__main__":
    unittest.main()
