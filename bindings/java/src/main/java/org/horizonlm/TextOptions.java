// Made by tools/options/generate.py from c_api/horizon_lm.h: change that.
package org.horizonlm;

import org.horizonlm.internal.Native;

/** Options of what a saved model says of text; what is not set keeps the default of the library. */
public final class TextOptions extends Options {
  private TextOptions(Builder builder) {
    super(builder.setters);
  }

  /**
   * Begins with the defaults.
   *
   * @return a builder
   */
  public static Builder builder() {
    return new Builder();
  }

  @Override
  long create() {
    return Native.new_hlm_text_options();
  }

  @Override
  void delete(long struct) {
    Native.delete_hlm_text_options(struct);
  }

  /** Collects options. A method sets the member of hlm_text_options of its name. */
  public static final class Builder {
    private final Setters setters = new Setters();

    private Builder() {}

    /**
     * Sets tokenizer.
     *
     * @param value a folder, or a tokenizer's file, as hlm_tokenizer_open takes: its files in place of all of the
     *     source's; null (default): the source's
     * @return this
     */
    public Builder tokenizer(String value) {
      byte[] text = Text.encode(value, "tokenizer");
      setters.add(struct -> Native.hlm_text_options_tokenizer_set(struct, text));
      return this;
    }

    /**
     * Sets chat_template.
     *
     * @param value as hlm_template_open takes it: chat_template.jinja (and additional_chat_templates) in place of
     *     all of the source's; null (default): the source's, or, where that has none, those beside tokenizer
     * @return this
     */
    public Builder chatTemplate(String value) {
      byte[] text = Text.encode(value, "chatTemplate");
      setters.add(struct -> Native.hlm_text_options_chat_template_set(struct, text));
      return this;
    }

    /**
     * Sets stop_ids_json.
     *
     * @param value a list of ids that end what was trained: those that end no generation yet are added to
     *     eos_token_id of generation_config.json and config.json; null (default): none
     * @return this
     */
    public Builder stopIdsJson(String value) {
      byte[] text = Text.encode(value, "stopIdsJson");
      setters.add(struct -> Native.hlm_text_options_stop_ids_json_set(struct, text));
      return this;
    }

    /**
     * The options that were collected.
     *
     * @return the options
     */
    public TextOptions build() {
      return new TextOptions(this);
    }
  }
}
