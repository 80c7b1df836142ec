// Made by tools/options/generate.py from c_api/horizon_lm.h: change that.
package org.horizonlm;

import org.horizonlm.internal.Native;

/** Options of a {@link Trainer}: AdamW and its schedule; what is not set keeps the default of the library. */
public final class TrainerOptions extends Options {
  private TrainerOptions(Builder builder) {
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
    return Native.new_hlm_trainer_options();
  }

  @Override
  void delete(long struct) {
    Native.delete_hlm_trainer_options(struct);
  }

  /** Collects options. A method sets the member of hlm_trainer_options of its name. */
  public static final class Builder {
    private final Setters setters = new Setters();

    private Builder() {}

    /**
     * Sets lr.
     *
     * @param value learning rate; default 1e-5
     * @return this
     */
    public Builder lr(double value) {
      setters.add(struct -> Native.hlm_trainer_options_lr_set(struct, value));
      return this;
    }

    /**
     * Sets beta1.
     *
     * @param value decay of the first moment; of SGD the momentum; default 0.9
     * @return this
     */
    public Builder beta1(double value) {
      setters.add(struct -> Native.hlm_trainer_options_beta1_set(struct, value));
      return this;
    }

    /**
     * Sets beta2.
     *
     * @param value decay of the second moment; default 0.999
     * @return this
     */
    public Builder beta2(double value) {
      setters.add(struct -> Native.hlm_trainer_options_beta2_set(struct, value));
      return this;
    }

    /**
     * Sets eps.
     *
     * @param value added to the root of the second moment; default 1e-8
     * @return this
     */
    public Builder eps(double value) {
      setters.add(struct -> Native.hlm_trainer_options_eps_set(struct, value));
      return this;
    }

    /**
     * Sets weight_decay.
     *
     * @param value of tensors of two or more dimensions; default 0.01
     * @return this
     */
    public Builder weightDecay(double value) {
      setters.add(struct -> Native.hlm_trainer_options_weight_decay_set(struct, value));
      return this;
    }

    /**
     * Sets schedule.
     *
     * @param value of the rate after warm-up; default CONSTANT
     * @return this
     */
    public Builder schedule(Schedule value) {
      Arguments.given(value, "schedule");
      setters.add(struct -> Native.hlm_trainer_options_schedule_set(struct, value.value()));
      return this;
    }

    /**
     * Sets warmup_steps.
     *
     * @param value steps of rising rate; default 0
     * @return this
     */
    public Builder warmupSteps(long value) {
      setters.add(struct -> Native.hlm_trainer_options_warmup_steps_set(struct, value));
      return this;
    }

    /**
     * Sets total_steps.
     *
     * @param value needed by LINEAR and COSINE; default 0
     * @return this
     */
    public Builder totalSteps(long value) {
      setters.add(struct -> Native.hlm_trainer_options_total_steps_set(struct, value));
      return this;
    }

    /**
     * Sets min_lr_ratio.
     *
     * @param value the last step's rate over lr; default 0
     * @return this
     */
    public Builder minLrRatio(double value) {
      setters.add(struct -> Native.hlm_trainer_options_min_lr_ratio_set(struct, value));
      return this;
    }

    /**
     * Sets token_metrics.
     *
     * @param value true: hlm_step_metrics tells mean_token_accuracy and entropy, for a little work in the head;
     *     default false
     * @return this
     */
    public Builder tokenMetrics(boolean value) {
      setters.add(struct -> Native.hlm_trainer_options_token_metrics_set(struct, value ? 1 : 0));
      return this;
    }

    /**
     * The options that were collected.
     *
     * @return the options
     */
    public TrainerOptions build() {
      return new TrainerOptions(this);
    }
  }
}
