// Made by tools/options/generate.py from c_api/horizon_lm.h: change that.
package org.horizonlm;

import org.horizonlm.internal.Native;

/** Options of KTO; what is not set keeps the default of the library. */
public final class KtoOptions extends Options {
  private KtoOptions(Builder builder) {
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
    return Native.new_hlm_kto_options();
  }

  @Override
  void delete(long struct) {
    Native.delete_hlm_kto_options(struct);
  }

  /** Collects options. A method sets the member of hlm_kto_options of its name. */
  public static final class Builder {
    private final Setters setters = new Setters();

    private Builder() {}

    /**
     * Sets beta.
     *
     * @param value above 0; default 0.1
     * @return this
     */
    public Builder beta(double value) {
      setters.add(struct -> Native.hlm_kto_options_beta_set(struct, value));
      return this;
    }

    /**
     * Sets desirable_weight.
     *
     * @param value default 1
     * @return this
     */
    public Builder desirableWeight(double value) {
      setters.add(struct -> Native.hlm_kto_options_desirable_weight_set(struct, value));
      return this;
    }

    /**
     * Sets undesirable_weight.
     *
     * @param value default 1
     * @return this
     */
    public Builder undesirableWeight(double value) {
      setters.add(struct -> Native.hlm_kto_options_undesirable_weight_set(struct, value));
      return this;
    }

    /**
     * Sets denominator.
     *
     * @param value documents of the whole step; 0: of this batch
     * @return this
     */
    public Builder denominator(double value) {
      setters.add(struct -> Native.hlm_kto_options_denominator_set(struct, value));
      return this;
    }

    /**
     * Sets kl.
     *
     * @param value not negative; used where mismatched is null; default 0 (then this is APO-zero)
     * @return this
     */
    public Builder kl(double value) {
      setters.add(struct -> Native.hlm_kto_options_kl_set(struct, value));
      return this;
    }

    /**
     * Sets forward_only.
     *
     * @param value true: loss and metrics alone, by a forward pass: nothing is accumulated, any plan will do;
     *     default false
     * @return this
     */
    public Builder forwardOnly(boolean value) {
      setters.add(struct -> Native.hlm_kto_options_forward_only_set(struct, value ? 1 : 0));
      return this;
    }

    /**
     * The options that were collected.
     *
     * @return the options
     */
    public KtoOptions build() {
      return new KtoOptions(this);
    }
  }
}
