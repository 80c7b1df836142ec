package org.horizonlm;

import java.nio.file.Path;
import java.util.Map;
import org.horizonlm.internal.Native;

/** A model: its mathematics and where its weights come from. It holds no weights; a {@link Trainer} loads them. */
public final class Model extends Handle {
  private Model(long box) {
    super(box, Native::hlm_model_close, Native::hlm_model_closed, Native::hlm_model_free);
  }

  /**
   * Opens a Hugging Face folder: config.json and safetensors.
   *
   * @param folder the folder
   * @return the model
   * @throws HorizonLmException NOT_FOUND for missing files, UNIMPLEMENTED for an architecture that is not known, INVALID_ARGUMENT or DATA_LOSS for damaged files
   */
  public static Model open(Path folder) {
    NativeLibrary.load();
    byte[] text = Text.encode(folder, "folder");
    long[] out = new long[1];
    Native.hlm_model_open(text, out);
    return new Model(out[0]);
  }

  /**
   * A model of the text of a config.json, with weights drawn from a seed.
   *
   * @param configJson the text
   * @param seed the seed
   * @return the model
   * @throws HorizonLmException INVALID_ARGUMENT or UNIMPLEMENTED for a config that is not legal or not known
   */
  public static Model create(String configJson, long seed) {
    NativeLibrary.load();
    byte[] text = Text.encode(configJson, "configJson");
    long[] out = new long[1];
    Native.hlm_model_create(text, seed, out);
    return new Model(out[0]);
  }

  /**
   * The model with other words: what is saved of it, or of a Trainer of it, has the tokenizer, the chat templates and the ids that end a
   * generation given here.
   *
   * @param options may be null
   * @return the model, to be closed like this one
   * @throws HorizonLmException NOT_FOUND for missing files, INVALID_ARGUMENT for damaged ones and for ids outside the vocabulary
   */
  public Model withText(TextOptions options) {
    long[] out = new long[1];
    run(box -> Options.with(options, struct -> Native.hlm_model_with_text(box, struct, out)));
    return new Model(out[0]);
  }

  /**
   * What the model is, as JSON.
   *
   * @return "architecture", "parameters", "vocab_size", "tensors" and more
   */
  public String describeJson() {
    return get(box -> Text.of(out -> Native.hlm_model_describe(box, out)));
  }

  /**
   * What the model is: describeJson, read.
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
    return is.get("architecture") + ", " + count(is.get("parameters"), "parameter");
  }

  /**
   * What save, or Trainer.saveModel, will take; before a training it fails by what they would fail by after it. Nothing is written.
   *
   * @param folder the folder
   * @param options may be null
   * @return bytes
   * @throws HorizonLmException as of save; RESOURCE_EXHAUSTED where fewer bytes are free
   */
  public long checkSave(Path folder, SaveOptions options) {
    byte[] text = Text.encode(folder, "folder");
    long[] out = new long[1];
    run(box -> Options.with(options, struct -> Native.hlm_model_check_save(box, text, struct, out)));
    return out[0];
  }

  /**
   * Writes the model with its original weights as a Hugging Face folder.
   *
   * @param folder the folder
   * @throws HorizonLmException ALREADY_EXISTS where it is not empty
   */
  public void save(Path folder) {
    save(folder, null);
  }

  /**
   * Writes the model with its original weights as a Hugging Face folder.
   *
   * @param folder the folder
   * @param options may be null
   * @throws HorizonLmException ALREADY_EXISTS where it is not empty and overwrite is false
   */
  public void save(Path folder, SaveOptions options) {
    byte[] text = Text.encode(folder, "folder");
    run(box -> Options.with(options, struct -> Native.hlm_model_save(box, text, struct)));
  }
}
