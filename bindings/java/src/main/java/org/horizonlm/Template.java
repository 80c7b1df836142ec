package org.horizonlm;

import java.nio.file.Path;
import java.util.Map;
import org.horizonlm.internal.Native;

/** The chat templates of a model (Jinja, as Hugging Face renders them). Any number of threads may render from one at the same time. */
public final class Template extends Handle {
  private Template(long box) {
    super(box, Native::hlm_template_close, Native::hlm_template_closed, Native::hlm_template_free);
  }

  /**
   * Opens the templates of a model's folder, a tokenizer_config.json, or a file that holds a template.
   *
   * @param path the folder or the file
   * @return the template
   * @throws HorizonLmException NOT_FOUND where there is none, INVALID_ARGUMENT naming the line for what is no template, UNIMPLEMENTED naming what the library lacks
   */
  public static Template open(Path path) {
    NativeLibrary.load();
    byte[] text = Text.encode(path, "path");
    long[] out = new long[1];
    Native.hlm_template_open(text, out);
    return new Template(out[0]);
  }

  /**
   * A template of its text.
   *
   * @param text the text
   * @return the template
   */
  public static Template create(String text) {
    NativeLibrary.load();
    byte[] bytes = Text.encode(text, "text");
    long[] out = new long[1];
    Native.hlm_template_create(bytes, out);
    return new Template(out[0]);
  }

  /**
   * The same templates with the tokens of a tokenizer, as a folder with both has them; a Dataset does it with what it is given. For a template of a
   * file or a text: its bos_token and the like are the tokenizer's, and trained turns end where generation does.
   *
   * @param tokenizer may be closed afterwards
   * @return the template, to be closed like this one
   * @throws HorizonLmException INVALID_ARGUMENT where the tokenizer's generation_config.json says no ids
   */
  public Template withTokenizer(Tokenizer tokenizer) {
    Arguments.given(tokenizer, "tokenizer");
    long[] out = new long[1];
    run(box -> tokenizer.run(other -> Native.hlm_template_with_tokenizer(box, other, out)));
    return new Template(out[0]);
  }

  /**
   * What there is.
   *
   * @return "names", "generation", "special_tokens", "added_tokens", "stop_tokens"
   */
  @SuppressWarnings("unchecked")
  public Map<String, Object> describe() {
    return (Map<String, Object>) Text.parse(get(box -> Text.of(out -> Native.hlm_template_describe(box, out))));
  }

  /**
   * The text of a conversation. It holds its special tokens: encode it without adding any.
   *
   * @param messagesJson an array of {"role", "content", ...}
   * @param options may be null
   * @return the text
   * @throws HorizonLmException INVALID_ARGUMENT for what the template raises, RESOURCE_EXHAUSTED where a limit is reached
   */
  public String render(String messagesJson, TemplateOptions options) {
    byte[] text = Text.encode(messagesJson, "messagesJson");
    return Text.of(out -> run(box -> Options.with(options, struct -> Native.hlm_template_render(box, text, struct, out))));
  }

  /**
   * A conversation for training.
   *
   * @param messagesJson an array of {"role", "content", ...}
   * @param options may be null
   * @return "method", and "sequences": maps of "text", "trained" (ranges in bytes of UTF-8), "messages", "input", "without_stop"; where
   *     the template leaves out what a trained message says, "dropped" and "unroll_keeps" as well
   * @throws HorizonLmException INVALID_ARGUMENT where what is trained cannot be proved
   */
  @SuppressWarnings("unchecked")
  public Map<String, Object> renderTraining(String messagesJson, TemplateOptions options) {
    byte[] text = Text.encode(messagesJson, "messagesJson");
    return (Map<String, Object>)
        Text.parse(Text.of(out -> run(box -> Options.with(options, struct -> Native.hlm_template_render_training(box, text, struct, out)))));
  }
}
