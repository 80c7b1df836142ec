// Made by tools/options/generate.py from c_api/horizon_lm.h: change that.
package org.horizonlm;

import org.horizonlm.internal.Native;

/** Options of rendering by a {@link Template}; what is not set keeps the default of the library. */
public final class TemplateOptions extends Options {
  private TemplateOptions(Builder builder) {
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
    return Native.new_hlm_template_options();
  }

  @Override
  void delete(long struct) {
    Native.delete_hlm_template_options(struct);
  }

  /** Collects options. A method sets the member of hlm_template_options of its name. */
  public static final class Builder {
    private final Setters setters = new Setters();

    private Builder() {}

    /**
     * Sets name.
     *
     * @param value of the template; null: chosen as Hugging Face does ("tool_use" with tools, else "default")
     * @return this
     */
    public Builder name(String value) {
      byte[] text = Text.encode(value, "name");
      setters.add(struct -> Native.hlm_template_options_name_set(struct, text));
      return this;
    }

    /**
     * Sets tools_json.
     *
     * @param value an array of tools; null: none
     * @return this
     */
    public Builder toolsJson(String value) {
      byte[] text = Text.encode(value, "toolsJson");
      setters.add(struct -> Native.hlm_template_options_tools_json_set(struct, text));
      return this;
    }

    /**
     * Sets documents_json.
     *
     * @param value an array of documents; null: none
     * @return this
     */
    public Builder documentsJson(String value) {
      byte[] text = Text.encode(value, "documentsJson");
      setters.add(struct -> Native.hlm_template_options_documents_json_set(struct, text));
      return this;
    }

    /**
     * Sets variables_json.
     *
     * @param value an object of further variables; null: none
     * @return this
     */
    public Builder variablesJson(String value) {
      byte[] text = Text.encode(value, "variablesJson");
      setters.add(struct -> Native.hlm_template_options_variables_json_set(struct, text));
      return this;
    }

    /**
     * Sets date.
     *
     * @param value what strftime_now says: "YYYY-MM-DD" or "YYYY-MM-DD HH:MM:SS"; null: now
     * @return this
     */
    public Builder date(String value) {
      byte[] text = Text.encode(value, "date");
      setters.add(struct -> Native.hlm_template_options_date_set(struct, text));
      return this;
    }

    /**
     * Sets add_generation_prompt.
     *
     * @param value true: render ends with the beginning of an answer; default false
     * @return this
     */
    public Builder addGenerationPrompt(boolean value) {
      setters.add(struct -> Native.hlm_template_options_add_generation_prompt_set(struct, value ? 1 : 0));
      return this;
    }

    /**
     * Sets train_on.
     *
     * @param value training only, what is trained; default ASSISTANT
     * @return this
     */
    public Builder trainOn(TrainOn value) {
      Arguments.given(value, "trainOn");
      setters.add(struct -> Native.hlm_template_options_train_on_set(struct, value.value()));
      return this;
    }

    /**
     * Sets mask.
     *
     * @param value training only, how it is found; default AUTO
     * @return this
     */
    public Builder mask(Mask value) {
      Arguments.given(value, "mask");
      setters.add(struct -> Native.hlm_template_options_mask_set(struct, value.value()));
      return this;
    }

    /**
     * Sets prompt_messages.
     *
     * @param value training, COMPLETION: how many messages are the prompt; -1 (default): up to the last "user"
     * @return this
     */
    public Builder promptMessages(long value) {
      setters.add(struct -> Native.hlm_template_options_prompt_messages_set(struct, value));
      return this;
    }

    /**
     * Sets max_output_bytes.
     *
     * @param value of the text, and of every string on the way; 16 times as many may be worked through; default 64
     *     MiB, at most 1 GiB
     * @return this
     */
    public Builder maxOutputBytes(long value) {
      setters.add(struct -> Native.hlm_template_options_max_output_bytes_set(struct, value));
      return this;
    }

    /**
     * Sets max_iterations.
     *
     * @param value turns of loops and calls of macros, in all; 10 times as many expressions; default 10,000,000, at
     *     most 10^15
     * @return this
     */
    public Builder maxIterations(long value) {
      setters.add(struct -> Native.hlm_template_options_max_iterations_set(struct, value));
      return this;
    }

    /**
     * Sets max_depth.
     *
     * @param value expressions, blocks and macros inside each other; default 600, at most 600
     * @return this
     */
    public Builder maxDepth(long value) {
      setters.add(struct -> Native.hlm_template_options_max_depth_set(struct, value));
      return this;
    }

    /**
     * Sets parse_arguments.
     *
     * @param value true: arguments of tool calls that are JSON in a string become values, "" is {}; false (default):
     *     as they are
     * @return this
     */
    public Builder parseArguments(boolean value) {
      setters.add(struct -> Native.hlm_template_options_parse_arguments_set(struct, value ? 1 : 0));
      return this;
    }

    /**
     * Sets drop_null_arguments.
     *
     * @param value true: members of arguments that are null are left out, as Arrow puts them there; default false
     * @return this
     */
    public Builder dropNullArguments(boolean value) {
      setters.add(struct -> Native.hlm_template_options_drop_null_arguments_set(struct, value ? 1 : 0));
      return this;
    }

    /**
     * The options that were collected.
     *
     * @return the options
     */
    public TemplateOptions build() {
      return new TemplateOptions(this);
    }
  }
}
