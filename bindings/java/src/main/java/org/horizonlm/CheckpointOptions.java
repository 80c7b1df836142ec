// Made by tools/options/generate.py from c_api/horizon_lm.h: change that.
package org.horizonlm;

import org.horizonlm.internal.Native;

/** Options of saving a checkpoint; what is not set keeps the default of the library. */
public final class CheckpointOptions extends Options {
  private CheckpointOptions(Builder builder) {
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
    return Native.new_hlm_checkpoint_options();
  }

  @Override
  void delete(long struct) {
    Native.delete_hlm_checkpoint_options(struct);
  }

  /** Collects options. A method sets the member of hlm_checkpoint_options of its name. */
  public static final class Builder {
    private final Setters setters = new Setters();

    private Builder() {}

    /**
     * Sets keep.
     *
     * @param value so many newest checkpoints of the directory stay, older ones are removed; 0 (default): all
     * @return this
     */
    public Builder keep(long value) {
      setters.add(struct -> Native.hlm_checkpoint_options_keep_set(struct, value));
      return this;
    }

    /**
     * Sets background.
     *
     * @param value true (default): returns once the state is fixed, and writes while training goes on; false:
     *     returns when all of it is on the medium
     * @return this
     */
    public Builder background(boolean value) {
      setters.add(struct -> Native.hlm_checkpoint_options_background_set(struct, value ? 1 : 0));
      return this;
    }

    /**
     * Sets user_data.
     *
     * @param value UTF-8 text that is kept with the state and handed out by resume (a position in the data, say);
     *     null: none
     * @return this
     */
    public Builder userData(String value) {
      byte[] text = Text.encode(value, "userData");
      setters.add(struct -> Native.hlm_checkpoint_options_user_data_set(struct, text));
      return this;
    }

    /**
     * The options that were collected.
     *
     * @return the options
     */
    public CheckpointOptions build() {
      return new CheckpointOptions(this);
    }
  }
}
