package org.horizonlm;

import java.nio.FloatBuffer;
import java.nio.IntBuffer;
import java.nio.LongBuffer;
import java.util.Map;
import java.util.Optional;
import java.util.function.ObjLongConsumer;
import org.horizonlm.internal.Native;

/** Files of examples as steps of documents: tokenized once and kept, shuffled, mixed, split and packed. */
public final class Dataset extends Handle {
  private Dataset(long box) {
    super(box, Native::hlm_dataset_close, Native::hlm_dataset_closed, Native::hlm_dataset_free);
  }

  /**
   * Opens a data set whose config names, as "model", a folder with tokenizer and template.
   *
   * @param configJson docs/datasets.md and hlm_dataset_open in horizon_lm.h describe it
   * @return the data set
   */
  public static Dataset open(String configJson) {
    return open(configJson, null, null);
  }

  /**
   * Opens a data set.
   *
   * @param configJson docs/datasets.md and hlm_dataset_open in horizon_lm.h describe it
   * @param tokenizer for text; may be null, and may be closed afterwards
   * @param template for conversations; may be null, and may be closed afterwards
   * @return the data set
   * @throws HorizonLmException INVALID_ARGUMENT naming file and line for a damaged record or an unknown key, FAILED_PRECONDITION where tokenizer or template is missing
   */
  public static Dataset open(String configJson, Tokenizer tokenizer, Template template) {
    NativeLibrary.load();
    byte[] text = Text.encode(configJson, "configJson");
    long[] out = new long[1];
    with(tokenizer, one -> with(template, other -> Native.hlm_dataset_open(text, one, other, out)));
    return new Dataset(out[0]);
  }

  /**
   * A record of the files as a data set would read it, as JSON. Nothing is tokenized.
   *
   * @param configJson as of open
   * @param index from 0, of all records of all files
   * @return "where", "kind", "messages" and more
   * @throws HorizonLmException NOT_FOUND where there are fewer records, INVALID_ARGUMENT as of open
   */
  public static String readRecordJson(String configJson, long index) {
    NativeLibrary.load();
    byte[] text = Text.encode(configJson, "configJson");
    return Text.of(out -> Native.hlm_dataset_read_record(text, index, out));
  }

  /**
   * What was read, as JSON.
   *
   * @return "records", "documents", "tokens", "trained_tokens", "dropped_for", "account", "rows", "column_length" and more
   */
  public String describeJson() {
    return get(box -> Text.of(out -> Native.hlm_dataset_describe(box, out)));
  }

  /**
   * What was read: describeJson, read.
   *
   * @return maps, lists, strings, Long and Double
   */
  @SuppressWarnings("unchecked")
  public Map<String, Object> describe() {
    return (Map<String, Object>) Text.parse(describeJson());
  }

  @Override
  String about() {
    Map<String, Object> is = describe();
    return count(is.get("documents"), "document") + ", " + count(is.get("tokens"), "token");
  }

  /**
   * The next step.
   *
   * @param rows so many rows of seq_len tokens, a plan's batchSize
   * @return the step; empty at the end of the last epoch
   */
  public Optional<Documents> next(long rows) {
    return take((out, box) -> Native.hlm_dataset_next(box, rows, out));
  }

  /**
   * For KTO: the last step with answers moved on to another prompt.
   *
   * @return the step; empty where it has one prompt
   * @throws HorizonLmException FAILED_PRECONDITION for other tasks
   */
  public Optional<Documents> mismatched() {
    return take((out, box) -> Native.hlm_dataset_mismatched(box, out));
  }

  private Optional<Documents> take(ObjLongConsumer<long[]> call) {
    long[] out = new long[1];
    run(box -> call.accept(out, box));
    long step = out[0];
    if (step == 0) {
      return Optional.empty();
    }
    try {
      double[] sizes = new double[5];
      Native.hlm_documents_describe(step, sizes);
      int ids = (int) sizes[0];
      int documents = (int) sizes[1];
      Batch batch = new Batch(Buffers.ints(ids), Buffers.longs(documents + 1), Buffers.ints(ids), null, 0);
      LongBuffer numbers = Buffers.longs(documents);
      IntBuffer desirable = Buffers.ints(documents);
      LongBuffer rows = Buffers.longs((int) sizes[2]);
      Native.hlm_documents_copy(step, batch.ids(), batch.offsets(), batch.labels(), numbers, desirable, rows);
      return Optional.of(new Documents(batch, numbers, desirable, rows, (long) sizes[3], (long) sizes[4]));
    } finally {
      Native.hlm_documents_free(step);
    }
  }

  /**
   * Where the next step begins, a short JSON text: for a checkpoint's user data.
   *
   * @return the place
   */
  public String position() {
    return get(box -> Text.of(out -> Native.hlm_dataset_position(box, out)));
  }

  /**
   * Goes to such a place: what follows is what followed then.
   *
   * @param position the place
   * @throws HorizonLmException FAILED_PRECONDITION where files or options are others
   */
  public void seek(String position) {
    byte[] text = Text.encode(position, "position");
    run(box -> Native.hlm_dataset_seek(box, text));
  }

  /**
   * Keeps a float for each document in the cache, as log-probabilities of a reference.
   *
   * @param name letters, digits, _ and -
   * @param key what they were computed with, as a hash of the weights
   * @param values "column_length" of them
   * @throws HorizonLmException FAILED_PRECONDITION without a cache
   */
  public void writeColumn(String name, String key, FloatBuffer values) {
    byte[] nameText = Text.encode(name, "name");
    byte[] keyText = Text.encode(key, "key");
    FloatBuffer in = Buffers.in(Arguments.given(values, "values"), "values");
    run(box -> Native.hlm_dataset_write_column(box, nameText, keyText, in));
  }

  /**
   * Reads what writeColumn kept.
   *
   * @param name as in writeColumn
   * @param key as in writeColumn
   * @param values is written to; "column_length" long
   * @throws HorizonLmException NOT_FOUND where there is none
   */
  public void readColumn(String name, String key, FloatBuffer values) {
    byte[] nameText = Text.encode(name, "name");
    byte[] keyText = Text.encode(key, "key");
    FloatBuffer out = Buffers.out(Arguments.given(values, "values"), "values");
    run(box -> Native.hlm_dataset_read_column(box, nameText, keyText, out));
  }
}
