import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.FloatBuffer;
import java.nio.IntBuffer;
import java.nio.LongBuffer;
import java.nio.ShortBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicReference;
import org.horizonlm.*;

/** What the Java binding promises. Each test method throws where a promise does not hold. */
public final class BindingTest {
  static final String CONFIG =
      """
      {"architectures": ["LlamaForCausalLM"], "model_type": "llama", "hidden_act": "silu", "hidden_size": 32,
       "intermediate_size": 64, "num_hidden_layers": 2, "num_attention_heads": 4, "num_key_value_heads": 2,
       "vocab_size": 16, "max_position_embeddings": 64, "rms_norm_eps": 1e-5, "rope_theta": 10000.0,
       "tie_word_embeddings": false, "initializer_range": 0.02}""";

  static Trainer trainer() {
    return trainer(2, 8);
  }

  static Trainer trainer(long rows, long length) {
    try (Model model = Model.create(CONFIG, 1);
        Plan plan = Plan.make(model, PlanOptions.builder().device("cpu").batchSize(rows).seqLen(length).build())) {
      return Trainer.create(model, plan, TrainerOptions.builder().lr(1e-2).tokenMetrics(true).build());
    }
  }

  static Batch batch() {
    return Batch.ofDocuments(new int[] {1, 2, 3, 4, 5, 6, 7, 8}, new int[] {9, 8, 7, 6, 5});
  }

  static void check(boolean holds, String what) {
    if (!holds) {
      throw new AssertionError(what);
    }
  }

  interface Body {
    void run() throws Exception;
  }

  /** Runs what must throw; returns what it threw. */
  static <E extends Exception> E thrown(Class<E> type, Body body) {
    try {
      body.run();
    } catch (Exception error) {
      check(type.isInstance(error), "thrown was " + error + ", not a " + type);
      return type.cast(error);
    }
    throw new AssertionError("nothing was thrown, a " + type + " was wanted");
  }

  static void fails(Code code, String part, Body body) {
    HorizonLmException error = thrown(HorizonLmException.class, body);
    check(error.toString().equals("org.horizonlm.HorizonLmException: " + code + ": " + error.getMessage()), "as in a log: " + error);
    check(error.code() == code && error.getMessage().contains(part), error.code() + ": " + error.getMessage() + "; wanted " + code + ": " + part);
  }

  static void refuses(String part, Body body) {
    IllegalArgumentException error = thrown(IllegalArgumentException.class, body);
    check(error.getMessage().contains(part), error.getMessage() + "; wanted " + part);
  }

  // ---- Buffers ----

  static void testWrongBuffers() {
    try (Trainer trainer = trainer()) {
      LongBuffer offsets = Buffers.longs(new long[] {0, 3});
      IntBuffer ids = Buffers.ints(new int[] {1, 2, 3});
      refuses("ids is a heap buffer", () -> trainer.evaluate(new Batch(IntBuffer.wrap(new int[] {1, 2, 3}), offsets)));
      refuses("ids is BIG_ENDIAN", () -> trainer.evaluate(new Batch(ByteBuffer.allocateDirect(12).asIntBuffer(), offsets)));
      refuses("offsets is a heap buffer", () -> trainer.evaluate(new Batch(ids, LongBuffer.wrap(new long[] {0, 3}))));
      refuses("labels is a heap buffer", () -> trainer.step(new Batch(ids, offsets, IntBuffer.allocate(3), null, 0)));
      refuses("weights is a heap buffer", () -> trainer.step(new Batch(ids, offsets, null, FloatBuffer.allocate(3), 0)));
      refuses("data is written to", () -> trainer.readTensor("model.norm.weight", TensorKind.WEIGHT, 0, Buffers.floats(4).asReadOnlyBuffer()));
      refuses("data is a heap buffer", () -> trainer.readTensor("model.norm.weight", TensorKind.WEIGHT, 0, FloatBuffer.allocate(4)));
      refuses("logits is written to", () -> trainer.logits(new Batch(ids, offsets), null, Buffers.floats(48).asReadOnlyBuffer()));
      thrown(NullPointerException.class, () -> new Batch(null, offsets));
      thrown(NullPointerException.class, () -> trainer.readTensor("model.norm.weight", TensorKind.WEIGHT, 0, null));
      thrown(NullPointerException.class, () -> trainer.readTensor(null, TensorKind.WEIGHT, 0, Buffers.floats(4)));
      thrown(NullPointerException.class, () -> trainer.step(null));
      // Read-only is fine where it is read.
      trainer.evaluate(new Batch(ids.asReadOnlyBuffer(), offsets.asReadOnlyBuffer()));
      // Of a direct ByteBuffer of one's own.
      IntBuffer own = ByteBuffer.allocateDirect(12).order(ByteOrder.nativeOrder()).asIntBuffer().put(new int[] {1, 2, 3}).flip();
      check(trainer.evaluate(new Batch(own, offsets)).equals(trainer.evaluate(new Batch(ids, offsets))), "another loss from another buffer");
    }
  }

  static void testWrongLengths() {
    try (Trainer trainer = trainer()) {
      LongBuffer offsets = Buffers.longs(new long[] {0, 3});
      IntBuffer ids = Buffers.ints(new int[] {1, 2, 3});
      fails(Code.INVALID_ARGUMENT, "n_labels", () -> trainer.step(new Batch(ids, offsets, Buffers.ints(2), null, 0)));
      fails(Code.INVALID_ARGUMENT, "n_logits is 47", () -> trainer.logits(new Batch(ids, offsets), null, Buffers.floats(47)));
      fails(Code.OUT_OF_RANGE, "", () -> trainer.readTensor("model.norm.weight", TensorKind.WEIGHT, 0, Buffers.floats(33)));
      fails(Code.OUT_OF_RANGE, "byteOffset is -4", () -> trainer.readTensor("model.norm.weight", TensorKind.WEIGHT, -4, Buffers.floats(1)));
      fails(Code.INVALID_ARGUMENT, "", () -> trainer.evaluate(new Batch(Buffers.ints(0), Buffers.longs(new long[] {0}))));
      fails(Code.INVALID_ARGUMENT, "", () -> trainer.evaluate(new Batch(ids, Buffers.longs(0))));
      fails(Code.INVALID_ARGUMENT, "99", () -> trainer.evaluate(Batch.ofDocuments(new int[] {1, 99})));
      refuses("java.nio holds", () -> Buffers.longs(Integer.MAX_VALUE));
      // From position to limit.
      IntBuffer padded = Buffers.ints(new int[] {77, 1, 2, 3, 77}).position(1).limit(4);
      check(trainer.evaluate(new Batch(padded, offsets)).equals(trainer.evaluate(new Batch(ids, offsets))), "position and limit are not kept to");
    }
  }

  static void testTensors() {
    try (Trainer trainer = trainer()) {
      String name = "model.layers.0.self_attn.q_proj.weight";
      FloatBuffer whole = Buffers.floats(32 * 32);
      trainer.readTensor(name, TensorKind.WEIGHT, 0, whole);
      FloatBuffer twice = Buffers.floats(32 * 32);
      for (int i = 0; i < 32 * 32; ++i) {
        twice.put(i, 2 * whole.get(i));
      }
      trainer.writeTensor(name, TensorKind.WEIGHT, 0, twice);
      FloatBuffer part = Buffers.floats(3);
      trainer.readTensor(name, TensorKind.WEIGHT, 4 * 33, part);
      check(part.get(0) == twice.get(33) && part.get(2) == twice.get(35), "what was read is not what was written");
      fails(Code.NOT_FOUND, "no.such", () -> trainer.readTensor("no.such", TensorKind.WEIGHT, 0, Buffers.floats(1)));
      fails(Code.FAILED_PRECONDITION, "", () -> trainer.readTensor(name, TensorKind.GRADIENT, 0, Buffers.floats(1)));
      twice.put(5, Float.NaN);
      fails(Code.INVALID_ARGUMENT, "", () -> trainer.writeTensor(name, TensorKind.WEIGHT, 0, twice));
      FloatBuffer logits = Buffers.floats(16);
      trainer.logits(Batch.ofDocuments(new int[] {1, 2, 3}), Buffers.longs(new long[] {2}), logits);
      check(logits.get(0) != 0 || logits.get(1) != 0, "no logits");
    }
  }

  static void testOptimizer() {
    int n = 100;
    FloatBuffer weight = Buffers.floats(n);
    FloatBuffer gradient = Buffers.floats(n);
    for (int i = 0; i < n; ++i) {
      weight.put(i, 0.01f * i);
      gradient.put(i, i - 50);
    }
    try (Optimizer adamw = Optimizer.create(OptimizerOptions.builder().weightDecay(0).threads(1).build())) {
      adamw.step(1, 1e-3, 1, new Optimizer.Arrays(weight, null, null, Buffers.floats(n), Buffers.floats(n), gradient, true));
      for (int i = 0; i < n; ++i) { // after the first step: lr * sign(g)
        check(Math.abs(weight.get(i) - (0.01f * i - 1e-3 * Math.signum(i - 50))) < 1e-6, "element " + i + " is " + weight.get(i));
      }
      ShortBuffer high = Buffers.shorts(n);
      ShortBuffer low = Buffers.shorts(n);
      FloatBuffer back = Buffers.floats(n);
      adamw.split(weight, high, low);
      adamw.join(high, low, back);
      check(weight.equals(back), "join does not give what was split");
      double squares = 0;
      for (int i = 0; i < n; ++i) {
        squares += (double) (i - 50) * (i - 50);
      }
      check(adamw.squaredNorm(gradient) == squares, "the squared norm is wrong");
      FloatBuffer sum = Buffers.floats(n);
      adamw.accumulate(sum, gradient, 0);
      check(sum.equals(gradient), "0 + gradient is not the gradient");
      adamw.accumulate(sum, high, 0); // bf16 into float
      refuses("gradient must be a FloatBuffer", () -> adamw.squaredNorm(Buffers.ints(4)));
      fails(Code.INVALID_ARGUMENT, "second_moment has 40 bytes", () -> adamw.step(1, 1e-3, 1,
          new Optimizer.Arrays(weight, null, null, Buffers.floats(n), Buffers.floats(10), gradient, true)));
      refuses("sum is written to", () -> adamw.accumulate(sum.asReadOnlyBuffer(), gradient, 0));
    }
  }

  // ---- Objects ----

  static void testOptions() {
    try (Model model = Model.create(CONFIG, 1)) {
      PlanOptions options = PlanOptions.builder().device("cpu").batchSize(3).seqLen(7).compute(DType.F32).optimizerTiming(Timing.SERIAL).build();
      for (int twice = 0; twice < 2; ++twice) { // options may be used again
        try (Plan plan = Plan.make(model, options)) {
          check(plan.value("step_tokens") == 21 && plan.describe().get("optimizer_timing").equals("serial"), plan.json());
          fails(Code.NOT_FOUND, "nope", () -> plan.value("nope"));
        }
      }
      fails(Code.INVALID_ARGUMENT, "batch_size is -1", () -> Plan.make(model, PlanOptions.builder().batchSize(-1).build()));
      fails(Code.RESOURCE_EXHAUSTED, "", () -> Plan.make(model, PlanOptions.builder().device("cpu").hostLimitBytes(1000).build()));
      fails(Code.NOT_FOUND, "tpu", () -> Plan.make(model, PlanOptions.builder().device("tpu").build()));
      refuses("device holds a character 0", () -> PlanOptions.builder().device("c\0pu"));
      thrown(NullPointerException.class, () -> PlanOptions.builder().compute(null));
      thrown(NullPointerException.class, () -> Plan.make(null));
    }
  }

  static void testModels(Path work) throws Exception {
    fails(Code.NOT_FOUND, "/no/such", () -> Model.open(Path.of("/no/such/folder")));
    thrown(HorizonLmException.class, () -> Model.create("{not json", 1));
    thrown(NullPointerException.class, () -> Model.create(null, 1));
    // Beyond the basic plane: where JNI's own strings are not UTF-8.
    Path folder = work.resolve("m\u00f6del \u6a21\u578b \ud83d\ude00");
    try (Model model = Model.create(CONFIG, 1)) {
      check(((Number) model.describe().get("vocab_size")).longValue() == 16, model.describeJson());
      model.save(folder);
      fails(Code.ALREADY_EXISTS, "", () -> model.save(folder));
      model.save(folder, SaveOptions.builder().overwrite(true).dtype(DType.F32).build());
      check(model.checkSave(work.resolve("new"), null) > ((Number) model.describe().get("parameters")).longValue(), "bytes of a save");
      check(!Files.exists(work.resolve("new")), "a check wrote");
      fails(Code.ALREADY_EXISTS, "", () -> model.checkSave(folder, null));
      Trainer.checkCheckpoints(work, 1);
      fails(Code.RESOURCE_EXHAUSTED, "free", () -> Trainer.checkCheckpoints(work, 1L << 62));
      try (Model words = model.withText(TextOptions.builder().stopIdsJson("[3, 5]").build())) {
        check(words.describeJson().contains("\"stop_ids\":[3,5]"), words.describeJson());
      }
    }
    check(Files.exists(folder.resolve("config.json")), "it was saved under another name");
    Model.open(folder).close();
    fails(Code.NOT_FOUND, "\ud83d\ude00", () -> Model.open(work.resolve("\ud83d\ude00")));
    check(Device.list().get(Device.list().size() - 1).name().equals("cpu"), "no cpu");
    check(Device.describe("auto").details().containsKey("reason"), "no reason");
    fails(Code.NOT_FOUND, "tpu", () -> Device.describe("tpu"));
  }

  static void testClosing() {
    Model model = Model.create(CONFIG, 1);
    Plan plan = Plan.make(model, PlanOptions.builder().device("cpu").batchSize(2).seqLen(8).build());
    Trainer trainer = Trainer.create(model, plan, TrainerOptions.builder().tokenMetrics(true).build());
    model.close();
    model.close();
    plan.close();
    fails(Code.FAILED_PRECONDITION, "the model is closed", model::describeJson);
    fails(Code.FAILED_PRECONDITION, "the plan is closed", plan::json);
    fails(Code.FAILED_PRECONDITION, "the model is closed", () -> Trainer.create(model, plan));
    StepMetrics metrics = trainer.step(batch());
    check(metrics.step() == 1, "a trainer outlives its model and plan");
    check(metrics.meanTokenAccuracy() >= 0 && metrics.meanTokenAccuracy() < 1 && metrics.entropy() > 1, "metrics of the tokens: " + metrics);
    trainer.close();
    trainer.close();
    fails(Code.FAILED_PRECONDITION, "the trainer is closed", () -> trainer.step(batch()));
    trainer.cancel(); // never fails
  }

  static void testTraining(Path work) throws Exception {
    try (Trainer one = trainer(); Trainer two = trainer()) {
      fails(Code.FAILED_PRECONDITION, "", two::apply);
      check(two.accumulate(batch()).tokens() == 11, "tokens");
      StepMetrics a = one.step(batch());
      StepMetrics b = two.apply();
      check(a.loss() == b.loss() && a.gradNorm() == b.gradNorm() && b.step() == 1 && !b.skipped(), a + " " + b);
      two.accumulate(batch());
      two.discard();
      two.setLearningRate(0.5);
      check(two.step(batch()).lr() == 0.5, "lr");
      two.finish();
      check(two.metrics().size() > 3, two.metricsJson());
      fails(Code.FAILED_PRECONDITION, "", () -> one.traceWrite(work.resolve("trace.json")));
      one.traceStart();
      one.step(batch());
      one.traceWrite(work.resolve("trace.json"));
      check(Files.size(work.resolve("trace.json")) > 100, "trace");
      one.saveModel(work.resolve("trained"));
      one.cancel();
      fails(Code.CANCELLED, "", () -> one.step(batch()));
      one.setDeadline(1e-9);
      fails(Code.DEADLINE_EXCEEDED, "", () -> one.step(batch()));
    }
  }

  // ---- Threads ----

  static List<Double> losses(int steps) {
    List<Double> losses = new ArrayList<>();
    try (Trainer trainer = trainer()) {
      for (int i = 0; i < steps; ++i) {
        losses.add(trainer.step(batch()).loss());
      }
    }
    return losses;
  }

  static void testTwoTrainersInTwoThreads() throws Exception {
    List<Double> wanted = losses(10);
    ExecutorService pool = Executors.newFixedThreadPool(2);
    Callable<List<Double>> run = () -> losses(10);
    for (Future<List<Double>> result : pool.invokeAll(List.of(run, run))) {
      check(result.get().equals(wanted), "other losses in a thread");
    }
    pool.shutdown();
  }

  static void testCancelAndCloseFromAnotherThread() throws Exception {
    Trainer trainer = trainer(64, 64);
    int[][] documents = new int[64][64];
    for (int[] document : documents) {
      Arrays.setAll(document, i -> i % 16);
    }
    Batch batch = Batch.ofDocuments(documents);
    AtomicReference<HorizonLmException> ended = new AtomicReference<>();
    Thread worker = new Thread(() -> {
      try {
        while (true) {
          trainer.evaluate(batch);
        }
      } catch (HorizonLmException error) {
        ended.set(error);
      }
    });
    worker.start();
    boolean refused = false;
    boolean closed = false;
    long deadline = System.nanoTime() + 30_000_000_000L;
    while (!refused && !closed && System.nanoTime() < deadline) {
      try {
        trainer.close(); // between two calls of the worker it is legal, and ends the worker
        closed = true;
      } catch (HorizonLmException error) {
        check(error.code() == Code.FAILED_PRECONDITION && error.getMessage().contains("in use by another thread"), error.getMessage());
        refused = true;
      }
    }
    trainer.cancel();
    worker.join(60_000);
    check(!worker.isAlive(), "the worker was not cancelled");
    check(ended.get().code() == (closed ? Code.FAILED_PRECONDITION : Code.CANCELLED), ended.get().toString());
    trainer.close();
  }

  static void testAnInterruptEndsACall() throws Exception {
    try (Trainer trainer = trainer()) {
      Batch batch = batch();
      AtomicReference<HorizonLmException> ended = new AtomicReference<>();
      java.util.concurrent.atomic.AtomicBoolean still = new java.util.concurrent.atomic.AtomicBoolean();
      Thread worker = new Thread(() -> {
        try {
          while (true) {
            trainer.step(batch);
          }
        } catch (HorizonLmException error) {
          ended.set(error);
          still.set(Thread.currentThread().isInterrupted());
        }
      });
      worker.start();
      Thread.sleep(100);
      worker.interrupt();
      worker.join(60_000);
      check(!worker.isAlive(), "the interrupt ended nothing");
      check(ended.get().code() == Code.CANCELLED && still.get(), ended.get().toString());
      check(trainer.evaluate(batch).loss() > 0, "a thread that is not interrupted goes on");
      Thread.currentThread().interrupt();
      fails(Code.CANCELLED, "interrupted before the call began", () -> trainer.evaluate(batch));
      check(Thread.interrupted(), "the thread is not interrupted any more");
      check(trainer.evaluate(batch).loss() > 0, "the request was left over");
    }
  }

  /** Where the request comes while the call ends by itself, it must not end the next one; and who interrupts every thread does not end the watcher. */
  static void testALateInterruptEndsNothingElse() throws Exception {
    for (Thread thread : Thread.getAllStackTraces().keySet()) {
      if (thread.getName().equals("horizonlm-interrupts")) {
        thread.interrupt();
      }
    }
    // Of the library's own: no timing of a real call would be certain.
    java.lang.reflect.Method during = Class.forName("org.horizonlm.Interrupts").getDeclaredMethod("during", Runnable.class, Runnable.class, Runnable.class);
    during.setAccessible(true);
    java.util.concurrent.atomic.AtomicInteger cancelled = new java.util.concurrent.atomic.AtomicInteger();
    java.util.concurrent.atomic.AtomicInteger taken = new java.util.concurrent.atomic.AtomicInteger();
    Runnable untilCancelled = () -> {
      int before = cancelled.get();
      Thread.currentThread().interrupt();
      long deadline = System.nanoTime() + 30_000_000_000L;
      while (cancelled.get() == before && System.nanoTime() < deadline) {
        Thread.onSpinWait();
      }
    };
    during.invoke(null, (Runnable) cancelled::incrementAndGet, (Runnable) taken::incrementAndGet, untilCancelled);
    check(Thread.interrupted() && cancelled.get() == 1 && taken.get() == 1, "cancelled " + cancelled + " times, taken " + taken + " times");
    Exception error = thrown(java.lang.reflect.InvocationTargetException.class,
        () -> during.invoke(null, (Runnable) cancelled::incrementAndGet, (Runnable) taken::incrementAndGet, (Runnable) () -> {
          untilCancelled.run();
          throw new HorizonLmException(Code.CANCELLED, "it was");
        }));
    check(error.getCause().getMessage().equals("it was") && Thread.interrupted(), error.toString());
    check(cancelled.get() == 2 && taken.get() == 1, "a request that ended its call was taken once more");
  }

  static void testCyclesDoNotGrow(Path work, Path folder) throws Exception {
    int cycles = Integer.getInteger("hlm.cycles", 300);
    Path data = Files.writeString(work.resolve("cycles.jsonl"), "{\"text\": \"abc\"}\n");
    String config = "{\"data\": \"" + data + "\", \"cache_dir\": null, \"epochs\": 1, \"append_eos\": false, \"threads\": 1, \"task\": \"pretrain\"}";
    Body cycle = () -> {
      try (Model model = Model.create(CONFIG, 1)) {
        thrown(HorizonLmException.class, () -> Plan.make(model, PlanOptions.builder().batchSize(-1).build()));
        try (Plan plan = Plan.make(model, PlanOptions.builder().device("cpu").batchSize(2).seqLen(8).build())) {
          plan.json();
        }
      }
      Model.create(CONFIG, 1); // and one that is forgotten
      Tokenizer closed;
      try (Tokenizer tokenizer = Tokenizer.open(folder); Template template = Template.create("{{ messages[0].content }}")) {
        closed = tokenizer;
        int[] ids = tokenizer.encode(template.render("[{\"role\": \"user\", \"content\": \"hi\"}]", null));
        // Forgotten, a decoder would keep the tokenizer until a collection, which sees none of its bytes.
        try (Decoder decoder = tokenizer.decoder(false)) {
          check(decoder.push(ids).equals("hi"), "hi");
        }
        thrown(HorizonLmException.class, () -> tokenizer.token(9999));
        thrown(HorizonLmException.class, () -> template.render("[", null));
        try (Dataset dataset = Dataset.open(config, tokenizer, null)) {
          check(dataset.next(1).get().trained() == 2 && dataset.next(1).isEmpty(), "a data set");
        }
      }
      thrown(HorizonLmException.class, () -> closed.token(0));
    };
    for (int i = 0; i < Math.min(2000, Math.max(100, cycles / 3)); ++i) {
      cycle.run();
    }
    long before = settled();
    for (int i = 0; i < cycles; ++i) {
      cycle.run();
    }
    long grown = settled() - before;
    // The heap's own pages are committed before the test begins (-Xms, AlwaysPreTouch).
    check(grown < 16L << 20, grown + " bytes more after " + cycles + " cycles");
  }

  static long settled() throws Exception {
    for (int i = 0; i < 5; ++i) {
      System.gc();
      Thread.sleep(20);
    }
    String statm = Files.readString(Path.of("/proc/self/statm"));
    return Long.parseLong(statm.split(" ")[1]) * 4096;
  }

  public static void main(String[] args) throws Exception {
    Path work = Path.of(args[0]);
    check(HorizonLm.version().equals(args[1]), "the version is " + HorizonLm.version());
    for (Code code : Code.values()) {
      check(code.name().length() > 3, code.name());
    }
    run("wrong buffers", BindingTest::testWrongBuffers);
    run("wrong lengths", BindingTest::testWrongLengths);
    run("tensors", BindingTest::testTensors);
    run("optimizer", BindingTest::testOptimizer);
    run("options", BindingTest::testOptions);
    run("models", () -> testModels(work));
    run("closing", BindingTest::testClosing);
    run("training", () -> testTraining(work));
    run("two threads", BindingTest::testTwoTrainersInTwoThreads);
    run("cancel and close", BindingTest::testCancelAndCloseFromAnotherThread);
    run("interrupt", BindingTest::testAnInterruptEndsACall);
    run("late interrupt", BindingTest::testALateInterruptEndsNothingElse);
    run("cycles", () -> testCyclesDoNotGrow(work, Path.of(args[2])));
  }

  static void run(String name, Body test) throws Exception {
    test.run();
    System.out.println("ok  " + name);
  }
}
