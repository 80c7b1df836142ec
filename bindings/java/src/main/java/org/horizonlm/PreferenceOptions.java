// Made by tools/options/generate.py from c_api/horizon_lm.h: change that.
package org.horizonlm;

import org.horizonlm.internal.Native;

/** Options of a loss on pairs; what is not set keeps the default of the library. */
public final class PreferenceOptions extends Options {
  private PreferenceOptions(Builder builder) {
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
    return Native.new_hlm_preference_options();
  }

  @Override
  void delete(long struct) {
    Native.delete_hlm_preference_options(struct);
  }

  /** Collects options. A method sets the member of hlm_preference_options of its name. */
  public static final class Builder {
    private final Setters setters = new Setters();

    private Builder() {}

    /**
     * Sets kind.
     *
     * @param value the form; default SIGMOID
     * @return this
     */
    public Builder kind(Preference value) {
      Arguments.given(value, "kind");
      setters.add(struct -> Native.hlm_preference_options_kind_set(struct, value.value()));
      return this;
    }

    /**
     * Sets reference_free.
     *
     * @param value true: every reference is 0; default false
     * @return this
     */
    public Builder referenceFree(boolean value) {
      setters.add(struct -> Native.hlm_preference_options_reference_free_set(struct, value ? 1 : 0));
      return this;
    }

    /**
     * Sets beta.
     *
     * @param value above 0; default 0.1
     * @return this
     */
    public Builder beta(double value) {
      setters.add(struct -> Native.hlm_preference_options_beta_set(struct, value));
      return this;
    }

    /**
     * Sets gamma.
     *
     * @param value margin; default 0
     * @return this
     */
    public Builder gamma(double value) {
      setters.add(struct -> Native.hlm_preference_options_gamma_set(struct, value));
      return this;
    }

    /**
     * Sets label_smoothing.
     *
     * @param value in [0, 1), ROBUST [0, 0.5); default 0
     * @return this
     */
    public Builder labelSmoothing(double value) {
      setters.add(struct -> Native.hlm_preference_options_label_smoothing_set(struct, value));
      return this;
    }

    /**
     * Sets sft_weight.
     *
     * @param value adds this times -s_w/n_w; default 0 (ORPO: this much more)
     * @return this
     */
    public Builder sftWeight(double value) {
      setters.add(struct -> Native.hlm_preference_options_sft_weight_set(struct, value));
      return this;
    }

    /**
     * Sets sft_denominator.
     *
     * @param value above 0: adds it times -s_w / sft_denominator instead (tokens of the step); 0: as above
     * @return this
     */
    public Builder sftDenominator(double value) {
      setters.add(struct -> Native.hlm_preference_options_sft_denominator_set(struct, value));
      return this;
    }

    /**
     * Sets denominator.
     *
     * @param value pairs of the whole step; 0: of this batch
     * @return this
     */
    public Builder denominator(double value) {
      setters.add(struct -> Native.hlm_preference_options_denominator_set(struct, value));
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
      setters.add(struct -> Native.hlm_preference_options_forward_only_set(struct, value ? 1 : 0));
      return this;
    }

    /**
     * The options that were collected.
     *
     * @return the options
     */
    public PreferenceOptions build() {
      return new PreferenceOptions(this);
    }
  }
}
