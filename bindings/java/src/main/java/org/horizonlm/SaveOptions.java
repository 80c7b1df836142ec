// Made by tools/options/generate.py from c_api/horizon_lm.h: change that.
package org.horizonlm;

import org.horizonlm.internal.Native;

/** Options of saving a model; what is not set keeps the default of the library. */
public final class SaveOptions extends Options {
  private SaveOptions(Builder builder) {
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
    return Native.new_hlm_save_options();
  }

  @Override
  void delete(long struct) {
    Native.delete_hlm_save_options(struct);
  }

  /** Collects options. A method sets the member of hlm_save_options of its name. */
  public static final class Builder {
    private final Setters setters = new Setters();

    private Builder() {}

    /**
     * Sets dtype.
     *
     * @param value type of saved weights; default AUTO: the source's, but BF16 for those that it has packed (fp8,
     *     MXFP4); SOURCE packs these again as the source has them
     * @return this
     */
    public Builder dtype(DType value) {
      Arguments.given(value, "dtype");
      setters.add(struct -> Native.hlm_save_options_dtype_set(struct, value.value()));
      return this;
    }

    /**
     * Sets overwrite.
     *
     * @param value true: replace a folder that holds a saved model and nothing else; default false
     * @return this
     */
    public Builder overwrite(boolean value) {
      setters.add(struct -> Native.hlm_save_options_overwrite_set(struct, value ? 1 : 0));
      return this;
    }

    /**
     * Sets max_shard_bytes.
     *
     * @param value default 5 GiB
     * @return this
     */
    public Builder maxShardBytes(long value) {
      setters.add(struct -> Native.hlm_save_options_max_shard_bytes_set(struct, value));
      return this;
    }

    /**
     * The options that were collected.
     *
     * @return the options
     */
    public SaveOptions build() {
      return new SaveOptions(this);
    }
  }
}
