import java.nio.DoubleBuffer;
import java.nio.FloatBuffer;
import java.nio.IntBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.zip.GZIPOutputStream;
import org.horizonlm.*;

/** Tokenizers, templates, data sets, losses and checkpoints: DataTest WORK MODEL_FOLDER GOLDENS_FOLDER */
public final class DataTest {
  private static final String DIALOGUE = "[{\"role\": \"user\", \"content\": \"hi\"}, {\"role\": \"assistant\", \"content\": \"yes\"}]";
  private static Path work;
  private static Path model; // a token a byte; 256 to 258: <|im_start|>, <|im_end|>, <|end|>

  private static void check(boolean holds, Object what) {
    BindingTest.check(holds, String.valueOf(what));
  }

  private static int[] ids(String text, int... more) {
    byte[] bytes = text.getBytes(StandardCharsets.UTF_8);
    int[] ids = new int[bytes.length + more.length];
    for (int i = 0; i < bytes.length; ++i) {
      ids[i] = bytes[i] & 255;
    }
    System.arraycopy(more, 0, ids, bytes.length, more.length);
    return ids;
  }

  private static int[] array(IntBuffer buffer) {
    int[] all = new int[buffer.remaining()];
    buffer.get(buffer.position(), all);
    return all;
  }

  private static String text(String hex) {
    return new String(HexFormat.of().parseHex(hex), StandardCharsets.UTF_8);
  }

  /** The ids and texts that Hugging Face's tokenizers makes. */
  static void testTokenizersOfOthers(Path goldens) throws Exception {
    int compared = 0;
    List<Path> cases;
    try (var all = Files.list(goldens)) {
      cases = all.toList();
    }
    for (Path one : cases) {
      try (Tokenizer tokenizer = Tokenizer.open(one); Decoder decoder = tokenizer.decoder(false)) {
        for (String line : Files.readAllLines(one.resolve("texts"))) {
          String[] parts = line.split("\t", -1);
          String text = text(parts[0]);
          int[] wanted = parts[1].isEmpty() ? new int[0] : Arrays.stream(parts[1].split(" ")).mapToInt(Integer::parseInt).toArray();
          String decoded = text(parts[2]);
          check(Arrays.equals(tokenizer.encode(text), wanted), one + ": " + text);
          check(Arrays.equals(tokenizer.encodeWithOffsets(text, null).ids(), wanted), one + " with offsets: " + text);
          check(tokenizer.decode(wanted, false).equals(decoded), one + ": " + decoded);
          check(tokenizer.decode(wanted, true).equals(text(parts[3])), one + ": " + decoded);
          StringBuilder streamed = new StringBuilder();
          for (int id : wanted) {
            streamed.append(decoder.push(id));
          }
          check(streamed.append(decoder.finish()).toString().equals(decoded), one + " streamed: " + decoded);
          ++compared;
        }
      }
    }
    check(compared > 2000, compared);
  }

  static void testTokenizer() throws Exception {
    Tokenizer tokenizer = Tokenizer.open(model);
    check(Arrays.equals(tokenizer.encode("a\0\u00e9<|end|>"), new int[] {97, 0, 0xC3, 0xA9, 258}), "NUL and specials");
    check(tokenizer.decode(new int[] {97, 0, 98, 258}, true).equals("a\0b"), "NUL");
    check(tokenizer.encode("").length == 0, "nothing");
    Encoding located = tokenizer.encodeWithOffsets("\ud83d\ude00a", null);
    check(located.offsets()[8] == 2 && located.offsets()[9] == 3, Arrays.toString(located.offsets()));
    located = tokenizer.encodeWithOffsets("\ud83d\ude00a", EncodeOptions.builder().offsetsIn(OffsetUnit.BYTES).build());
    check(located.offsets()[8] == 4 && located.offsets()[9] == 5, Arrays.toString(located.offsets()));
    check(Arrays.equals(tokenizer.encode("x<|end|>", EncodeOptions.builder().plain(1, 8).build()), ids("x<|end|>")), "plain");
    IntBuffer batch = Buffers.ints(10);
    check(tokenizer.encode("abc", null, batch) == 3 && tokenizer.encode("de", null, batch) == 2 && batch.position() == 5, batch);
    check(Arrays.equals(array(batch.flip()), ids("abcde")), "into a buffer");
    BindingTest.fails(Code.OUT_OF_RANGE, "3 ids; 2 fit", () -> tokenizer.encode("abc", null, Buffers.ints(2)));
    BindingTest.refuses("ids is a heap buffer", () -> tokenizer.encode("abc", null, IntBuffer.allocate(10)));
    BindingTest.refuses("ids is written to", () -> tokenizer.encode("abc", null, Buffers.ints(9).asReadOnlyBuffer()));
    BindingTest.refuses("half a surrogate pair at character 1", () -> tokenizer.encode("a\ud800"));
    String longer = "the quick ".repeat(5000); // beyond what is kept for short texts
    check(tokenizer.encode(longer).length == longer.length(), "a long text");
    check(tokenizer.id("<|end|>") == 258 && tokenizer.token(258).equals("<|end|>"), "a token");
    check(tokenizer.describe().get("vocab_size").equals(259L), tokenizer.describeJson());
    BindingTest.fails(Code.NOT_FOUND, "9999", () -> tokenizer.token(9999));
    BindingTest.fails(Code.NOT_FOUND, "nope", () -> tokenizer.id("nope"));
    BindingTest.fails(Code.NOT_FOUND, "/no/such", () -> Tokenizer.open(Path.of("/no/such")));
    BindingTest.thrown(NullPointerException.class, () -> tokenizer.encode(null));
    List<Thread> threads = new ArrayList<>();
    List<String> wrong = new ArrayList<>();
    for (int i = 0; i < 4; ++i) {
      threads.add(new Thread(() -> {
        for (int j = 0; j < 50; ++j) {
          if (!Arrays.equals(tokenizer.encode("the quick"), ids("the quick"))) {
            synchronized (wrong) {
              wrong.add("other ids in a thread");
            }
          }
        }
      }));
      threads.get(i).start();
    }
    for (Thread thread : threads) {
      thread.join();
    }
    check(wrong.isEmpty(), wrong);
    Decoder decoder = tokenizer.decoder(false);
    tokenizer.close();
    check(decoder.push(0xC3).isEmpty() && decoder.push(0xA9, 97).equals("\u00e9a"), "half a character"); // it outlives the tokenizer
    check(decoder.push(0xC3).isEmpty() && decoder.finish().equals("\ufffd"), "what is left");
    decoder.close();
    BindingTest.fails(Code.FAILED_PRECONDITION, "the decoder is closed", () -> decoder.push(97));
    BindingTest.fails(Code.FAILED_PRECONDITION, "the tokenizer is closed", () -> tokenizer.encode("a"));
  }

  static void testTemplate() {
    String wanted = "<|im_start|>user\nhi<|im_end|>\n<|im_start|>assistant\nyes<|im_end|>\n";
    try (Template template = Template.open(model)) {
      check(template.render(DIALOGUE, null).equals(wanted), template.render(DIALOGUE, null));
      String prompt = template.render("[{\"role\": \"user\", \"content\": \"hi\"}]", TemplateOptions.builder().addGenerationPrompt(true).build());
      check(prompt.equals(wanted.substring(0, wanted.indexOf("yes"))), prompt);
      Map<String, Object> training = template.renderTraining(DIALOGUE, TemplateOptions.builder().trainOn(TrainOn.LAST).build());
      Map<?, ?> sequence = (Map<?, ?>) ((List<?>) training.get("sequences")).get(0);
      List<?> range = (List<?>) ((List<?>) sequence.get("trained")).get(0);
      String trained = wanted.substring(((Long) range.get(0)).intValue(), ((Long) range.get(1)).intValue());
      check(sequence.get("text").equals(wanted) && trained.startsWith("yes<|im_end|>"), training);
      check(template.describe().get("names").equals(List.of("default")), template.describe());
    }
    try (Template template = Template.create("{{ n }}{{ tools[0].name }}")) {
      check(template.render("[]", TemplateOptions.builder().variablesJson("{\"n\": 7}").toolsJson("[{\"name\": \"look\"}]").build()).equals("7look"), "variables");
    }
    try (Template own = Template.open(model);
        Template alone = Template.create("{{ eos_token }}");
        Tokenizer tokenizer = Tokenizer.open(model);
        Template with = alone.withTokenizer(tokenizer)) {
      check(with.describe().equals(own.describe()), with.describe());
    }
    BindingTest.fails(Code.INVALID_ARGUMENT, "line", () -> Template.create("{% for %}"));
    BindingTest.fails(Code.NOT_FOUND, "", () -> Template.open(Path.of("/no/such")));
    try (Template template = Template.create("{% for i in range(1000) %}{% endfor %}")) {
      BindingTest.fails(Code.RESOURCE_EXHAUSTED, "", () -> template.render(DIALOGUE, TemplateOptions.builder().maxIterations(10).build()));
      BindingTest.fails(Code.INVALID_ARGUMENT, "", () -> template.render("[{", null));
    }
    Template closed = Template.create("a");
    closed.close();
    BindingTest.fails(Code.FAILED_PRECONDITION, "the template is closed", () -> closed.render(DIALOGUE, null));
  }

  private static String config(String more, String... lines) throws Exception {
    Path file = Files.createTempDirectory(work, "data").resolve("d.jsonl");
    Files.write(file, List.of(lines));
    return "{\"data\": \"" + file + "\", \"model\": \"" + model + "\", \"seq_len\": 128, \"epochs\": 1, \"shuffle\": false" + more + "}";
  }

  static void testDataset() throws Exception {
    String config = config("", "{\"prompt\": \"ab\", \"completion\": \"cd\"}", "{\"prompt\": \"e\", \"completion\": \"f\"}");
    Dataset dataset = Dataset.open(config);
    Documents step = dataset.next(1).get();
    check(Arrays.equals(array(step.batch().ids()), new int[] {97, 98, 99, 100, 258, 101, 102, 258}), "ids");
    check(Arrays.equals(array(step.batch().labels()), new int[] {-100, -100, 99, 100, 258, -100, 102, 258}), "labels");
    check(step.batch().offsets().get(1) == 5 && step.batch().offsets().remaining() == 3 && step.numbers().get(1) == 1 && step.desirable().get(1) == 1, "offsets");
    check(step.rows().get(1) == 2 && step.trained() == 5 && step.epoch() == 0, step);
    String position = dataset.position();
    check(dataset.next(1).isEmpty() && step.batch().ids().get(0) == 97, "the end");
    check(dataset.describe().get("documents").equals(2L), dataset.describeJson());
    dataset.seek(position);
    check(dataset.next(1).isEmpty(), "the end again");
    BindingTest.fails(Code.INVALID_ARGUMENT, "", () -> dataset.seek("{}"));
    BindingTest.fails(Code.INVALID_ARGUMENT, "rows", () -> dataset.next(0));
    BindingTest.fails(Code.FAILED_PRECONDITION, "", dataset::mismatched);
    FloatBuffer values = Buffers.floats(new float[] {-1, -2});
    FloatBuffer read = Buffers.floats(2);
    BindingTest.fails(Code.NOT_FOUND, "", () -> dataset.readColumn("ref", "w", read));
    dataset.writeColumn("ref", "w", values);
    dataset.readColumn("ref", "w", read);
    check(read.equals(values), "a column");
    BindingTest.fails(Code.INVALID_ARGUMENT, "", () -> dataset.readColumn("ref", "w", Buffers.floats(1)));
    dataset.close();
    BindingTest.fails(Code.FAILED_PRECONDITION, "the dataset is closed", () -> dataset.next(1));
    check(Dataset.readRecordJson(config, 1).contains("\"prompt\":\"e\",\"completion\":\"f\""), Dataset.readRecordJson(config, 1));
    BindingTest.fails(Code.NOT_FOUND, "2 rows", () -> Dataset.readRecordJson(config, 2));
    BindingTest.fails(Code.INVALID_ARGUMENT, "templat", () -> Dataset.open(config(", \"templat\": 1", "{\"text\": \"a\"}")));
    BindingTest.fails(Code.INVALID_ARGUMENT, "d.jsonl:2", () -> Dataset.open(config("", "{\"text\": \"a\"}", "{not json")));
    Path packed = Files.createTempDirectory(work, "data").resolve("d.jsonl.gz");
    try (GZIPOutputStream out = new GZIPOutputStream(Files.newOutputStream(packed))) { // Java's own
      out.write("{\"prompt\": \"ab\", \"completion\": \"cd\"}\n".getBytes(StandardCharsets.UTF_8));
    }
    String gzip = "{\"data\": \"" + packed + "\", \"model\": \"" + model + "\", \"epochs\": 1}";
    try (Dataset unpacked = Dataset.open(gzip)) {
      check(Arrays.equals(array(unpacked.next(1).get().batch().ids()), ids("abcd", 258)), "ids of packed data");
    }
    Files.write(packed, Arrays.copyOf(Files.readAllBytes(packed), (int) Files.size(packed) - 1));
    BindingTest.fails(Code.DATA_LOSS, "d.jsonl.gz: its gzip data are cut short", () -> Dataset.open(gzip));
    String bare = config("", "{\"messages\": " + DIALOGUE + "}").replace("\"model\": \"" + model + "\", ", "");
    BindingTest.fails(Code.FAILED_PRECONDITION, "needs a chat template", () -> Dataset.open(bare));
    Dataset outlives;
    try (Tokenizer tokenizer = Tokenizer.open(model); Template template = Template.open(model)) {
      outlives = Dataset.open(bare, tokenizer, template);
    }
    try (Dataset own = outlives) {
      check(own.next(1).get().trained() >= 4, "a conversation");
    }
    String labelled = config(", \"task\": \"kto\"", "{\"prompt\": \"p:\", \"completion\": \"one\", \"label\": true}", "{\"prompt\": \"q:\", \"completion\": \"two\", \"label\": false}");
    try (Dataset kto = Dataset.open(labelled)) {
      check(Arrays.equals(array(kto.next(2).get().desirable()), new int[] {1, 0}), "labels");
      Optional<Documents> other = kto.mismatched();
      check(other.get().batch().ids().get(2) == 't', "mismatched");
    }
  }

  private static Batch pairs() {
    Batch bare = Batch.ofDocuments(new int[] {1, 2, 3, 4, 5}, new int[] {1, 2, 6, 7}, new int[] {8, 9, 10}, new int[] {8, 9, 11, 12, 13});
    return new Batch(bare.ids(), bare.offsets(), null, Buffers.floats(new float[] {0, 0, 1, 1, 1, 0, 0, 1, 1, 0, 0, 1, 0, 0, 1, 1, 1}), 0);
  }

  private static void near(double found, double wanted, double most) {
    check(Math.abs(found - wanted) <= most, found + "; wanted " + wanted);
  }

  static void testLosses() {
    PlanOptions shape = PlanOptions.builder().device("cpu").batchSize(4).seqLen(8).frozenCopies(1).compute(DType.F32).build();
    try (Model model = Model.create(BindingTest.CONFIG, 1); Plan plan = Plan.make(model, shape); Trainer trainer = Trainer.create(model, plan)) {
      Batch pairs = pairs();
      FloatBuffer logprobs = Buffers.floats(17);
      FloatBuffer entropies = Buffers.floats(17);
      trainer.logprobs(pairs, null, logprobs, entropies, null);
      // The logits say the same.
      FloatBuffer logits = Buffers.floats(16);
      trainer.logits(pairs, Buffers.longs(new long[] {10}), logits);
      double whole = 0;
      for (int i = 0; i < 16; ++i) {
        whole += Math.exp(logits.get(i));
      }
      near(logprobs.get(11), logits.get(10) - Math.log(whole), 1e-5);
      DoubleBuffer sums = Buffers.doubles(4);
      DoubleBuffer tokens = Buffers.doubles(4);
      pairs.sumLogprobs(logprobs, sums, tokens);
      check(tokens.equals(Buffers.doubles(new double[] {3, 2, 1, 3})) && sums.get(2) == logprobs.get(11), "sums");

      PreferenceMetrics first = trainer.accumulatePreference(pairs, Reference.ofSums(sums), null);
      near(first.loss(), Math.log(2), 1e-12);
      check(first.pairs() == 2 && first.tokens() == 13, first);
      near(trainer.accumulatePreference(pairs, Reference.ofLogprobs(logprobs), PreferenceOptions.builder().kind(Preference.HINGE).build()).loss(), 1, 1e-12);
      Weights kept = trainer.keepWeights();
      BindingTest.fails(Code.RESOURCE_EXHAUSTED, "", trainer::keepWeights);
      trainer.apply();
      FloatBuffer again = Buffers.floats(17);
      trainer.logprobs(pairs, kept, again, null, null);
      check(again.equals(logprobs), "the kept weights give other log-probabilities");
      trainer.logprobs(pairs, null, again, null, null);
      check(!again.equals(logprobs), "the step changed nothing");
      check(!trainer.evaluate(pairs, kept).equals(trainer.evaluate(pairs)), "evaluate");
      kept.close();
      BindingTest.fails(Code.FAILED_PRECONDITION, "the weights is closed", () -> trainer.logprobs(pairs, kept, again, null, null));

      pairs.sumLogprobs(again, sums, null);
      IntBuffer desirable = Buffers.ints(new int[] {1, 0, 0, 1});
      KtoMetrics second = trainer.accumulateKto(pairs, desirable, Reference.ofSums(sums), KtoOptions.builder().desirableWeight(2).build());
      near(second.loss(), 0.75, 1e-12);
      DoubleBuffer lower = Buffers.doubles(4);
      for (int i = 0; i < 4; ++i) {
        lower.put(i, sums.get(i) - 1);
      }
      second = trainer.accumulateKto(pairs, desirable, Reference.ofSums(sums), pairs, lower, null);
      near(second.kl(), 1, 1e-9);
      FloatBuffer advantages = Buffers.floats(17);
      double mean = 0;
      for (int i = 0; i < 17; ++i) {
        advantages.put(i, (i - 8) / 4f);
        mean -= advantages.get(i) * pairs.weights().get(i) / 9;
      }
      PolicyMetrics third = trainer.accumulatePolicy(pairs, advantages, null, null, null, PolicyOptions.builder().kind(PolicyKind.CLIP).build());
      near(third.loss(), mean, 1e-6);
      check(third.ratio() == 1 && third.weight() == 9 && third.tokens() == 13, third);

      BindingTest.fails(Code.INVALID_ARGUMENT, "n_reference_sums is 3", () -> trainer.accumulatePreference(pairs, Reference.ofSums(Buffers.doubles(3)), null));
      BindingTest.fails(Code.INVALID_ARGUMENT, "", () -> trainer.accumulatePreference(pairs, null, null));
      BindingTest.fails(Code.INVALID_ARGUMENT, "n_old_logprobs is 3", () -> trainer.accumulatePolicy(pairs, advantages, Buffers.floats(3), null, null, null));
      BindingTest.fails(Code.INVALID_ARGUMENT, "n_logprobs is 2", () -> trainer.logprobs(pairs, null, Buffers.floats(2), null, null));
      BindingTest.refuses("reference.sums is a heap buffer", () -> trainer.accumulatePreference(pairs, Reference.ofSums(DoubleBuffer.allocate(4)), null));
      BindingTest.refuses("advantages is BIG_ENDIAN",
          () -> trainer.accumulatePolicy(pairs, java.nio.ByteBuffer.allocateDirect(68).asFloatBuffer(), null, null, null, null));
      BindingTest.refuses("logprobs is written to", () -> trainer.logprobs(pairs, null, Buffers.floats(17).asReadOnlyBuffer(), null, null));
      BindingTest.thrown(NullPointerException.class, () -> trainer.accumulateKto(pairs, null, Reference.ofSums(sums), null));
    }
  }

  static void testCheckpoints() throws Exception {
    Path folder = work.resolve("ckpt \u00fc");
    List<Double> wanted = new ArrayList<>();
    try (Trainer first = BindingTest.trainer()) {
      first.step(BindingTest.batch());
      first.save(folder, CheckpointOptions.builder().userData("{\"at\": \"\u00fc\"}").keep(3).build());
      check(first.saveWait(-1) && first.saveWait(0) && first.saveWait(0.2), "it is not saved");
      for (int i = 0; i < 3; ++i) {
        wanted.add(first.step(BindingTest.batch()).loss());
      }
      first.accumulate(BindingTest.batch());
      BindingTest.fails(Code.FAILED_PRECONDITION, "", () -> first.save(folder, null));
    }
    try (Trainer second = BindingTest.trainer()) {
      Map<String, Object> resumed = second.resume(folder, null);
      check(resumed.get("step").equals(1L) && resumed.get("user_data").equals("{\"at\": \"\u00fc\"}"), resumed);
      List<Double> found = new ArrayList<>();
      for (int i = 0; i < 3; ++i) {
        found.add(second.step(BindingTest.batch()).loss());
      }
      check(found.equals(wanted), found + "; wanted " + wanted);
      BindingTest.fails(Code.NOT_FOUND, "", () -> second.resume(work.resolve("none"), ResumeOptions.builder().allowNumericsChange(true).build()));
      Map<String, Object> listed = Trainer.checkpoints(folder);
      check(((List<?>) listed.get("checkpoints")).size() == 1 && ((List<?>) listed.get("damaged")).isEmpty(), listed);
    }
  }

  /** A save that takes longer than a look at the thread: one of some 100 MB. */
  static void testAnInterruptEndsTheWaitForASave() {
    String large = BindingTest.CONFIG.replace("\"vocab_size\": 16", "\"vocab_size\": 150000");
    try (Model model = Model.create(large, 1);
        Plan plan = Plan.make(model, PlanOptions.builder().device("cpu").batchSize(2).seqLen(8).build());
        Trainer trainer = Trainer.create(model, plan)) {
      trainer.step(BindingTest.batch());
      boolean ended = false;
      for (int i = 0; i < 6 && !ended; ++i) {
        Path folder = work.resolve("slow" + i);
        trainer.save(folder, null);
        Thread.currentThread().interrupt();
        try {
          trainer.saveWait(-1);
        } catch (HorizonLmException error) {
          ended = error.code() == Code.CANCELLED && error.getMessage().contains("while it waited for a save");
        }
        check(Thread.interrupted(), "the thread is not interrupted any more");
        check(trainer.saveWait(-1) && ((List<?>) Trainer.checkpoints(folder).get("checkpoints")).size() == 1, "the save did not go on");
      }
      check(ended, "the interrupt ended nothing, six times");
    }
  }

  static void testPackedMoments() {
    int n = 600;
    try (Optimizer adamw = Optimizer.create(OptimizerOptions.builder().states(States.INT8).weightDecay(0).build())) {
      check(adamw.stateBytes(TensorKind.FIRST_MOMENT, n) == n && adamw.stateScales(TensorKind.FIRST_MOMENT, n) == 3, "sizes");
      FloatBuffer gradient = Buffers.floats(n);
      for (int i = 0; i < n; ++i) {
        gradient.put(i, (i + 1f) / n);
      }
      FloatBuffer weight = Buffers.floats(n);
      Optimizer.Packed packed = new Optimizer.Packed(Buffers.bytes(n), Buffers.bytes(n), Buffers.floats(3), Buffers.floats(3), 0, 0);
      adamw.step(1, 1e-3, 1, new Optimizer.Arrays(weight, null, null, null, null, gradient, true, packed));
      near(weight.get(n - 1), -1e-3, 1e-5);
      FloatBuffer values = Buffers.floats(n);
      adamw.readState(TensorKind.FIRST_MOMENT, packed.firstMoment(), packed.firstScales(), values);
      near(values.get(n - 1), 0.1, 0.01);
      adamw.writeState(TensorKind.FIRST_MOMENT, values, packed.firstMoment(), packed.firstScales());
      BindingTest.fails(Code.INVALID_ARGUMENT, "moment has 600 bytes and 2 scales", () -> adamw.readState(TensorKind.FIRST_MOMENT, packed.firstMoment(), Buffers.floats(2), values));
      BindingTest.refuses("moment is a heap buffer", () -> adamw.readState(TensorKind.FIRST_MOMENT, java.nio.ByteBuffer.allocate(n), packed.firstScales(), values));
    }
    try (Model model = Model.create(BindingTest.CONFIG, 1);
        Plan plan = Plan.make(model, PlanOptions.builder().machineJson(Device.machineJson("cpu")).optimizer(OptimizerAlgorithm.LION).states(States.BF16).build())) {
      check(plan.json().toLowerCase(java.util.Locale.ROOT).contains("lion"), plan.json());
    }
  }

  public static void main(String[] args) throws Exception {
    work = Path.of(args[0]);
    model = Path.of(args[1]);
    BindingTest.run("tokenizers of others", () -> testTokenizersOfOthers(Path.of(args[2])));
    BindingTest.run("tokenizer", DataTest::testTokenizer);
    BindingTest.run("template", DataTest::testTemplate);
    BindingTest.run("dataset", DataTest::testDataset);
    BindingTest.run("losses", DataTest::testLosses);
    BindingTest.run("checkpoints", DataTest::testCheckpoints);
    BindingTest.run("interrupted wait", DataTest::testAnInterruptEndsTheWaitForASave);
    BindingTest.run("packed moments", DataTest::testPackedMoments);
  }
}
