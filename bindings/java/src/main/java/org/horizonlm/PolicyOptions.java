// Made by tools/options/generate.py from c_api/horizon_lm.h: change that.
package org.horizonlm;

import org.horizonlm.internal.Native;

/** Options of a policy's loss; what is not set keeps the default of the library. */
public final class PolicyOptions extends Options {
  private PolicyOptions(Builder builder) {
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
    return Native.new_hlm_policy_options();
  }

  @Override
  void delete(long struct) {
    Native.delete_hlm_policy_options(struct);
  }

  /** Collects options. A method sets the member of hlm_policy_options of its name. */
  public static final class Builder {
    private final Setters setters = new Setters();

    private Builder() {}

    /**
     * Sets kind.
     *
     * @param value the form; default CLIP
     * @return this
     */
    public Builder kind(PolicyKind value) {
      Arguments.given(value, "kind");
      setters.add(struct -> Native.hlm_policy_options_kind_set(struct, value.value()));
      return this;
    }

    /**
     * Sets ratio.
     *
     * @param value of what; default TOKEN
     * @return this
     */
    public Builder ratio(Ratio value) {
      Arguments.given(value, "ratio");
      setters.add(struct -> Native.hlm_policy_options_ratio_set(struct, value.value()));
      return this;
    }

    /**
     * Sets kl.
     *
     * @param value estimator of the divergence; default K3
     * @return this
     */
    public Builder kl(KlEstimator value) {
      Arguments.given(value, "kl");
      setters.add(struct -> Native.hlm_policy_options_kl_set(struct, value.value()));
      return this;
    }

    /**
     * Sets reduction.
     *
     * @param value of tokens to a loss; default TOKEN_MEAN
     * @return this
     */
    public Builder reduction(Reduction value) {
      Arguments.given(value, "reduction");
      setters.add(struct -> Native.hlm_policy_options_reduction_set(struct, value.value()));
      return this;
    }

    /**
     * Sets clip_low.
     *
     * @param value ratios are clipped to [1 - clip_low, 1 + clip_high]; default 0.2; infinity: not on that side
     * @return this
     */
    public Builder clipLow(double value) {
      setters.add(struct -> Native.hlm_policy_options_clip_low_set(struct, value));
      return this;
    }

    /**
     * Sets clip_high.
     *
     * @param value see clip_low; default 0.2
     * @return this
     */
    public Builder clipHigh(double value) {
      setters.add(struct -> Native.hlm_policy_options_clip_high_set(struct, value));
      return this;
    }

    /**
     * Sets dual_clip.
     *
     * @param value above 1: with A &lt; 0 the loss is at most -A dual_clip; 0: off (default)
     * @return this
     */
    public Builder dualClip(double value) {
      setters.add(struct -> Native.hlm_policy_options_dual_clip_set(struct, value));
      return this;
    }

    /**
     * Sets kl_weight.
     *
     * @param value adds this times the divergence; default 0; needs reference_logprobs
     * @return this
     */
    public Builder klWeight(double value) {
      setters.add(struct -> Native.hlm_policy_options_kl_weight_set(struct, value));
      return this;
    }

    /**
     * Sets importance_cap.
     *
     * @param value caps exp(old - rollout); 0: no cap (default)
     * @return this
     */
    public Builder importanceCap(double value) {
      setters.add(struct -> Native.hlm_policy_options_importance_cap_set(struct, value));
      return this;
    }

    /**
     * Sets entropy_weight.
     *
     * @param value subtracts this times the entropy; default 0
     * @return this
     */
    public Builder entropyWeight(double value) {
      setters.add(struct -> Native.hlm_policy_options_entropy_weight_set(struct, value));
      return this;
    }

    /**
     * Sets denominator.
     *
     * @param value of the whole step: tokens (their weights) or documents, by reduction; 0: of this batch
     * @return this
     */
    public Builder denominator(double value) {
      setters.add(struct -> Native.hlm_policy_options_denominator_set(struct, value));
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
      setters.add(struct -> Native.hlm_policy_options_forward_only_set(struct, value ? 1 : 0));
      return this;
    }

    /**
     * The options that were collected.
     *
     * @return the options
     */
    public PolicyOptions build() {
      return new PolicyOptions(this);
    }
  }
}
