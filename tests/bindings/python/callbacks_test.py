"""What Trainer.fit tells others, and the trackers on modules that stand in for theirs."""

import json
import sys
import tempfile
import types
import unittest

import numpy as np

import horizonlm as hlm
import tiny


class Recorder:
    """Takes down what it is told; stops a run after `last` steps. It has no base class."""

    def __init__(self, last=0):
        self.events, self.last = [], last

    def on_train_begin(self, trainer):
        self.events.append(("begin", trainer.settings["lr"]))

    def on_step_end(self, trainer, metrics):
        self.events.append(("step", metrics.step))
        return len([1 for event in self.events if event[0] == "step"]) == self.last

    def on_evaluate(self, trainer, evaluation):
        self.events.append(("evaluate", evaluation.tokens))

    def on_save(self, trainer, folder):
        self.events.append(("save", folder))

    def on_train_end(self, trainer, error):
        self.events.append(("end", type(error)))


NONE = type(None)


class CallbacksTest(unittest.TestCase):
    def setUp(self):
        self.trainer = tiny.trainer()
        self.addCleanup(self.trainer.close)

    def fit(self, batches, *callbacks, **options):
        return self.trainer.fit(batches, callbacks=callbacks, progress=False, **options)

    def test_settings_are_of_json(self):
        with tiny.model() as model, model.plan(device="cpu", batch_size=2, seq_len=8) as plan:
            with hlm.Trainer(model, plan, lr=np.float32(0.5), warmup_steps=np.int64(3)) as trainer:
                settings = json.loads(json.dumps(trainer.settings))
        self.assertEqual((settings["lr"], settings["warmup_steps"]), (0.5, 3))

    def test_a_run_is_told_from_beginning_to_end(self):
        seen = Recorder()
        with tempfile.TemporaryDirectory() as folder:
            for metrics in self.fit([tiny.batch()] * 2, seen):
                if metrics.step == 2:
                    self.trainer.evaluate(tiny.batch())
                    with tiny.trainer() as other:
                        other.evaluate(tiny.batch())  # another trainer's
                    self.trainer.save(folder + "/ckpt", background=False)
                    self.trainer.save_model(folder + "/model")
            self.trainer.evaluate(tiny.batch())  # after the end
        self.assertEqual(
            seen.events,
            [("begin", 1e-2), ("step", 1), ("step", 2), ("evaluate", 11), ("save", folder + "/ckpt"), ("save", folder + "/model"), ("end", NONE)],
        )

    def test_a_callback_stops_a_run_and_a_loop_does(self):
        seen = Recorder(last=3)
        self.assertEqual([m.step for m in self.fit([tiny.batch()] * 9, hlm.callbacks.Callback(), seen)], [1, 2, 3])
        seen = Recorder()
        for _ in self.fit([tiny.batch()] * 9, seen):
            break
        self.assertEqual(seen.events[-1], ("end", NONE))
        self.assertEqual(self.trainer.step(tiny.batch()).step, 5)

    def test_an_error_is_told_and_raised(self):
        seen = Recorder()
        with self.assertRaises(hlm.InvalidArgumentError):
            list(self.fit([tiny.batch(), [99]], seen))
        self.assertEqual(seen.events[-2:], [("step", 1), ("end", hlm.InvalidArgumentError)])

        class Broken(hlm.callbacks.Callback):
            def on_step_end(self, trainer, metrics):
                raise RuntimeError("mine")

        with self.assertRaisesRegex(RuntimeError, "mine"):
            list(self.fit([tiny.batch()], Broken()))

    def test_no_callback(self):
        with self.assertRaisesRegex(TypeError, "5 is no callback.*on_step_end"):
            self.fit([tiny.batch()], 5)
        with self.assertRaisesRegex(TypeError, "WandB is a class; one of it is wanted"):
            self.fit([tiny.batch()], hlm.callbacks.WandB)

    def test_all_are_told_of_the_end(self):
        class Broken(hlm.callbacks.Callback):
            def on_train_end(self, trainer, error):
                raise RuntimeError("mine")

        seen = Recorder()
        with self.assertRaisesRegex(RuntimeError, "mine"):
            list(self.fit([tiny.batch()], Broken(), seen))
        self.assertEqual(seen.events[-1], ("end", NONE))
        seen = Recorder()
        with self.assertRaises(hlm.InvalidArgumentError), self.assertWarnsRegex(RuntimeWarning, "RuntimeError: mine"):
            list(self.fit([[99]], Broken(), seen))
        self.assertEqual(seen.events[-1], ("end", hlm.InvalidArgumentError))

    def test_several_batches_are_evaluated_as_one(self):
        one, two = hlm.Batch.of([[1, 2, 3, 4, 5]]), hlm.Batch.of([[9, 8, 7], [3, 3]])
        whole = self.trainer.evaluate(hlm.Batch.of([[1, 2, 3, 4, 5], [9, 8, 7], [3, 3]]))
        for several in ([one, two], iter([one, two])):
            found = self.trainer.evaluate(several)
            self.assertEqual(found.tokens, whole.tokens)
            self.assertAlmostEqual(found.loss, whole.loss, delta=1e-2)  # bf16, in other products
        parts = [self.trainer.evaluate(part) for part in (one, two)]
        self.assertAlmostEqual(found.loss, (parts[0].loss * 4 + parts[1].loss * 3) / 7, places=12)
        with self.assertRaisesRegex(hlm.InvalidArgumentError, "nothing is predicted: there is no batch"):
            self.trainer.evaluate(iter([]))


class TrackersTest(unittest.TestCase):
    """The calls that wandb 0.2x and mlflow 2 and 3 document, on modules that take them down."""

    def setUp(self):
        self.trainer = tiny.trainer()
        self.addCleanup(self.trainer.close)
        self.calls = []

    def module(self, name, **members):
        saved = sys.modules.get(name)
        module = types.ModuleType(name)
        vars(module).update(members)
        sys.modules[name] = module
        self.addCleanup(lambda: sys.modules.pop(name) if saved is None else sys.modules.update({name: saved}))
        return module

    def run_with(self, callback, error=False):
        for metrics in self.trainer.fit([tiny.batch()] + [[99]] * error, callbacks=[callback], progress=False):
            self.trainer.evaluate(tiny.batch())

    def wandb(self, run=None):
        calls = self.calls

        class Config(dict):
            def update(self, values, allow_val_change):
                calls.append(("config", values["architecture"], values["lr"]))

        class Run:
            config = Config()

            def define_metric(self, names, step_metric):
                calls.append(("define", names, step_metric))

            def log(self, values):
                values = dict(values)
                calls.append(("log", values.pop("train/step"), sorted(values)))

            def finish(self, exit_code):
                calls.append(("finish", exit_code))

        def init(**arguments):
            calls.append(("init", arguments))
            return Run()

        return self.module("wandb", run=Run() if run else None, init=init)

    def test_wandb(self):
        self.wandb()
        self.run_with(hlm.callbacks.WandB(project="tuning", name="first"))
        (first, config, *defined, step, evaluation, last) = self.calls
        self.assertEqual(first, ("init", {"project": "tuning", "name": "first"}))
        self.assertEqual(config, ("config", "LlamaForCausalLM", 1e-2))
        self.assertEqual(defined, [("define", "train/*", "train/step"), ("define", "eval/*", "train/step")])
        self.assertEqual(step[:2], ("log", 1))
        for name in ("train/loss", "train/lr", "train/grad_norm", "train/tokens_per_second", "train/entropy"):
            self.assertIn(name, step[2])
        self.assertEqual(evaluation, ("log", 1, ["eval/loss", "eval/tokens"]))
        self.assertEqual(last, ("finish", 0))

    def test_wandb_of_a_run_that_fails_or_is_somebody_elses(self):
        self.wandb()
        with self.assertRaises(hlm.InvalidArgumentError):
            self.run_with(hlm.callbacks.WandB(), error=True)
        self.assertEqual(self.calls[-1], ("finish", 1))
        self.calls.clear()
        self.wandb(run=True)
        self.run_with(hlm.callbacks.WandB())
        self.assertEqual([call[0] for call in self.calls], ["config", "define", "define", "log", "log"])

    def test_a_run_that_does_not_begin_says_why(self):
        def init(**arguments):
            raise RuntimeError("not logged in")

        self.module("wandb", run=None, init=init)
        with self.assertRaisesRegex(RuntimeError, "not logged in"):
            self.run_with(hlm.callbacks.WandB())
        self.mlflow().start_run = init
        with self.assertRaisesRegex(RuntimeError, "not logged in"):
            self.run_with(hlm.callbacks.MLflow(run_name="first"))
        self.assertNotIn("end_run", [call[0] for call in self.calls])

    def test_metrics_that_are_off_are_not_logged(self):
        self.wandb()
        with tiny.model() as model, model.plan(device="cpu", batch_size=2, seq_len=8) as plan, hlm.Trainer(model, plan, lr=1e-3) as trainer:
            list(trainer.fit([tiny.batch()], callbacks=[hlm.callbacks.WandB()], progress=False))
        self.assertNotIn("train/entropy", [call for call in self.calls if call[0] == "log"][0][2])

    def mlflow(self, active=None):
        def take(name):
            return lambda *values, **named: self.calls.append((name, values, named))

        names = ("set_tracking_uri", "set_experiment", "start_run", "log_params", "log_metrics", "end_run")
        return self.module("mlflow", active_run=lambda: active, **{name: take(name) for name in names})

    def test_mlflow(self):
        self.mlflow()
        self.run_with(hlm.callbacks.MLflow(experiment="tuning", run_name="first", tracking_uri="file:runs"))
        self.assertEqual([call[0] for call in self.calls], ["set_tracking_uri", "set_experiment", "start_run", "log_params", "log_metrics", "log_metrics", "end_run"])
        self.assertEqual(self.calls[0][1:], (("file:runs",), {}))
        self.assertEqual(self.calls[2][2], {"run_name": "first"})
        self.assertEqual(self.calls[3][1][0]["architecture"], "LlamaForCausalLM")
        self.assertEqual(self.calls[4][2], {"step": 1})
        self.assertGreater(self.calls[4][1][0]["train/loss"], 0)
        self.assertEqual(self.calls[-1][2], {"status": "FINISHED"})
        self.calls.clear()
        with self.assertRaises(hlm.InvalidArgumentError):
            self.run_with(hlm.callbacks.MLflow(), error=True)
        self.assertEqual(self.calls[-1][2], {"status": "FAILED"})
        self.calls.clear()
        self.mlflow(active=object())
        self.run_with(hlm.callbacks.MLflow(experiment="other"))
        self.assertEqual([call[0] for call in self.calls], ["log_params", "log_metrics", "log_metrics"])

    def test_mlflow_keeps_the_settings_of_the_first_training_of_a_run(self):
        mlflow = self.mlflow(active=object())
        mlflow.exceptions = types.SimpleNamespace(MlflowException=type("MlflowException", (Exception,), {}))

        def refuse(values):
            raise mlflow.exceptions.MlflowException("Changing param values is not allowed")

        mlflow.log_params = refuse
        with self.assertWarnsRegex(RuntimeWarning, "Changing param values"):
            self.run_with(hlm.callbacks.MLflow())
        self.assertEqual([call[0] for call in self.calls], ["log_metrics", "log_metrics"])

    def test_the_packages_are_imported_when_a_run_begins(self):
        for name, callback in (("wandb", hlm.callbacks.WandB()), ("mlflow", hlm.callbacks.MLflow())):
            saved = sys.modules.get(name)
            sys.modules[name] = None  # import raises ImportError
            try:
                with self.assertRaisesRegex(ImportError, f"pip install {name}"):
                    list(self.trainer.fit([tiny.batch()], callbacks=[callback], progress=False))
            finally:
                if saved is None:
                    del sys.modules[name]
                else:
                    sys.modules[name] = saved
        self.assertEqual(self.trainer.step(tiny.batch()).step, 1)


class DocumentationTest(unittest.TestCase):
    def test_docstrings_have_the_options(self):
        from horizonlm import _option_types, _options

        documented = {
            "hlm_plan_options": [hlm.Plan, hlm.Model.plan],
            "hlm_save_options": [hlm.Model.save, hlm.Model.check_save, hlm.Trainer.save_model],
            "hlm_group_options": [hlm.Group],
            "hlm_text_options": [hlm.Model.with_text],
            "hlm_trainer_options": [hlm.Trainer],
            "hlm_checkpoint_options": [hlm.Trainer.save],
            "hlm_resume_options": [hlm.Trainer.resume],
            "hlm_optimizer_options": [hlm.Optimizer],
            "hlm_encode_options": [hlm.Tokenizer.encode, hlm.Tokenizer.encode_with_offsets],
            "hlm_template_options": [hlm.Template.render, hlm.Template.render_training],
            "hlm_preference_options": [hlm.Trainer.accumulate_preference],
            "hlm_kto_options": [hlm.Trainer.accumulate_kto],
            "hlm_policy_options": [hlm.Trainer.accumulate_policy],
        }
        self.assertEqual(set(documented), set(_option_types.TABLES))
        for struct, places in documented.items():
            for place in places:
                for member in _options.members(struct):
                    self.assertRegex(place.__doc__, rf"(?m)^\s+{member}: ", (place, member))


if __name__ == "__main__":
    unittest.main()
