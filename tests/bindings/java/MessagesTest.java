import static java.util.stream.Collectors.joining;

import java.lang.reflect.Executable;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.lang.reflect.Modifier;
import java.nio.Buffer;
import java.nio.ByteBuffer;
import java.nio.DoubleBuffer;
import java.nio.FloatBuffer;
import java.nio.IntBuffer;
import java.nio.LongBuffer;
import java.nio.ShortBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Stream;
import org.horizonlm.*;

/** What objects say of themselves, and what is said of arguments that are null: MessagesTest WORK MODEL_FOLDER. */
public final class MessagesTest {
  static void check(boolean holds, String what) {
    if (!holds) {
      throw new AssertionError(what);
    }
  }

  static void says(Object object, String text) {
    check(object.toString().equals(text), object + "; wanted " + text);
  }

  static String config(Path data) {
    return "{\"data\": \"" + data + "\", \"cache_dir\": null, \"epochs\": 1, \"append_eos\": false, \"threads\": 1, \"task\": \"pretrain\"}";
  }

  static void testLines(Path work, Path folder) throws Exception {
    Model model = Model.create(BindingTest.CONFIG, 1);
    Plan plan = Plan.make(model, PlanOptions.builder().device("cpu").batchSize(2).seqLen(8).frozenCopies(1).build());
    Trainer trainer = Trainer.create(model, plan);
    says(model, "Model: LlamaForCausalLM, 19,616 parameters");
    check(plan.toString().matches("Plan: [0-9]+\\.[0-9]{2} GiB of host memory, [0-9]+\\.[0-9]{2} GiB on cpu"), plan.toString());
    says(trainer, "Trainer: LlamaForCausalLM, 19,616 parameters");
    Weights weights = trainer.keepWeights();
    says(weights, "Weights");
    says(Optimizer.create(null), "Optimizer");
    Tokenizer tokenizer = Tokenizer.open(folder);
    says(tokenizer, "Tokenizer: BPE, 259 tokens");
    says(tokenizer.decoder(false), "Decoder");
    says(Template.open(folder), "Template");
    says(Dataset.open(config(Files.writeString(work.resolve("one.jsonl"), "{\"text\": \"abc\"}\n")), tokenizer, null), "Dataset: 1 document, 3 tokens");
    says(Dataset.open(config(Files.writeString(work.resolve("two.jsonl"), "{\"text\": \"ab\"}\n{\"text\": \"cd\"}\n")), tokenizer, null), "Dataset: 2 documents, 4 tokens");
    try (Group group = Group.fromEnvironment()) {
      says(group, "Group: rank 0 of 1");
    }
    for (AutoCloseable handle : List.of(model, plan, trainer, weights, tokenizer)) {
      handle.close();
      says(handle, handle.getClass().getSimpleName() + ", closed");
    }
  }

  /** A null for each argument by turns, in every public method: it is legal, or the message names it. */
  static void testNulls(Path work, Path folder) throws Exception {
    Path data = Files.writeString(work.resolve("nulls.jsonl"), "{\"text\": \"abc\"}\n");
    Model model = Model.create(BindingTest.CONFIG, 1);
    Plan plan = Plan.make(model, PlanOptions.builder().device("cpu").batchSize(2).seqLen(8).build());
    Tokenizer tokenizer = Tokenizer.open(folder);
    Trainer trainer = Trainer.create(model, plan);
    Map<Class<?>, Object> some = new HashMap<>();
    for (Object one : List.of(model, plan, trainer, Optimizer.create(null), tokenizer, tokenizer.decoder(false), Template.open(folder), Dataset.open(config(data), tokenizer, null),
        Group.fromEnvironment(), BindingTest.batch(), TensorKind.WEIGHT, Reference.ofSums(Buffers.doubles(2)), Code.INTERNAL,
        new Optimizer.Arrays(Buffers.floats(4), null, null, Buffers.floats(4), Buffers.floats(4), Buffers.floats(4), true))) {
      some.put(one.getClass(), one);
    }
    some.putAll(Map.of(long.class, 1L, int.class, 1, double.class, 1.0, boolean.class, true, String.class, "x", Path.class, work.resolve("nowhere")));
    some.putAll(Map.of(FloatBuffer.class, Buffers.floats(4), IntBuffer.class, Buffers.ints(4), LongBuffer.class, Buffers.longs(4), ShortBuffer.class, Buffers.shorts(4),
        ByteBuffer.class, Buffers.bytes(4), DoubleBuffer.class, Buffers.doubles(4), Buffer.class, Buffers.floats(4)));
    some.putAll(Map.of(int[].class, new int[1], long[].class, new long[2], float[].class, new float[1], double[].class, new double[1], byte[].class, new byte[1],
        int[][].class, new int[1][1]));

    List<Class<?>> types = new ArrayList<>(List.of(Buffers.class, HorizonLm.class, Device.class, Weights.class));
    for (Class<?> type : some.keySet()) {
      if (type.getName().startsWith("org.horizonlm.")) {
        types.add(type);
      }
    }
    for (Class<?> options : List.of(PlanOptions.class, TrainerOptions.class, SaveOptions.class, EncodeOptions.class, TemplateOptions.class, TextOptions.class, GroupOptions.class,
        CheckpointOptions.class, OptimizerOptions.class, PreferenceOptions.class, PolicyOptions.class)) {
      Object builder = options.getMethod("builder").invoke(null);
      some.put(builder.getClass(), builder);
      types.add(builder.getClass());
    }
    int named = 0;
    for (Class<?> type : types) {
      for (Executable call : Stream.of(type.getMethods(), type.getConstructors()).flatMap(Stream::of).toArray(Executable[]::new)) {
        boolean ours = call.getDeclaringClass().getName().startsWith("org.horizonlm.") && !Set.of("equals", "close", "valueOf").contains(call.getName());
        for (int i = 0; ours && i < call.getParameterCount(); ++i) {
          if (!call.getParameterTypes()[i].isPrimitive()) {
            named += callWithNull(call, some, i);
          }
        }
      }
    }
    check(named > 60, "only " + named + " arguments were found to be needed");
  }

  /** 1 where it was refused by name. */
  static int callWithNull(Executable call, Map<Class<?>, Object> some, int place) throws Exception {
    Object[] arguments = new Object[call.getParameterCount()];
    for (int i = 0; i < arguments.length; ++i) {
      arguments[i] = i == place ? null : some.get(call.getParameterTypes()[i]); // of options null, which is legal
    }
    String what = call.getDeclaringClass().getSimpleName() + "." + call.getName() + Stream.of(call.getParameterTypes()).map(Class::getSimpleName).collect(joining(", ", "(", ")"));
    try {
      if (call instanceof Method method) {
        method.invoke(Modifier.isStatic(method.getModifiers()) ? null : some.get(method.getDeclaringClass().equals(trainerBase()) ? Trainer.class : method.getDeclaringClass()), arguments);
      } else {
        ((java.lang.reflect.Constructor<?>) call).newInstance(arguments);
      }
    } catch (InvocationTargetException thrown) {
      Throwable error = thrown.getCause();
      if (error instanceof NullPointerException) {
        check(error.getMessage() != null && error.getMessage().matches("[a-zA-Z0-9.\\[\\]]+ is null"), what + ", argument " + place + ": " + error);
        boolean values = what.matches("Buffers\\..*|.*(State|Column)\\(.*"); // what these call it
        check(values || !error.getMessage().startsWith("value"), what + ", argument " + place + " is not called as in: " + error.getMessage());
        return 1;
      }
      check(error instanceof HorizonLmException || error instanceof IllegalArgumentException, what + ", argument " + place + ": " + error);
    }
    return 0;
  }

  static Class<?> trainerBase() {
    return Trainer.class.getSuperclass();
  }

  public static void main(String[] args) throws Exception {
    testLines(Path.of(args[0]), Path.of(args[1]));
    System.out.println("ok  lines");
    testNulls(Path.of(args[0]), Path.of(args[1]));
    System.out.println("ok  nulls");
  }
}
