import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.io.InputStream;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import org.horizonlm.Batch;
import org.horizonlm.Code;
import org.horizonlm.Evaluation;
import org.horizonlm.HorizonLmException;
import org.horizonlm.Model;
import org.horizonlm.Plan;
import org.horizonlm.PlanOptions;
import org.horizonlm.StepMetrics;
import org.horizonlm.Trainer;
import org.horizonlm.TrainerOptions;

/**
 * A service that fine-tunes a model in the background on texts that it is sent: TrainingService PORT [MODEL_FOLDER]
 *
 * <pre>
 * POST /texts          body: text; each line is a document, its bytes are the token ids     {"documents": 12}
 * POST /train?steps=N  starts N steps on all texts so far                                   {"state": "training", ...}
 * GET  /progress                                                                            {"state": "training", "step": 7, "steps": 50, "loss": 3.1}
 * POST /evaluate       body: text                                                           {"loss": 2.5, "perplexity": 12.2, "tokens": 40}
 * POST /cancel         ends the training after the step that is under way
 * POST /save?folder=F  writes the model
 * </pre>
 *
 * <p>The engine runs in this process. One thread owns the trainer; requests that need it are queued behind its steps, one at a time, so an evaluation is
 * answered between two steps of a training.
 */
public final class TrainingService implements AutoCloseable {
  private static final int SEQ_LEN = 64;
  private static final int BATCH_SIZE = 8;
  private static final int LARGEST_BODY = 1 << 20;
  private static final String TINY =
      """
      {"architectures": ["LlamaForCausalLM"], "model_type": "llama", "hidden_act": "silu", "hidden_size": 64,
       "intermediate_size": 128, "num_hidden_layers": 2, "num_attention_heads": 4, "num_key_value_heads": 2,
       "vocab_size": 256, "max_position_embeddings": 64, "rms_norm_eps": 1e-5, "rope_theta": 10000.0,
       "tie_word_embeddings": false, "initializer_range": 0.02}""";

  private final Trainer trainer;
  private final HttpServer server;
  private final ExecutorService requests = Executors.newFixedThreadPool(4);
  private final ExecutorService training = Executors.newSingleThreadExecutor(); // the only thread that uses the trainer

  // Guarded by this.
  private final List<int[]> documents = new ArrayList<>();
  private String state = "idle";
  private String failure = "";
  private int step;
  private int steps;
  private int next; // document
  private double loss = Double.NaN;

  TrainingService(int port, Path folder) throws IOException {
    try (Model model = folder == null ? Model.create(TINY, 1) : Model.open(folder);
        Plan plan = Plan.make(model, PlanOptions.builder().batchSize(BATCH_SIZE).seqLen(SEQ_LEN).build())) {
      trainer = Trainer.create(model, plan, TrainerOptions.builder().lr(3e-3).build());
    }
    server = HttpServer.create(new InetSocketAddress("127.0.0.1", port), 0);
    server.setExecutor(requests);
    handle("/texts", "POST", this::texts);
    handle("/train", "POST", this::train);
    handle("/progress", "GET", exchange -> progress());
    handle("/evaluate", "POST", this::evaluate);
    handle("/cancel", "POST", exchange -> cancel());
    handle("/save", "POST", this::save);
    server.start();
  }

  int port() {
    return server.getAddress().getPort();
  }

  private String texts(HttpExchange exchange) throws IOException {
    List<int[]> added = documents(body(exchange));
    synchronized (this) {
      documents.addAll(added);
      return "{\"documents\": " + documents.size() + "}";
    }
  }

  private String train(HttpExchange exchange) {
    int wanted = Integer.parseInt(parameter(exchange, "steps"));
    synchronized (this) {
      if (documents.isEmpty()) {
        throw new IllegalArgumentException("there are no texts to train on; POST some to /texts");
      }
      if (state.equals("training")) {
        throw new IllegalStateException("a training is under way");
      }
      if (wanted < 1 || wanted > 1_000_000) {
        throw new IllegalArgumentException("steps is " + wanted + "; it must be within 1 and 1000000");
      }
      state = "training";
      step = 0;
      steps = wanted;
    }
    training.execute(this::oneStep);
    return progress();
  }

  /** A step, and the next one behind the requests that wait. */
  private void oneStep() {
    try {
      Batch batch;
      synchronized (this) {
        if (!state.equals("training")) {
          return;
        }
        batch = nextBatch();
      }
      StepMetrics metrics = trainer.step(batch);
      synchronized (this) {
        loss = metrics.loss();
        if (++step == steps) {
          state = "done";
        }
        if (state.equals("training")) {
          training.execute(this::oneStep);
        }
      }
    } catch (HorizonLmException error) {
      synchronized (this) {
        state = error.code() == Code.CANCELLED ? "cancelled" : "failed";
        failure = error.getMessage();
      }
    }
  }

  private synchronized Batch nextBatch() {
    List<int[]> chosen = new ArrayList<>();
    int tokens = 0;
    for (int taken = 0; taken < documents.size(); ++taken) {
      int[] document = documents.get(next % documents.size());
      if (tokens + document.length > BATCH_SIZE * SEQ_LEN) {
        break;
      }
      chosen.add(document);
      tokens += document.length;
      next = (next + 1) % documents.size();
    }
    return Batch.ofDocuments(chosen.toArray(int[][]::new));
  }

  private synchronized String progress() {
    return String.format(
        Locale.ROOT, "{\"state\": \"%s\", \"step\": %d, \"steps\": %d, \"loss\": %s, \"error\": %s}", state, step, steps, number(loss), quote(failure));
  }

  private String evaluate(HttpExchange exchange) throws Exception {
    List<int[]> texts = documents(body(exchange));
    if (texts.isEmpty()) {
      throw new IllegalArgumentException("there is no text of two bytes or more to evaluate");
    }
    Batch batch = Batch.ofDocuments(texts.toArray(int[][]::new));
    Evaluation result = training.submit(() -> trainer.evaluate(batch)).get();
    return "{\"loss\": " + number(result.loss()) + ", \"perplexity\": " + number(result.perplexity()) + ", \"tokens\": " + result.tokens() + "}";
  }

  private synchronized String cancel() {
    if (state.equals("training")) {
      state = "cancelled"; // the step under way completes; no other follows
    }
    return progress();
  }

  private String save(HttpExchange exchange) throws Exception {
    Path folder = Path.of(parameter(exchange, "folder"));
    training.submit(() -> trainer.saveModel(folder)).get();
    return "{\"saved\": " + quote(folder.toString()) + "}";
  }

  /** Each line is a document of at most SEQ_LEN bytes; longer ones are cut; what is too short to predict anything is left out. */
  private static List<int[]> documents(byte[] text) {
    List<int[]> found = new ArrayList<>();
    for (int begin = 0, end; begin < text.length; begin = end + 1) {
      for (end = begin; end < text.length && text[end] != '\n'; ++end) {}
      for (int piece = begin; piece < end; piece += SEQ_LEN) {
        byte[] bytes = Arrays.copyOfRange(text, piece, Math.min(end, piece + SEQ_LEN));
        if (bytes.length >= 2) {
          int[] ids = new int[bytes.length];
          Arrays.setAll(ids, i -> bytes[i] & 0xff);
          found.add(ids);
        }
      }
    }
    return found;
  }

  // ---- HTTP ----

  private interface Handler {
    String answer(HttpExchange exchange) throws Exception;
  }

  private void handle(String path, String method, Handler handler) {
    server.createContext(
        path,
        exchange -> {
          try (exchange) {
            int status = 200;
            String answer;
            try {
              if (!exchange.getRequestMethod().equals(method)) {
                status = 405;
                answer = error("use " + method);
              } else {
                answer = handler.answer(exchange);
              }
            } catch (IllegalArgumentException wrong) {
              status = 400;
              answer = error(wrong.getMessage());
            } catch (IllegalStateException wrong) {
              status = 409;
              answer = error(wrong.getMessage());
            } catch (ExecutionException wrong) {
              boolean asked = wrong.getCause() instanceof HorizonLmException cause && cause.code() != Code.INTERNAL;
              status = asked ? 400 : 500;
              answer = error(wrong.getCause().getMessage());
            } catch (Exception wrong) {
              status = 500;
              answer = error(String.valueOf(wrong));
            }
            byte[] bytes = (answer + "\n").getBytes(StandardCharsets.UTF_8);
            exchange.getResponseHeaders().set("Content-Type", "application/json");
            exchange.sendResponseHeaders(status, bytes.length);
            exchange.getResponseBody().write(bytes);
          }
        });
  }

  private static byte[] body(HttpExchange exchange) throws IOException {
    try (InputStream in = exchange.getRequestBody()) {
      byte[] bytes = in.readNBytes(LARGEST_BODY + 1);
      if (bytes.length > LARGEST_BODY) {
        throw new IllegalArgumentException("the body has more than " + LARGEST_BODY + " bytes");
      }
      return bytes;
    }
  }

  private static String parameter(HttpExchange exchange, String name) {
    String query = exchange.getRequestURI().getQuery();
    for (String part : query == null ? new String[0] : query.split("&")) {
      if (part.startsWith(name + "=")) {
        return part.substring(name.length() + 1);
      }
    }
    throw new IllegalArgumentException("the query lacks " + name);
  }

  private static String error(String message) {
    return "{\"error\": " + quote(message) + "}";
  }

  private static String number(double value) {
    return Double.isFinite(value) ? Double.toString(value) : "null";
  }

  private static String quote(String text) {
    StringBuilder out = new StringBuilder("\"");
    for (char c : String.valueOf(text).toCharArray()) {
      out.append(c == '"' || c == '\\' ? "\\" + c : c < ' ' ? String.format("\\u%04x", (int) c) : String.valueOf(c));
    }
    return out.append('"').toString();
  }

  @Override
  public void close() {
    server.stop(0);
    requests.shutdown();
    cancel();
    training.shutdown();
    boolean ended = false;
    while (!ended) {
      try {
        ended = training.awaitTermination(1, java.util.concurrent.TimeUnit.MINUTES);
      } catch (InterruptedException hurry) {
        trainer.cancel();
      }
    }
    trainer.close();
  }

  public static void main(String[] args) throws IOException {
    if (args.length < 1 || args.length > 2) {
      System.err.println("usage: TrainingService PORT [MODEL_FOLDER]");
      System.exit(2);
    }
    TrainingService service = new TrainingService(Integer.parseInt(args[0]), args.length == 2 ? Path.of(args[1]) : null);
    Runtime.getRuntime().addShutdownHook(new Thread(service::close));
    System.out.println("listening on port " + service.port());
  }
}
